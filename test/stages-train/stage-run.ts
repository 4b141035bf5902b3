/** Runs a stage's own code on given files, with its defaults and a checkpoint that can be watched. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { digestOf } from '../../src/pipe/digest.ts';
import type { Checkpoint, Memo, StageInput } from '../../src/pipe/stage.ts';

interface AnyStage {
  readonly params: { readonly properties: object };
  readonly outputs: { readonly [name: string]: { readonly path: string } };
  // biome-ignore lint/suspicious/noExplicitAny: stages differ in their params; the tests give them.
  run(context: any): Promise<void> | void;
}

export interface RunOptions {
  readonly folder: string;
  readonly inputs: { readonly [name: string]: StageInput };
  readonly params?: object;
  readonly seed?: number;
  readonly memo?: Memo;
  readonly checkpoint?: Checkpoint;
  /** Called with each report of progress; may throw to play a kill. */
  readonly progress?: (done: number) => void;
}

export async function runStage(stage: AnyStage, options: RunOptions) {
  const outputs: Record<string, string> = {};
  for (const [name, { path }] of Object.entries(stage.outputs)) {
    outputs[name] = join(options.folder, path);
    mkdirSync(path.endsWith('/') ? outputs[name] : options.folder, { recursive: true });
  }
  const notes: string[] = [];
  const metrics: Record<string, unknown> = {};
  await stage.run({
    params: { ...defaultsOf(stage), ...options.params },
    inputs: options.inputs,
    outputs,
    scratch: options.folder,
    seed: options.seed ?? 0,
    signal: new AbortController().signal,
    log: () => undefined,
    note: (text: string) => notes.push(text),
    progress: (done: number) => options.progress?.(done),
    metric: (values: object) => Object.assign(metrics, values),
    memo: () => options.memo ?? { get: () => undefined, set: () => undefined },
    checkpoint: options.checkpoint ?? { load: () => undefined, save: () => undefined },
  });
  return { outputs, notes, metrics };
}

function defaultsOf({ params }: AnyStage): object {
  const properties = Object.entries(params.properties) as [string, { default?: unknown }][];
  return Object.fromEntries(properties.map(([name, schema]) => [name, schema.default]));
}

/** A file, or a folder with its files. */
export function input(path: string): StageInput {
  const entries = basename(path).includes('.') ? [] : readdirSync(path).sort();
  return {
    path,
    files: entries.map((name) => ({
      path: join(path, name),
      name,
      digest: digestOf(readFileSync(join(path, name))),
      cell: {},
    })),
  };
}
