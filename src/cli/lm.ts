/**
 * `pipe lm score | generate`: asks a model outside of any pipeline. Knows no model: the program in
 * src/ask does the work, in a process of its own.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearestName } from '../pipe/config/nearest-name.ts';
import { type Command, type Invocation, UsageError } from './command.ts';
import { countOf } from './common-options.ts';
import { backendOption } from './run-options.ts';

const ACTIONS = ['score', 'generate'] as const;
type Action = (typeof ACTIONS)[number];

const DEFAULT_TOKENS = 32;

export const lmCommand: Command = {
  name: 'lm',
  usage: 'lm score|generate --model DIR|FILE --prompts FILE.jsonl',
  summary: 'ask a model, with or without a memory, what it makes of a file of prompts',
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
  ],
  run: async (invocation) => {
    const action = actionOf(invocation.positionals);
    const request = {
      what: action,
      model: required(invocation, action, 'model'),
      prompts: required(invocation, action, 'prompts'),
      maxTokens: countOf(invocation, 'max-tokens') ?? DEFAULT_TOKENS,
      ...optional(invocation, 'memory'),
      ...optional(invocation, 'out'),
    };
    return start(request, {
      PIPE_THREADS: String(countOf(invocation, 'threads') ?? availableParallelism()),
      ...(invocation.text('backend') ? { PIPE_BACKEND: invocation.text('backend') } : {}),
    });
  },
};

function actionOf(positionals: readonly string[]): Action {
  const [name, surplus] = positionals;
  const action = ACTIONS.find((known) => known === name);
  if (surplus !== undefined) throw new UsageError(`pipe lm: unexpected '${surplus}'`);
  if (action !== undefined) return action;
  if (name === undefined) throw new UsageError('pipe lm: say what: score or generate');
  const near = nearestName(name, ACTIONS);
  throw new UsageError(
    `pipe lm: there is no '${name}'`,
    near === undefined ? 'there are score and generate' : `did you mean 'pipe lm ${near}'?`,
  );
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
function start(request: object, environment: NodeJS.ProcessEnv): Promise<number> {
  const program = join(dirname(fileURLToPath(import.meta.url)), 'ask.mjs');
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
