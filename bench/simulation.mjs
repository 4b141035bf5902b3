/**
 * Do the report's tests reject true nulls as often as they say, and its intervals hold the truth as
 * often? Simulates experiments with known answers. `node bench/simulation.mjs [trials] [--write]`:
 * prints the tables, and with `--write` puts them into docs/decisions/inference-simulation.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { machine } from './copy.mjs';

const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const document = join(repository, 'docs', 'decisions', 'inference-simulation.md');
const trials = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 2000);

const PAGES = [
  { pages: 80, perPage: 5, icc: 0 },
  { pages: 80, perPage: 5, icc: 0.1 },
  { pages: 80, perPage: 5, icc: 0.3 },
  { pages: 80, perPage: 5, icc: 0.5 },
  { pages: 99, perPage: 30, icc: 0.1 },
  { pages: 20, perPage: 10, icc: 0.3 },
  { pages: 10, perPage: 10, icc: 0.5 },
];
const SEEDS = [2, 3, 5].map((seeds) => ({
  ...{ pages: 80, perPage: 5, icc: 0.2, seeds },
  ...{ seedShare: 0.01, pageSeedShare: 0.05 },
}));

const { pairTrials, seedTrials, singleTrials } = await load();
const started = performance.now();
const text = [
  `${trials} simulated experiments a column; Monte-Carlo error of 5 %: ± ${error(0.05)} points (95 %).`,
  '',
  ...table(
    PAGES,
    (shape) => new Map([...pairTrials(shape, trials), ...singleTrials(shape, trials)]),
  ),
  '',
  'Several seeds (80 pages of 5 questions; the seed has 1 % of the latent variance, seed × page 5 %):',
  '',
  ...table(SEEDS, (shape) => seedTrials(shape, trials)),
].join('\n');
console.log(text);
console.error(`${machine()}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
if (process.argv.includes('--write')) writeInto(document, text);

function table(shapes, run) {
  const columns = shapes.map((shape) => ({ shape, tally: run(shape) }));
  const names = [...columns[0].tally.keys()];
  return [
    `| % of experiments | ${columns.map(({ shape }) => title(shape)).join(' | ')} |`,
    `| --- | ${columns.map(() => '---:').join(' | ')} |`,
    ...names.map((name) => {
      const cells = columns.map(({ tally }) => share(tally.get(name)));
      return `| ${name} | ${cells.join(' | ')} |`;
    }),
  ];
}

function title({ pages, perPage, icc, seeds }) {
  return seeds === undefined ? `${pages} × ${perPage}, ICC ${icc}` : `${seeds} seeds`;
}

function share({ yes, of }) {
  return ((100 * yes) / of).toFixed(1);
}

function error(rate) {
  return (196 * Math.sqrt((rate * (1 - rate)) / trials)).toFixed(1);
}

async function load() {
  const outfile = join(repository, 'dist', 'simulation.mjs');
  await build({
    entryPoints: [join(repository, 'bench', 'simulation', 'trials.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}

/** Replaces what stands between the two marks. */
function writeInto(path, figures) {
  const [head, , tail] = readFileSync(path, 'utf8').split(/<!-- (?:figures|end) -->\n/);
  writeFileSync(path, `${head}<!-- figures -->\n${figures}\n<!-- end -->\n${tail}`);
}
