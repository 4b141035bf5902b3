/** Options of the commands that run tasks. */
import type { CommandOption } from './command.ts';

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
