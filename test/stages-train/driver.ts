/**
 * A training in its own process, to be killed at a step and started again: the real stage with the
 * store's own checkpoint, which is written after every step. Arguments: the trainee's folder, the
 * output's name, params as JSON, the step after which to die (0: never).
 */
import { join } from 'node:path';
import { openCheckpoint } from '../../src/pipe/store/checkpoint.ts';
import train from '../../stages/train.ts';
import { input, runStage } from './stage-run.ts';

const [folder = '', name = '', params = '{}', dieAt = '0'] = process.argv.slice(2);
let now = 0;
performance.now = () => (now += 60_000);
await runStage(train, {
  folder: join(folder, name),
  inputs: {
    weights: input(join(folder, 'model')),
    states: input(join(folder, 'encoded', 'states')),
  },
  params: JSON.parse(params) as object,
  checkpoint: openCheckpoint(join(folder, `${name}-checkpoint`)),
  progress: (done) => {
    if (done === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
  },
});
