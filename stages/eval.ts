/** Every candidate answers every prompt; the answers are judged, gated and compared. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Static } from '@sinclair/typebox';
import { parseLetter } from '../src/eval/answer.ts';
import { askedOnce, BASELINES, baselinePredictions } from '../src/eval/baseline.ts';
import { type Cost, costOf } from '../src/eval/cost.ts';
import { type Effect, effectsOf, largest } from '../src/eval/effect.ts';
import { examine, PRETRAINED } from '../src/eval/examine.ts';
import { effectGate } from '../src/eval/gate/effect.ts';
import type { GateRecord } from '../src/eval/gate/gate.ts';
import { identityGate, requireDistinct } from '../src/eval/gate/identity.ts';
import { invalidGate } from '../src/eval/gate/invalid.ts';
import { leakageGate } from '../src/eval/gate/leakage.ts';
import { letterGate } from '../src/eval/gate/letters.ts';
import { shotGate } from '../src/eval/gate/shots.ts';
import { predictionsOf } from '../src/eval/judge.ts';
import { CONTROLS, type Lineup, lineupOf } from '../src/eval/lineup.ts';
import {
  type Prompt,
  promptSizes,
  readExamples,
  readPrompts,
  trainingClaimsOf,
} from '../src/eval/prompt.ts';
import { type CandidateInfo, type Results, resultsOf } from '../src/eval/results.ts';
import { SCORINGS } from '../src/eval/scoring.ts';
import { resultsTable } from '../src/eval/table.ts';
import { DataError, translateErrors as translateDataErrors } from '../src/fever/data-error.ts';
import { readFolds } from '../src/fever/fold.ts';
import { writeJson, writeJsonLines } from '../src/fever/json-lines.ts';
import { LETTERS } from '../src/fever/label.ts';
import { titleText } from '../src/fever/title.ts';
import { readPageTexts } from '../src/fever/truncation.ts';
import { beginningOf } from '../src/lm/beginning.ts';
import { modelAmong } from '../src/lm/model-place.ts';
import { loadTokenizer } from '../src/lm/tokenizer.ts';
import { blockNumbers } from '../src/memory/blocks.ts';
import { type Examinee, type Measure, openExaminee } from '../src/memory/examinee.ts';
import { tokenRate } from '../src/memory/pace.ts';
import { translateErrors as translateModelErrors } from '../src/memory/translate-errors.ts';
import { type UntrainedName, untrainedMemories } from '../src/memory/untrained.ts';
import { defineStage, type StageContext, StageError, Type } from '../src/pipe/stage.ts';
import { startBackend } from '../src/tensor/backend.ts';

const paramsSchema = /* @__PURE__ */ Type.Object({
  model: Type.String({ description: 'The name that results carry.' }),
  shots: Type.Array(Type.Integer({ minimum: 0 }), {
    default: [0, 1, 2, 3, 4, 5],
    minItems: 1,
    description: 'Numbers of shots to ask with, of those that templates wrote.',
  }),
  scoring: Type.Array(Type.Union(SCORINGS.map((name) => Type.Literal(name))), {
    default: ['likelihood'],
    minItems: 1,
    uniqueItems: true,
    description:
      'How answers are read: by likelihood (whole, per token or byte, calibrated, PMI), or generated.',
  }),
  contentFree: Type.Array(Type.String({ minLength: 1 }), {
    default: ['N/A'],
    minItems: 1,
    uniqueItems: true,
    description: 'Claims without content, that `calibrated` sets the answers off against.',
  }),
  controls: Type.Array(Type.Union(CONTROLS.map((name) => Type.Literal(name))), {
    default: [],
    uniqueItems: true,
    description: 'Controls without training to ask too; gold-page needs the input pages.',
  }),
  contextTokens: Type.Integer({
    minimum: 1,
    default: 256,
    description: 'How much of its page gold-page reads before each prompt.',
  }),
  batch: Type.Integer({ minimum: 1, default: 48, description: 'Rows of tokens that run at once.' }),
  maxTokens: Type.Integer({
    minimum: 1,
    default: 8,
    description: 'How much to generate in search of an answer.',
  }),
  targetDelimiter: Type.String({ default: ' ', description: 'Before an answer, as in templates.' }),
  overlap: Type.Union([Type.Literal('fail'), Type.Literal('allow')], {
    default: 'fail',
    description: 'Eval claims in training examples: the leakage gate fails, or counts them.',
  }),
  voidMemories: Type.Array(Type.String(), {
    default: [],
    description: 'Candidates that may change no logit.',
  }),
});

export default defineStage({
  description: 'Asks pretrained, every memory and every control all prompts, and compares them.',
  params: paramsSchema,
  inputs: {
    weights: { kind: 'files', description: 'The folder of the model.' },
    memories: { kind: 'fan-in', description: 'A memory for each candidate and seed.' },
    prompts: { kind: 'file', description: '`templates`’ prompts.' },
    examples: { kind: 'file', description: '`templates`’ examples, for the baselines and gates.' },
    pages: { kind: 'file', optional: true, description: '`truncate`’s pages, for gold-page.' },
    otherPages: {
      kind: 'fan-in',
      optional: true,
      description: 'Memories trained without the pages of one fold each: a control of knowledge.',
    },
    folds: { kind: 'fan-in', optional: true, description: '`fold`’s folds, with otherPages.' },
  },
  outputs: {
    predictions: { path: 'predictions.jsonl', labels: ['dev'] },
    results: { path: 'results.json', labels: ['dev'] },
    table: { path: 'table.txt', labels: ['dev'], display: true },
  },
  run: (context) =>
    translateDataErrors(StageError, () =>
      translateModelErrors(StageError, () => evaluate(context)),
    ),
});

type Params = Static<typeof paramsSchema>;

type Context = StageContext<
  Params,
  'weights' | 'memories' | 'prompts' | 'examples' | 'pages' | 'otherPages' | 'folds',
  'predictions' | 'results' | 'table'
>;

async function evaluate(context: Context): Promise<void> {
  const { params, inputs, outputs, seed } = context;
  const { model } = params;
  const prompts = readPrompts(inputs.prompts.path, params.shots);
  const examples = readExamples(inputs.examples.path);
  const textGates = [
    shotGate(prompts),
    letterGate(prompts, examples),
    leakageGate(prompts, examples, params.overlap),
  ];
  const asked = await askAll(context, prompts);
  const { lineup, effects, gates, sizes } = asked;
  const baselines = baselinePredictions(model, prompts, trainingClaimsOf(examples));
  const predictions = [...asked.predictions, ...baselines];
  const results = resultsOf({
    model,
    predictions,
    questions: askedOnce(prompts),
    candidates: candidatesOf(lineup, asked.blocks, baselines.length > 0),
    effects,
    gates: [...textGates, ...gates],
    seed,
  });
  writeJsonLines(outputs.predictions, predictions);
  const settings = { ...params, seed };
  const { parameters } = asked;
  writeJson(outputs.results, { ...results, parameters, seed, settings, prompts: sizes });
  writeFileSync(outputs.table, resultsTable(results));
  tell(context, results, effects);
}

async function askAll(context: Context, prompts: readonly Prompt[]) {
  const { params } = context;
  const backend = await startBackend();
  context.metric({ backend: backend.name });
  context.log(`backend ${backend.name}: ${backend.reason}`);
  const lineup = lineUp(context, backend.name);
  requireKnown(params.voidMemories, lineup);
  const examinee = await openLineup(context, lineup);
  try {
    const { entrants } = lineup;
    const { scoring: scorings, contentFree } = params;
    const rate = tokenRate();
    let asked = 0;
    const outcome = await examine({
      prompts,
      reference: lineup.reference,
      contestants: entrants,
      scorings,
      contentFree,
      scorer: examinee,
      memo: context.memo('eval', 2),
      progress: (done, total) => {
        context.progress(done, total, 'prompts', { promptsPerSecond: rate(done - asked) });
        asked = done;
      },
    });
    const measure = rememberedMeasure(context, examinee);
    const predictions = predictionsOf(entrants, prompts, outcome, {
      model: params.model,
      scorings,
      contentFree,
      answers: answersOf(params),
      letters: LETTERS,
      answerTokensOf: (text) => measure(text).answerTokens,
    });
    const effects = effectsOf(entrants, prompts, { outcome, reference: lineup.reference });
    const gates = [
      effectGate(effects, { allowed: params.voidMemories, closed: ['gate-0'] }),
      invalidGate(predictions),
      await identityGate({
        contestants: entrants,
        prompts,
        predictions,
        outcome,
        scorer: examinee,
        letters: LETTERS,
      }),
    ];
    tellCost(context, costOf(entrants, prompts, outcome), examinee.overlong());
    const blocks = new Map([...examinee.memories].map(([name, own]) => [name, own.blocks]));
    const { parameters } = examinee;
    const sizes = promptSizes(prompts, (text) => measure(text).tokens);
    return { lineup, predictions, effects, gates, sizes, parameters, blocks };
  } finally {
    examinee.dispose();
  }
}

/** ` (a)`, ` (b)`, ` (c)`: with the blank that the tokenizers make part of the answer. */
function answersOf({ targetDelimiter }: Params): string[] {
  return LETTERS.map((letter) => `${targetDelimiter}(${letter})`);
}

function lineUp(context: Context, backend: string): Lineup {
  const { inputs, params, seed } = context;
  const memories = inputs.memories.files;
  const otherPages = inputs.otherPages?.files ?? [];
  requireDistinct(
    [...memories, ...otherPages].map(({ digest, cell }) => ({
      name: Object.values(cell).join(','),
      digest,
    })),
  );
  // Every cell of `fold` deals the same folds: one of them is enough.
  const [dealt] = inputs.folds?.files ?? [];
  const folds = dealt === undefined ? new Map<string, string>() : readFolds(dealt.path);
  return lineupOf({
    base: baseDigest(context, backend),
    memories,
    otherPages,
    folds,
    controls: params.controls,
    seed,
    ...(params.controls.includes('gold-page') ? { withPage: pageReader(context) } : {}),
  });
}

function openLineup(context: Context, { entrants }: Lineup): Promise<Examinee> {
  const { inputs, params, seed } = context;
  const files = entrants.flatMap((entrant) => entrant.files);
  const untrained = params.controls.filter((name): name is UntrainedName => name !== 'gold-page');
  return openExaminee({
    model: modelAmong(inputs.weights.path, inputs.weights.files),
    memories: new Map(files.map(({ subject, path }) => [subject, path])),
    untrained: (shape) => untrainedMemories(untrained, shape, seed),
    answers: answersOf(params),
    batch: params.batch,
    generation: { maxTokens: params.maxTokens, stop: isAnswered },
  });
}

/** A prompt with the beginning of its page before it. */
function pageReader({ inputs, params }: Context): (prompt: Prompt) => string {
  if (!inputs.pages?.files.length) {
    throw new DataError('the control gold-page needs the pages', {
      hint: 'give eval the input pages: truncate.pages',
    });
  }
  const tokenizer = loadTokenizer(modelAmong(inputs.weights.path, inputs.weights.files));
  const texts = new Map(
    readPageTexts(inputs.pages.path).map(({ page, text }) => [
      page,
      beginningOf(`${titleText(page)}\n${text}`, tokenizer, params.contextTokens),
    ]),
  );
  return ({ page, prompt }) => `${texts.get(page) ?? titleText(page)}\n\n${prompt}`;
}

/** Once an answer is there, or the model goes on to make up another claim, the rest says nothing. */
function isAnswered(text: string): boolean {
  return parseLetter(text, LETTERS) !== undefined || text.includes('Claim:');
}

/** What an answer of the model depends on beside memory and prompt: its files and how it is asked. */
function baseDigest({ inputs, params }: Context, backend: string): string {
  const hash = createHash('sha256');
  for (const { name, digest } of inputs.weights.files) hash.update(`${name} ${digest}\n`);
  return hash.update(JSON.stringify([backend, params.maxTokens, answersOf(params)])).digest('hex');
}

/** Tokenising every prompt again would cost more than all else that an edited claim costs. */
function rememberedMeasure(context: Context, examinee: Examinee): (text: string) => Measure {
  const memo = context.memo('prompt sizes', 1);
  const digest = baseDigest(context, '');
  const known = new Map<string, Measure>();
  return (text) => {
    const name = `${digest} ${createHash('sha256').update(text).digest('hex')}`;
    const kept = known.get(name) ?? parsed(memo.get(name)) ?? examinee.measure(text);
    if (!known.has(name)) memo.set(name, Buffer.from(JSON.stringify(kept)));
    known.set(name, kept);
    return kept;
  };
}

function parsed(bytes: Uint8Array | undefined): Measure | undefined {
  return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as Measure);
}

/** A mistyped name would exempt nothing, or a memory of that name one day. */
function requireKnown(voidMemories: readonly string[], { entrants }: Lineup): void {
  const candidates = entrants.map(({ candidate }) => candidate);
  const unknown = voidMemories.filter((name) => !candidates.includes(name));
  if (unknown.length === 0) return;
  const names = unknown.map((name) => `"${name}"`).join(', ');
  const there = candidates.filter((name) => name !== PRETRAINED);
  throw new StageError(`voidMemories names ${names}, and there is no such memory`, {
    hint: `the memories are ${there.map((name) => `"${name}"`).join(', ')}`,
  });
}

function candidatesOf(
  { entrants }: Lineup,
  blocks: ReadonlyMap<string, { from: number; to: number }>,
  baselines: boolean,
): CandidateInfo[] {
  const names = [...new Set(entrants.map(({ candidate }) => candidate))];
  const asked = names.map((name) => {
    const own = entrants.filter(({ candidate }) => candidate === name);
    const files = own.flatMap((entrant) => entrant.files);
    const range = blocks.get(files[0]?.subject ?? name);
    return {
      name,
      kind: own[0]!.kind,
      seeds: own.map(({ seed }) => seed),
      memories: files.map(({ digest }) => digest),
      blocks: range === undefined ? [] : blockNumbers(range),
    };
  });
  const none = { seeds: [null], memories: [], blocks: [] };
  const claimOnly = BASELINES.map((name) => ({ name, kind: 'baseline' as const, ...none }));
  return baselines ? [...asked, ...claimOnly] : asked;
}

function tellCost({ note }: Context, cost: Cost, overlong: number): void {
  const { rescored, claims, forwardPasses } = cost;
  note(`re-scored ${rescored} of ${claims} claims: ${forwardPasses} forward passes`);
  if (overlong > 0) note(`${overlong} texts are longer than what the model was trained on`);
}

function tell(context: Context, { rows, gates }: Results, effects: readonly Effect[]): void {
  const applied = effects.map((effect) => `${effect.candidate} ${largest(effect).toPrecision(3)}`);
  if (applied.length > 0) context.note(`max |Δ logit| to pretrained: ${applied.join(', ')}`);
  context.note(`passed ${gates.map(({ name }: GateRecord) => name).join(', ')}`);
  context.metric({ accuracy: nestedAccuracies(rows) });
}

/** By scoring, candidate and number of shots. */
function nestedAccuracies(rows: Results['rows']) {
  const byScoring: Record<
    string,
    Record<string, Record<string, { value: number; low: number; high: number }>>
  > = {};
  for (const { scoring, letters, candidate, shots, accuracy, intervals } of rows) {
    if (intervals === null) continue;
    const place = letters === 'abc' ? scoring : `${scoring} ${letters}`;
    const { low, high } = intervals.accuracy;
    byScoring[place] ??= {};
    byScoring[place][candidate] ??= {};
    byScoring[place][candidate][`${shots} shots`] = { value: accuracy, low, high };
  }
  return byScoring;
}
