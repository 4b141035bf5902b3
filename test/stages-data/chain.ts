/** The four data stages one after the other, as the flagship pipeline joins them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import extract from '../../stages/extract.ts';
import rank from '../../stages/rank.ts';
import templates from '../../stages/templates.ts';
import truncate from '../../stages/truncate.ts';
import { runStage } from './stage-run.ts';

export const DEFAULTS = {
  extract: { unit: 'claim-page', nullPage: 'drop', onBadLine: 'fail', conflicts: 'keep' },
  rank: { topK: 100 },
  truncate: { requireTrainQa: true, onBadLine: 'fail' },
  templates: {
    shots: [0, 1, 2, 3, 4, 5],
    exampleShots: 1,
    overlap: 'drop-example',
    claimsInPages: 'allow',
    documentTitle: 'line',
    instruction: 'Determine the factuality of the following claims',
    shotSeeds: [0],
    letters: ['abc'],
    fewshotDelimiter: '\n',
    targetDelimiter: ' ',
  },
};

export interface ChainFiles {
  readonly dev: string;
  readonly train: string;
  /** A folder of wiki-*.jsonl. */
  readonly wiki: string;
}

type Changes = { readonly [stage in keyof typeof DEFAULTS]?: object };

/** Runs all four with the defaults and `changes`; artifacts go below `folder`. */
export async function runChain(files: ChainFiles, folder: string, changes: Changes = {}) {
  const paramsOf = (stage: keyof typeof DEFAULTS) => ({ ...DEFAULTS[stage], ...changes[stage] });
  const at = (stage: keyof typeof DEFAULTS) => ({
    folder: join(folder, stage),
    params: paramsOf(stage),
  });
  const { dev, train } = files;
  const extracted = await runStage(extract, { ...at('extract'), inputs: { dev, train } });
  const qa = { dev: extracted.outputs.dev!, train: extracted.outputs.train! };
  const ranked = await runStage(rank, { ...at('rank'), inputs: { dev: qa.dev } });
  const wiki = readdirSync(files.wiki).filter((name) => /^wiki-.*\.jsonl$/.test(name));
  const truncated = await runStage(truncate, {
    ...at('truncate'),
    inputs: {
      pages: ranked.outputs.pages!,
      ranked: ranked.outputs.stats!,
      train: qa.train,
      wiki: wiki.sort().map((name) => join(files.wiki, name)),
    },
  });
  const made = await runStage(templates, {
    ...at('templates'),
    inputs: { pages: truncated.outputs.pages!, ...qa },
  });
  return { extract: extracted, rank: ranked, truncate: truncated, templates: made };
}
