/**
 * A project in a temporary folder on which tests run the real command line, as a user would.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Event, Summary } from '../../src/pipe/event.ts';
import { assertPublishedEvent } from './event-schema.ts';

export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface JsonOutcome extends Outcome {
  readonly events: readonly Event[];
  readonly summary: Summary;
  /** Ids of the tasks that were run, in the order they finished. */
  readonly ran: readonly string[];
  readonly hits: readonly string[];
}

export interface RigProject {
  readonly folder: string;
  write(name: string, text: string): void;
  read(name: string): string;
  exists(name: string): boolean;
  pipe(...words: string[]): Promise<Outcome>;
  /** `pipe run … --json`, parsed. */
  run(...words: string[]): Promise<JsonOutcome>;
  /** A `pipe` that goes on while the test does something to it. */
  start(...words: string[]): ChildProcess;
  remove(): void;
}

/** Files by name; `node_modules` is the repository's own. */
export function makeProject(files: { readonly [name: string]: string }): RigProject {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pipe-rig-')));
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  const project = projectAt(folder);
  for (const [name, text] of Object.entries(files)) project.write(name, text);
  return project;
}

/** The rig on a folder that exists; its own `bin/pipe.cjs` serves where it has one. */
export function projectAt(folder: string): RigProject {
  const ownBin = join(folder, 'bin', 'pipe.cjs');
  const bin = existsSync(ownBin) ? ownBin : join(repository, 'bin', 'pipe.cjs');
  const start = (...words: string[]) =>
    spawn(process.execPath, [bin, ...words], {
      cwd: folder,
      env: childEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const pipe = (...words: string[]) => outcomeOf(start(...words));
  return {
    folder,
    write: (name, text) => {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    },
    read: (name) => readFileSync(join(folder, name), 'utf8'),
    exists: (name) => existsSync(join(folder, name)),
    pipe,
    run: async (...words) => jsonOutcome(await pipe('run', '--json', ...words)),
    start,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Source text of a stage module that imports the engine's door from the repository. */
export function stageModule(text: string): string {
  const door = JSON.stringify(join(repository, 'src', 'pipe', 'stage.ts'));
  return `import { defineStage, Type, StageError } from ${door};\nimport { readFileSync, writeFileSync } from 'node:fs';\n${text}`;
}

export function outcomeOf(child: ChildProcess): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const text = { stdout: '', stderr: '' };
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text.stdout += chunk;
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      text.stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...text }));
  });
}

function jsonOutcome(outcome: Outcome): JsonOutcome {
  const events = outcome.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event);
  events.forEach(assertPublishedEvent);
  const summary = events.at(-1);
  if (summary?.type !== 'summary') {
    throw new Error(
      `the last event is no summary; exit ${outcome.code}\n${outcome.stdout}\n${outcome.stderr}`,
    );
  }
  const tasksOf = (type: 'taskRan' | 'taskHit') =>
    events.flatMap((event) => (event.type === type ? [event.task] : []));
  return { ...outcome, events, summary, ran: tasksOf('taskRan'), hits: tasksOf('taskHit') };
}

function childEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _certificates, ...rest } = process.env;
  return { ...rest, NO_COLOR: '1' };
}
