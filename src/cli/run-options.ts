/** Options of the commands that run tasks. */
import { nearestName } from '../pipe/config/nearest-name.ts';
import { type CommandOption, type Invocation, UsageError } from './command.ts';

export const backendOption: CommandOption = {
  name: 'backend',
  type: 'string',
  placeholder: 'NAME',
  summary:
    'tensorflow-gpu, webgpu, tensorflow, wasm or cpu (default: the first that answers; see pipe doctor)',
};

export const jobsOption: CommandOption = {
  name: 'jobs',
  short: 'j',
  type: 'string',
  placeholder: 'N',
  summary: 'at most N tasks at once (default: the number of cores)',
};

/** As the tensors call them; the tensors are not ours to know, and a run may have none. */
const BACKENDS = ['auto', 'tensorflow-gpu', 'webgpu', 'tensorflow', 'wasm', 'cpu'];

/** The named backend, or undefined. A misspelt one must not pass just because nothing is computed. */
export function backendOf(invocation: Invocation): string | undefined {
  const name = invocation.text('backend');
  if (name === undefined || BACKENDS.includes(name)) return name;
  const near = nearestName(name, BACKENDS);
  throw new UsageError(
    `--backend ${name}: there is no such backend`,
    near === undefined ? `one of ${BACKENDS.join(', ')}` : `did you mean --backend ${near}?`,
  );
}
