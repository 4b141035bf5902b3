/**
 * `pipe lm score | generate | fetch`: asks a model outside of any pipeline, or brings one here. Knows no
 * model: the programs in src/ask and src/hub do the work, each in a process of its own.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { nearestName } from '../pipe/config/nearest-name.ts';
import { type Command, type Invocation, UsageError } from './command.ts';
import { countOf } from './common-options.ts';
import { backendOption } from './run-options.ts';

const ACTIONS = ['score', 'generate', 'fetch'] as const;
type Action = (typeof ACTIONS)[number];

const DEFAULT_TOKENS = 32;

export const lmCommand: Command = {
  name: 'lm',
  usage: 'lm score|generate --model DIR|FILE --prompts FILE.jsonl, lm fetch OWNER/NAME@COMMIT DIR',
  summary: 'ask a model, with or without a memory, about a file of prompts; fetch one from the Hub',
  options: [
    {
      name: 'model',
      type: 'string',
      placeholder: 'DIR|FILE',
      summary: 'a Hugging Face folder, or a .gguf file',
    },
    {
      name: 'memory',
      type: 'string',
      placeholder: 'DIR|FILE',
      summary: "a trained memory: train's memory folder, or the memory.safetensors in it",
    },
    {
      name: 'prompts',
      type: 'string',
      placeholder: 'FILE',
      summary: 'a line is {"context": …, "continuation": …}; generate needs no continuation',
    },
    {
      name: 'out',
      short: 'o',
      type: 'string',
      placeholder: 'FILE',
      summary: 'where the answers go, one JSON object a line (default: the standard output)',
    },
    {
      name: 'max-tokens',
      type: 'string',
      placeholder: 'N',
      summary: `how much to generate a line (default: ${DEFAULT_TOKENS})`,
    },
    {
      name: 'threads',
      type: 'string',
      placeholder: 'N',
      summary: 'threads of the wasm backend (default: all cores)',
    },
    backendOption,
    {
      name: 'only',
      type: 'string',
      multiple: true,
      placeholder: 'NAME',
      summary: 'fetch this file alone, such as a .gguf (default: all that a model folder needs)',
    },
    {
      name: 'hub',
      type: 'string',
      placeholder: 'URL',
      summary: 'fetch from this server (default: HF_ENDPOINT, else huggingface.co)',
    },
  ],
  run: async (invocation) => {
    const [name, ...rest] = invocation.positionals;
    const action = actionOf(name);
    if (action === 'fetch') return start('fetch.mjs', fetchRequest(invocation, rest), {});
    if (rest[0] !== undefined) throw new UsageError(`pipe lm ${action}: unexpected '${rest[0]}'`);
    const request = {
      what: action,
      model: required(invocation, action, 'model'),
      prompts: required(invocation, action, 'prompts'),
      maxTokens: countOf(invocation, 'max-tokens') ?? DEFAULT_TOKENS,
      ...optional(invocation, 'memory'),
      ...optional(invocation, 'out'),
    };
    return start('ask.mjs', request, {
      PIPE_THREADS: String(countOf(invocation, 'threads') ?? availableParallelism()),
      ...(invocation.text('backend') ? { PIPE_BACKEND: invocation.text('backend') } : {}),
    });
  },
};

function actionOf(name: string | undefined): Action {
  const action = ACTIONS.find((known) => known === name);
  if (action !== undefined) return action;
  if (name === undefined) throw new UsageError('pipe lm: say what: score, generate or fetch');
  const near = nearestName(name, ACTIONS);
  throw new UsageError(
    `pipe lm: there is no '${name}'`,
    near === undefined ? 'there are score, generate and fetch' : `did you mean 'pipe lm ${near}'?`,
  );
}

function fetchRequest(invocation: Invocation, [model, folder, surplus]: readonly string[]): object {
  if (model === undefined || folder === undefined || surplus !== undefined) {
    throw new UsageError(
      'pipe lm fetch needs a name and a folder',
      'pipe lm fetch OWNER/NAME@COMMIT models/NAME',
    );
  }
  return { model, folder, only: invocation.texts('only'), ...optional(invocation, 'hub') };
}

function required(invocation: Invocation, action: Action, name: string): string {
  const value = invocation.text(name);
  if (value !== undefined && value !== '') return value;
  throw new UsageError(`pipe lm ${action} needs --${name}`, 'pipe lm --help lists the options');
}

function optional(invocation: Invocation, name: string): { [name: string]: string } {
  const value = invocation.text(name);
  return value === undefined ? {} : { [name]: value };
}

/** The child's own messages and exit code are the command's. */
function start(file: string, request: object, environment: NodeJS.ProcessEnv): Promise<number> {
  const program = join(import.meta.dirname, file);
  if (!existsSync(program)) throw new UsageError(`${program} is missing`, 'run npm ci again');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, JSON.stringify(request)], {
      env: { ...process.env, ...environment },
      stdio: 'inherit',
    });
    process.on('SIGINT', () => {
      // The terminal sends it to the child as well, whose end is awaited.
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal === 'SIGINT' ? 130 : (code ?? 1)));
  });
}
