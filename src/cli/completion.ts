/**
 * `pipe completion SHELL`: a script that asks `pipe completion words` for what may follow the words
 * typed so far. Stage and task names come from the pipeline file alone: no code is loaded.
 */
import type { Pipeline } from '../pipe/config/pipeline.ts';
import { DiagnosticError } from '../pipe/diagnostic.ts';
import { type Command, type CommandOption, UsageError } from './command.ts';
import { SHELL_SCRIPTS } from './completion-script.ts';

/** Commands whose positionals are stages or tasks. */
const TAKES_TASKS = [
  'run',
  'watch',
  'plan',
  'status',
  'why',
  'graph',
  'logs',
  'metrics',
  'provenance',
];
const BACKENDS = ['tensorflow-gpu', 'webgpu', 'tensorflow', 'wasm', 'cpu'];

export interface KnownCommands {
  readonly names: readonly string[];
  /** Loads that one only: completing must not be felt. */
  load(name: string): Promise<Command | undefined>;
}

/** Made with the commands, of which it is one. */
export function completionCommand(commands: KnownCommands): Command {
  const shells = Object.keys(SHELL_SCRIPTS);
  return {
    name: 'completion',
    usage: 'completion SHELL',
    summary: `a script that completes commands, options and names: ${shells.join(', ')}`,
    options: [],
    run: async ({ positionals }) => {
      const [shell, ...words] = positionals;
      if (shell === 'words') {
        const found = await completions(words, commands);
        process.stdout.write(found.map((text) => `${text}\n`).join(''));
        return 0;
      }
      const script = shell === undefined ? undefined : SHELL_SCRIPTS[shell];
      if (script === undefined) {
        const problem =
          shell === undefined ? 'completion needs a shell' : `no completion for ${shell}`;
        throw new UsageError(
          problem,
          `one of ${shells.join(', ')}: source <(pipe completion bash)`,
        );
      }
      process.stdout.write(script);
      return 0;
    },
  };
}

/** Of the words behind `pipe`, the last is the one being typed. */
export async function completions(
  words: readonly string[],
  commands: KnownCommands,
): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const [name, ...rest] = words.slice(0, -1);
  const all = await candidates(name, rest, current, commands);
  return all.filter((text) => text.startsWith(current));
}

async function candidates(
  name: string | undefined,
  before: readonly string[],
  current: string,
  commands: KnownCommands,
): Promise<readonly string[]> {
  if (name === undefined || name === 'help') return [...commands.names, 'help'];
  const command = await commands.load(name);
  if (command === undefined) return [];
  const asked = optionNamed(command, before.at(-1));
  if (asked?.type === 'string') return valuesOf(asked, command, before);
  const attached = /^(--[\w-]+=)/.exec(current)?.[1];
  if (attached !== undefined) {
    const option = optionNamed(command, attached.slice(0, -1));
    if (option === undefined) return [];
    return (await valuesOf(option, command, before)).map((value) => attached + value);
  }
  if (current.startsWith('-'))
    return [...command.options.map((each) => `--${each.name}`), '--help'];
  return positionalsOf(command, before);
}

function optionNamed(command: Command, word: string | undefined): CommandOption | undefined {
  return command.options.find(
    ({ name, short }) => word === `--${name}` || (short !== undefined && word === `-${short}`),
  );
}

async function positionalsOf(
  { name }: Command,
  before: readonly string[],
): Promise<readonly string[]> {
  if (name === 'completion') return Object.keys(SHELL_SCRIPTS);
  if (name === 'diff') return ['last', 'last~1', ...(await runIds(before))];
  return TAKES_TASKS.includes(name) ? targetsIn(await readPipeline(before)) : [];
}

async function valuesOf(
  option: CommandOption,
  command: Command,
  before: readonly string[],
): Promise<readonly string[]> {
  switch (option.name) {
    case 'backend':
      return BACKENDS;
    case 'format':
      return command.name === 'graph' ? ['text', 'mermaid', 'dot', 'json'] : [];
    case 'where':
      return labelsIn(await readPipeline(before));
    case 'set':
      return pathsIn(await readPipeline(before));
    default:
      return [];
  }
}

/** Undefined where there is none, or it is wrong: completing is no time to complain. */
async function readPipeline(words: readonly string[]): Promise<Pipeline | undefined> {
  const { findProject } = await import('./project.ts');
  const { loadPipeline } = await import('../pipe/config/load.ts');
  try {
    return await loadPipeline(findProject(process.cwd(), fileIn(words)).file);
  } catch (error) {
    if (error instanceof DiagnosticError) return undefined;
    throw error;
  }
}

async function runIds(words: readonly string[]): Promise<readonly string[]> {
  const { findProject, storeOf } = await import('./project.ts');
  try {
    return storeOf(findProject(process.cwd(), fileIn(words))).runs.list();
  } catch (error) {
    if (error instanceof DiagnosticError) return [];
    throw error;
  }
}

function fileIn(words: readonly string[]): string | undefined {
  const at = words.findLastIndex((word) => word === '--file' || word === '-f');
  if (at >= 0) return words[at + 1];
  return words.find((word) => word.startsWith('--file='))?.slice('--file='.length);
}

async function targetsIn(pipeline: Pipeline | undefined): Promise<readonly string[]> {
  const { cellsOf, taskId } = await import('../pipe/graph/cell.ts');
  return (pipeline?.stages ?? []).flatMap((stage) => {
    if (stage.matrix.length === 0) return [stage.name];
    return [stage.name, ...cellsOf(stage).map(({ labels }) => taskId(stage.name, labels))];
  });
}

async function labelsIn(pipeline: Pipeline | undefined): Promise<readonly string[]> {
  const { labelOf } = await import('../pipe/graph/cell.ts');
  const pairs = (pipeline?.stages ?? []).flatMap(({ matrix }) =>
    matrix.flatMap(({ axis, values }) => values.map((value) => `${axis}=${labelOf(value)}`)),
  );
  return [...new Set(pairs)];
}

/** As far as the file spells them out: a stage's own params may have more. */
function pathsIn(pipeline: Pipeline | undefined): readonly string[] {
  if (pipeline === undefined) return [];
  const own = pipeline.stages.flatMap(({ name, params }) =>
    Object.keys(params).map((param) => `stages.${name}.params.${param}=`),
  );
  return [...Object.keys(pipeline.params).map((param) => `params.${param}=`), ...own];
}
