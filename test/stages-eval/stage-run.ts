/** Runs a stage's own code on given files, with fan-in cells and a memo that outlives the run. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { InputFile, Memo, StageContext, StageInput } from '../../src/pipe/stage.ts';

interface AnyStage {
  readonly outputs: { readonly [name: string]: { readonly path: string } };
  // biome-ignore lint/suspicious/noExplicitAny: stages differ in their params; the tests give them.
  run(context: StageContext<any, string, string>): Promise<void> | void;
}

export interface RunOptions {
  readonly folder: string;
  readonly params: object;
  readonly inputs: { readonly [name: string]: StageInput };
  readonly seed?: number;
  readonly memo?: Memo;
}

/** Returns the outputs' paths, and the notes that the stage left. */
export async function runStage(stage: AnyStage, options: RunOptions) {
  mkdirSync(options.folder, { recursive: true });
  const outputs = Object.fromEntries(
    Object.entries(stage.outputs).map(([name, { path }]) => [name, join(options.folder, path)]),
  );
  const notes: string[] = [];
  await stage.run({
    params: options.params,
    inputs: options.inputs,
    outputs,
    scratch: options.folder,
    seed: options.seed ?? 0,
    signal: new AbortController().signal,
    log: () => undefined,
    note: (text) => notes.push(text),
    progress: () => undefined,
    metric: () => undefined,
    memo: () => options.memo ?? { get: () => undefined, set: () => undefined },
    checkpoint: { load: () => undefined, save: () => undefined },
  });
  return { outputs, notes };
}

/** A single file, or the files of a glob below `base`. */
export function files(base: string, paths: readonly string[] = [base]): StageInput {
  return { path: base, files: paths.map((path) => file(path, {})) };
}

/** One entry a cell of an upstream matrix. */
export function fanIn(entries: readonly (readonly [InputFile['cell'], string])[]): StageInput {
  return { path: '', files: entries.map(([cell, path]) => file(path, cell)) };
}

function file(path: string, cell: InputFile['cell']): InputFile {
  return { path, name: path, digest: `digest of ${path}`, cell };
}

/** A memo in this process, which counts what it is asked. */
export function countingMemo(): Memo & { hits: number; misses: number } {
  const values = new Map<string, Uint8Array>();
  const memo = {
    hits: 0,
    misses: 0,
    get(key: string) {
      const value = values.get(key);
      if (value === undefined) memo.misses += 1;
      else memo.hits += 1;
      return value;
    },
    set(key: string, value: Uint8Array) {
      values.set(key, value);
    },
  };
  return memo;
}
