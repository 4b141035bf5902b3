/**
 * Does a memory keep facts, or the sentences it was trained on? Asks the memories the dev claims,
 * and then the very claims they were trained on. `node bench/memorisation.mjs`
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyPipeline, machine } from './copy.mjs';

const { folder, pipe, remove } = copyPipeline();
const shots = ['--set', 'params.shots=[0]'];
const asked = {
  'dev claims': shots,
  'the claims trained on': [
    ...shots,
    '--set',
    'params.dev=data/sample/train.jsonl',
    '--set',
    'stages.templates.params.overlap=allow',
    '--set',
    'stages.eval.params.overlap=allow',
  ],
};
try {
  console.log(machine());
  console.log('accuracy at 0 shots, with 95 % intervals by page');
  for (const [what, words] of Object.entries(asked)) {
    pipe('run', 'eval', ...words);
    const results = JSON.parse(
      readFileSync(join(folder, 'artifacts/eval@neox-mini/results.json'), 'utf8'),
    );
    console.log(`${what} (${results.rows[0].n}):`);
    for (const { candidate, accuracy, intervals } of results.rows) {
      const { low, high } = intervals.accuracy;
      console.log(
        `  ${candidate.padEnd(11)} ${accuracy.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`,
      );
    }
  }
} finally {
  remove();
}
