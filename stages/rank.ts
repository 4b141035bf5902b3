/** The pages with the most questions. */
import { translateErrors } from '../src/fever/data-error.ts';
import { writeJson, writeJsonLines } from '../src/fever/json-lines.ts';
import { readPageGroups } from '../src/fever/page-group.ts';
import { rankPages } from '../src/fever/ranking.ts';
import { defineStage, StageError, Type } from '../src/pipe/stage.ts';

export default defineStage({
  description: 'Sorts the pages by number of questions and keeps the first K.',
  params: Type.Object({
    topK: Type.Integer({ minimum: 1, default: 100, description: 'N_top: how many pages to keep.' }),
  }),
  inputs: { dev: { kind: 'file', description: '`extract`’s questions, grouped by page.' } },
  outputs: {
    // Titles and counts only: which pages are asked about, never what is asked or answered. They
    // choose the pages that memories learn, so the label of the questions must not stick to them.
    pages: { path: 'pages.jsonl', labels: [] },
    stats: { path: 'stats.json', labels: [] },
  },
  run: (context) =>
    translateErrors(StageError, () => {
      const groups = [...readPageGroups(context.inputs.dev.path)];
      const pages = rankPages(groups, context.params.topK);
      writeJsonLines(context.outputs.pages, pages);
      writeJson(context.outputs.stats, { nFull: groups.length, nTop: pages.length });
      context.note(`N_top ${pages.length} of ${groups.length} pages`);
    }),
});
