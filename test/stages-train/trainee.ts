/** A tiny model with encoded texts, on which the real stage trains in a fraction of a second. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StepRecord } from '../../src/memory/progress.ts';
import type { Checkpoint } from '../../src/pipe/stage.ts';
import encode from '../../stages/encode.ts';
import train from '../../stages/train.ts';
import { examples, pages, temporaryFolder, writeTinyModel } from '../memory/tiny-model.ts';
import { input, type RunOptions, runStage } from './stage-run.ts';

export interface Trainee {
  readonly folder: string;
  /** Runs `train`; a relative name is that of its output folder. */
  run(name: string, params: object, options?: Partial<RunOptions>): Promise<TrainedFolder>;
}

export interface TrainedFolder {
  /** All bytes that the training left, by file. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly records: readonly StepRecord[];
  readonly notes: readonly string[];
  readonly metrics: Readonly<Record<string, unknown>>;
}

const OUTPUTS = {
  memory: 'memory/memory.safetensors',
  index: 'memory/memory.json',
  metrics: 'metrics.jsonl',
  events: 'tensorboard/events.out.tfevents.0.pipe',
};

/** `location` is where the encoded states end, if it is not the note's place. */
export async function makeTrainee(location?: object): Promise<Trainee> {
  const folder = temporaryFolder();
  const model = writeTinyModel(join(folder, 'model'));
  const lines = (items: readonly object[]) => items.map((item) => `${JSON.stringify(item)}\n`);
  writeFileSync(join(folder, 'documents.jsonl'), lines(pages).join(''));
  writeFileSync(join(folder, 'examples.jsonl'), lines(examples).join(''));
  const inputs = {
    weights: input(model),
    documents: input(join(folder, 'documents.jsonl')),
    examples: input(join(folder, 'examples.jsonl')),
  };
  const chunks = { chunkTokens: 20, chunkOverlap: 4, batch: 3 };
  const params = location ? { ...chunks, location } : chunks;
  await runStage(encode, { folder: join(folder, 'encoded'), inputs, params });
  return { folder, run: (name, given, options) => trainIn(folder, name, given, options) };
}

async function trainIn(
  folder: string,
  name: string,
  params: object,
  options: Partial<RunOptions> = {},
): Promise<TrainedFolder> {
  const at = join(folder, name);
  const inputs = {
    weights: input(join(folder, 'model')),
    states: input(join(folder, 'encoded', 'states')),
  };
  const { notes, metrics } = await runStage(train, { folder: at, inputs, params, ...options });
  return { ...trainedFolder(at), notes, metrics };
}

/** What a training left in its folder. */
export function trainedFolder(folder: string): Pick<TrainedFolder, 'files' | 'records'> {
  const files = Object.entries(OUTPUTS).map(
    ([name, path]) => [name, readFileSync(join(folder, path))] as const,
  );
  const lines = readFileSync(join(folder, OUTPUTS.metrics), 'utf8').split('\n');
  const records = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as StepRecord);
  return { files: new Map(files), records };
}

/** A checkpoint in this process; its last state can be looked at. */
export function watchedCheckpoint(state?: Uint8Array): Checkpoint & { state?: Uint8Array } {
  const checkpoint: Checkpoint & { state?: Uint8Array } = {
    ...(state ? { state } : {}),
    load: () => checkpoint.state,
    save: (bytes) => {
      checkpoint.state = Uint8Array.from(bytes);
    },
  };
  return checkpoint;
}

/** Lets each look at the clock be a minute later, so that every step is followed by a save. */
export async function savingAlways<T>(work: () => Promise<T>): Promise<T> {
  const clock = performance.now;
  let now = 0;
  performance.now = () => (now += 60_000);
  try {
    return await work();
  } finally {
    performance.now = clock;
  }
}
