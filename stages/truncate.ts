/** The text of the ranked pages, without those that nothing can be learnt about. */
import { readFileSync } from 'node:fs';
import { DataError, translateErrors } from '../src/fever/data-error.ts';
import { countOf, recordOf } from '../src/fever/field.ts';
import { writeJson, writeJsonLines } from '../src/fever/json-lines.ts';
import { readPageGroups } from '../src/fever/page-group.ts';
import { readRankedPages } from '../src/fever/ranking.ts';
import { assertPagesLeft, truncatePages } from '../src/fever/truncation.ts';
import { type DumpSearch, findPages } from '../src/fever/wiki-dump.ts';
import { defineStage, type StageContext, StageError, Type } from '../src/pipe/stage.ts';

const paramsSchema = /* @__PURE__ */ Type.Object({
  requireTrainQa: Type.Boolean({
    default: true,
    description: 'Drop pages that no training question cites; off for page-disjoint splits.',
  }),
  onBadLine: Type.Union([Type.Literal('fail'), Type.Literal('skip')], { default: 'fail' }),
});

export default defineStage({
  description: 'Looks the ranked pages up in the dump and drops those without text or training.',
  params: paramsSchema,
  inputs: {
    pages: { kind: 'file', description: '`rank`’s pages.' },
    ranked: { kind: 'file', description: '`rank`’s stats, for N_full.' },
    train: { kind: 'file', description: '`extract`’s training questions.' },
    wiki: { kind: 'files', description: 'The dump: wiki-*.jsonl, in FEVER’s format.' },
  },
  outputs: {
    // Wikipedia's own text under titles that `rank` chose; of the training questions only their
    // presence is used. No label of any split can be read from it.
    pages: { path: 'pages.jsonl', labels: [] },
    stats: { path: 'stats.json', labels: [] },
  },
  run: (context) => translateErrors(StageError, () => truncate(context)),
});

type Context = StageContext<
  { requireTrainQa: boolean; onBadLine: 'fail' | 'skip' },
  'pages' | 'ranked' | 'train' | 'wiki',
  'pages' | 'stats'
>;

async function truncate({ params, inputs, outputs, ...context }: Context): Promise<void> {
  const ranked = readRankedPages(inputs.pages.path);
  const { nFull } = recordOf(JSON.parse(readFileSync(inputs.ranked.path, 'utf8')));
  const dump = await searchDump();
  const trained = new Set(Array.from(readPageGroups(inputs.train.path), ({ page }) => page));
  const truncation = truncatePages({
    ranked,
    texts: dump.pages,
    trained: params.requireTrainQa ? trained : undefined,
  });
  assertPagesLeft(truncation);
  const { stats } = truncation;
  writeJsonLines(outputs.pages, truncation.pages);
  writeJson(outputs.stats, { nFull: countOf(nFull, 'nFull'), ...stats, ...dumpStats(dump) });
  for (const line of [...dump.complaints, ...truncation.dropped]) context.log(line);
  context.note(
    `N_trunc ${stats.nTrunc} of ${stats.nTop} (${stats.droppedEmpty} without text, ` +
      `${stats.droppedNoTrain} without training questions); ${stats.questions} questions`,
  );

  function searchDump(): Promise<DumpSearch> {
    const files = inputs.wiki.files.map(({ path }) => path);
    if (files.length === 0) {
      const hint = 'params.wiki is the folder that holds wiki-001.jsonl and so on';
      throw new DataError('the dump has no file', { hint });
    }
    const wanted = ranked.map(({ page }) => page);
    const onFile = (done: number, total: number, found: number) =>
      context.progress(done, total, 'files', { found, wanted: wanted.length });
    return findPages(files, wanted, { onBadLine: params.onBadLine, onFile });
  }
}

function dumpStats({ pages, duplicatePages, badLines }: DumpSearch) {
  const found = [...pages.values()];
  return {
    duplicatePages,
    badLines,
    tornLines: found.reduce((sum, { tornLines }) => sum + tornLines, 0),
    rebuiltTexts: found.filter(({ rebuilt }) => rebuilt).length,
  };
}
