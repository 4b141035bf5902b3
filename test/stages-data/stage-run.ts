/** Runs a stage's own code on files in a temporary folder, without the engine. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StageContext } from '../../src/pipe/stage.ts';

interface AnyStage {
  readonly inputs: object;
  readonly outputs: { readonly [name: string]: { readonly path: string } };
  // biome-ignore lint/suspicious/noExplicitAny: stages differ in their params; the tests give them.
  run(context: StageContext<any, string, string>): Promise<void> | void;
}

export interface StageRun {
  readonly outputs: { readonly [name: string]: string };
  readonly notes: readonly string[];
  readonly logs: readonly string[];
}

/** `inputs`: paths by name; a list stands for a glob. Outputs go to `folder`. */
export async function runStage(
  stage: AnyStage,
  options: {
    readonly folder: string;
    readonly params: object;
    readonly inputs: { readonly [name: string]: string | readonly string[] };
    readonly seed?: number;
  },
): Promise<StageRun> {
  mkdirSync(options.folder, { recursive: true });
  const outputs = Object.fromEntries(
    Object.entries(stage.outputs).map(([name, { path }]) => [name, join(options.folder, path)]),
  );
  const notes: string[] = [];
  const logs: string[] = [];
  const inputs = Object.fromEntries(
    Object.entries(options.inputs).map(([name, paths]) => [name, stageInput([paths].flat())]),
  );
  await stage.run({
    params: options.params,
    inputs,
    outputs,
    scratch: options.folder,
    seed: options.seed ?? 0,
    signal: new AbortController().signal,
    log: (text) => logs.push(text),
    note: (text) => notes.push(text),
    progress: () => undefined,
    metric: () => undefined,
    memo: () => ({ get: () => undefined, set: () => undefined }),
    checkpoint: { load: () => undefined, save: () => undefined },
  });
  return { outputs, notes, logs };
}

function stageInput(paths: readonly string[]) {
  const files = paths.map((path) => ({ path, name: path, digest: '', cell: {} }));
  return { path: paths[0] ?? '', files };
}

export function readRecords(path: string): Record<string, unknown>[] {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

export function readObject(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8'));
}
