/** Claims of FEVER's files, grouped by the evidence page that they are about. */
import { translateErrors } from '../src/fever/data-error.ts';
import { type Extraction, extractFile } from '../src/fever/extraction.ts';
import { writeJson, writeJsonLines } from '../src/fever/json-lines.ts';
import { defineStage, StageError, Type } from '../src/pipe/stage.ts';

export default defineStage({
  description: 'Groups the question-answer pairs of the claim files by evidence page.',
  params: Type.Object({
    unit: Type.Union(
      [Type.Literal('row'), Type.Literal('claim-page'), Type.Literal('claim-page-sentence')],
      { default: 'claim-page', description: 'What counts as one question.' },
    ),
    nullPage: Type.Union([Type.Literal('drop'), Type.Literal('group')], {
      default: 'drop',
      description: 'Evidence without a page: left out, or a group of its own as in the note.',
    }),
    onBadLine: Type.Union([Type.Literal('fail'), Type.Literal('skip')], { default: 'fail' }),
    conflicts: Type.Union([Type.Literal('keep'), Type.Literal('drop')], {
      default: 'keep',
      description: 'Claims whose text has several labels in one file; counted in either case.',
    }),
  }),
  inputs: {
    dev: { kind: 'file', description: 'Claims to evaluate on, one a line, in FEVER’s format.' },
    train: { kind: 'file', description: 'Claims to train on, in the same format.' },
  },
  outputs: {
    dev: { path: 'dev.jsonl', labels: ['dev'] },
    train: { path: 'train.jsonl', labels: ['train'] },
    // Counts only: no wording and no label of any one claim can be read from them.
    stats: { path: 'stats.json', labels: [] },
  },
  run: (context) =>
    translateErrors(StageError, () => {
      const { inputs, outputs, params } = context;
      const dev = extractFile(inputs.dev.path, params);
      const train = extractFile(inputs.train.path, params);
      writeJsonLines(outputs.dev, dev.groups);
      writeJsonLines(outputs.train, train.groups);
      writeJson(outputs.stats, { ...dev.stats, train: train.stats });
      for (const complaint of [...dev.complaints, ...train.complaints]) context.log(complaint);
      for (const line of [...notesOn('dev', dev), ...notesOn('train', train)]) context.note(line);
    }),
});

function notesOn(split: 'dev' | 'train', { stats }: Extraction): string[] {
  const size = `${stats.claims} claims, ${stats.questions} questions`;
  const first =
    split === 'dev' ? `N_full ${stats.nFull} (${size})` : `train: ${stats.nFull} pages (${size})`;
  const flaws = [
    [stats.badLines, 'bad lines skipped'],
    [stats.duplicateTexts, 'claims repeat the text of another'],
    [stats.conflictingTexts, 'texts have conflicting labels'],
    [stats.droppedConflicts, 'claims dropped for that'],
  ] as const;
  const found = flaws.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return found.length === 0 ? [first] : [first, `${split}: ${found.join(', ')}`];
}
