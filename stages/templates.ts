/** Documents and examples to learn, and the prompts to be tested with. */
import { translateErrors } from '../src/fever/data-error.ts';
import { writeJson, writeJsonLines } from '../src/fever/json-lines.ts';
import { DEFAULT_LETTERS, isLetters } from '../src/fever/label.ts';
import { readPageGroups } from '../src/fever/page-group.ts';
import { DEFAULT_FORMAT, INSTRUCTION } from '../src/fever/prompt.ts';
import { makeTemplates, type TemplateSet } from '../src/fever/template-set.ts';
import { readPageTexts } from '../src/fever/truncation.ts';
import { defineStage, StageError, Type } from '../src/pipe/stage.ts';

export default defineStage({
  description: 'Writes documents and examples for the memories, and the few-shot prompts.',
  params: Type.Object({
    shots: Type.Array(Type.Integer({ minimum: 0, maximum: 16 }), {
      default: [0, 1, 2, 3, 4, 5],
      minItems: 1,
      description: 'Numbers of answered claims before the one that is asked.',
    }),
    exampleShots: Type.Integer({
      minimum: 0,
      maximum: 16,
      default: 1,
      description: 'Answered claims before each training example.',
    }),
    overlap: Type.Union(
      [Type.Literal('fail'), Type.Literal('drop-example'), Type.Literal('allow')],
      {
        default: 'drop-example',
        description: 'Training claims with the text of an eval claim: error, left out, or kept.',
      },
    ),
    claimsInPages: Type.Union([Type.Literal('fail'), Type.Literal('allow')], {
      default: 'fail',
      description: 'Eval claims that are a sentence of a page to be learnt: error, or counted.',
    }),
    documentTitle: Type.Union([Type.Literal('line'), Type.Literal('none')], {
      default: 'line',
      description: 'Whether a document begins with its title on a line of its own.',
    }),
    instruction: Type.String({ default: INSTRUCTION, description: 'First line of every prompt.' }),
    shotSeeds: Type.Array(Type.Integer({ minimum: 0 }), {
      default: [0],
      minItems: 1,
      uniqueItems: true,
      description: 'Choices of few-shot examples: replicates that every candidate is asked with.',
    }),
    letters: Type.Array(Type.String({ pattern: '^[abc]{3}$' }), {
      default: [DEFAULT_LETTERS],
      minItems: 1,
      uniqueItems: true,
      description:
        'Letters of SUPPORTS, REFUTES, NOT ENOUGH INFO, such as abc or bca; examples take the first.',
    }),
    fewshotDelimiter: Type.String({
      default: DEFAULT_FORMAT.fewshotDelimiter,
      pattern: '\\n',
      description: 'Between the candidate line, the shots and the claim; it holds a line feed.',
    }),
    targetDelimiter: Type.String({
      default: DEFAULT_FORMAT.targetDelimiter,
      description: 'Before an answer; give eval the same.',
    }),
  }),
  inputs: {
    pages: { kind: 'file', description: '`truncate`’s pages.' },
    dev: { kind: 'file', description: '`extract`’s questions to evaluate on.' },
    train: { kind: 'file', description: '`extract`’s questions to learn from.' },
  },
  outputs: {
    // Page text and nothing else.
    documents: { path: 'documents.jsonl', labels: [] },
    // Written from training questions. Eval claims only decide which of them are left out for having
    // the same text; no wording and no label of theirs gets in, which `stats.leakage` counts.
    examples: { path: 'examples.jsonl', labels: ['train'] },
    // The shots are training questions, but the prompt ends in an eval claim.
    prompts: { path: 'prompts.jsonl', labels: ['dev'] },
    // Counts only.
    stats: { path: 'stats.json', labels: [] },
  },
  run: ({ params, inputs, outputs, seed, note }) =>
    translateErrors(StageError, () => {
      const input = {
        pages: readPageTexts(inputs.pages.path),
        dev: [...readPageGroups(inputs.dev.path)],
        train: [...readPageGroups(inputs.train.path)],
      };
      requireLetters(params.letters);
      const made = makeTemplates(input, { ...params, format: params, seed });
      writeJsonLines(outputs.documents, made.documents);
      writeJsonLines(outputs.examples, made.examples);
      writeJsonLines(outputs.prompts, made.prompts);
      writeJson(outputs.stats, made.stats);
      for (const line of notesOn(made.stats)) note(line);
    }),
});

/** The pattern lets `aab` through, in which two labels would have one letter. */
function requireLetters(orders: readonly string[]): void {
  const wrong = orders.find((letters) => !isLetters(letters));
  if (wrong === undefined) return;
  throw new StageError(`letters "${wrong}" do not give each label a letter of its own`, {
    hint: 'write each of a, b and c once, such as bca',
  });
}

function notesOn({ leakage, ...stats }: TemplateSet['stats']): string[] {
  const dropped = leakage.policy === 'allow' ? 0 : leakage.overlapping;
  return [
    `${stats.questions} questions in ${stats.prompts} prompts, ${stats.documents} documents, ` +
      `${stats.examples} examples`,
    `eval claims in training examples: ${leakage.exact} exact, ${leakage.normalised} normalised, ` +
      `${leakage.nearDuplicate} nearly (${dropped} training questions left out for that); ` +
      `${leakage.inDocuments} stand word for word in a page`,
  ];
}
