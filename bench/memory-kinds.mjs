/**
 * The note's memory, LoRA with as many parameters, and full fine-tuning of the blocks above, on the
 * sample: accuracy by number of shots, and on the claims that were trained on.
 * `node bench/memory-kinds.mjs [SEEDS]`
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyPipeline, machine } from './copy.mjs';

const seeds = Number(process.argv[2] ?? 1);
const { folder, pipe, remove } = copyPipeline();
const asked = {
  'dev claims': ['--set', 'params.shots=[0,1,3,5]'],
  'the claims trained on': [
    '--set',
    'params.shots=[0]',
    '--set',
    'params.dev=data/sample/train.jsonl',
    '--set',
    'stages.templates.params.overlap=allow',
    '--set',
    'stages.eval.params.overlap=allow',
  ],
};
// What trains a hundred times as many weights from where they are wants smaller steps.
const kinds = {
  adapter: ['--set', 'stages.train.params.kind=adapter'],
  lora: ['--set', 'stages.train.params.kind=lora'],
  full: [
    '--set',
    'stages.train.params.kind=full',
    '--set',
    'stages.train.params.learningRate=0.0002',
  ],
};

try {
  console.log(machine());
  console.log(`accuracy, mean of ${seeds} seeds (its range)`);
  for (const [what, words] of Object.entries(asked)) {
    for (const [kind, choice] of Object.entries(kinds)) {
      const runs = Array.from({ length: seeds }, (_, seed) => {
        pipe('run', 'eval', ...words, ...choice, '--set', `stages.train.seed=${seed}`);
        return accuracies();
      });
      console.log(`${what}, ${kind} (${parametersOf()} parameters):`);
      for (const candidate of runs[0].keys()) print(candidate, runs);
    }
  }
} finally {
  remove();
}

/** By candidate, then number of shots. */
function accuracies() {
  const text = readFileSync(join(folder, 'artifacts/eval@neox-mini/predictions.jsonl'), 'utf8');
  const counts = new Map();
  for (const line of text.split('\n').filter(Boolean)) {
    const { candidate, shots, scoring, gold, predicted } = JSON.parse(line);
    if (scoring !== 'likelihood' || !['pretrained', 'doc', 'temp', 'doctemp'].includes(candidate))
      continue;
    const byShots = counts.get(candidate) ?? new Map();
    const [right, all] = byShots.get(shots) ?? [0, 0];
    byShots.set(shots, [right + (gold === predicted ? 1 : 0), all + 1]);
    counts.set(candidate, byShots);
  }
  const share = ([shots, [right, all]]) => [shots, right / all];
  return new Map([...counts].map(([name, byShots]) => [name, new Map([...byShots].map(share))]));
}

function parametersOf() {
  const file = join(folder, 'artifacts/train@neox-mini,doc/memory/memory.json');
  return JSON.parse(readFileSync(file, 'utf8')).parameters.toLocaleString('en');
}

function print(candidate, runs) {
  const cells = [...runs[0].get(candidate).keys()].map((shots) => {
    const values = runs.map((run) => run.get(candidate).get(shots));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const range = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(3));
    return `${shots}: ${mean.toFixed(3)} (${range.join('–')})`;
  });
  console.log(`  ${candidate.padEnd(10)} ${cells.join('  ')}`);
}
