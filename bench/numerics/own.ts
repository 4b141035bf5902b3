/**
 * Our side of `bench/numerics.mjs`: a process that is told what to do line by line, and answers with
 * one JSON line each. It calls what the stages call. Knows nothing of its peers.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { loadModel, type Model } from '../../src/lm/model.ts';
import { type ModelShape, writeInitialModel } from '../../src/lm/pretrain/initial-model.ts';
import type { Question } from '../../src/lm/scoring/question.ts';
import { type Scored, scoreQuestions } from '../../src/lm/scoring/score.ts';
import { openTrunk, type Trunk, type TrunkText } from '../../src/lm/trunk/trunk.ts';
import { writeTrunk } from '../../src/lm/trunk/write-trunk.ts';
import { noteMemory } from '../../src/memory/adapter/config.ts';
import { initialAdapter } from '../../src/memory/adapter/memory.ts';
import { assembleBatch, type TrainingText } from '../../src/memory/batch.ts';
import { batchLoss } from '../../src/memory/batch-loss.ts';
import { memoryBlocks } from '../../src/memory/blocks.ts';
import type { Candidate } from '../../src/memory/epoch.ts';
import { saveMemory } from '../../src/memory/files.ts';
import type { Memory } from '../../src/memory/memory.ts';
import { trainMemory } from '../../src/memory/train.ts';
import type { AdamOptions } from '../../src/tensor/adam.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { createOptimizer, type Optimizer } from '../../src/tensor/optimizer.ts';

interface Setup {
  readonly shape: ModelShape;
  readonly folder: string;
}

interface Experiment extends Setup {
  readonly texts: TrunkText[];
  readonly epochs: number;
  readonly groups: Question[][];
}

const adam: AdamOptions = {
  kind: 'adam',
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.05,
  clipNorm: 10,
};
const scratch = mkdtempSync(join(tmpdir(), 'pipe-bench-own-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

let optimizer: Optimizer;
let trained: { model: Model; memory: Memory; trunk: Trunk };
let asked: { model: Model; candidates: Scored[] };

const commands: Record<string, (job: never) => unknown> = {
  start: async () => ({ backend: (await startBackend()).reason }),
  model: ({ shape, folder }: Setup) => {
    writeInitialModel(folder, shape, 1);
    return {};
  },
  memories: async ({ shape, folder }: Setup) => {
    for (const name of ['doc', 'temp', 'doctemp']) {
      const memory = memoryOf(shape, name.length);
      await saveMemory(memory, join(folder, name));
      memory.dispose();
    }
    return {};
  },
  prepareStep: async ({ shape, folder, texts }: Setup & { texts: TrunkText[] }) => {
    const blocks = memoryBlocks(shape.layers);
    const at = join(scratch, 'step');
    await writeTrunk(at, { modelFolder: folder, from: blocks.from, texts, batch: 16 });
    const top = { from: blocks.from, to: shape.layers, embedding: false, head: true };
    const memory = memoryOf(shape, 'temp'.length);
    trained = { model: await loadModel(folder, top), memory, trunk: openTrunk(at) };
    optimizer = await createOptimizer(memory.trained('all'), adam);
    return {};
  },
  step: () => timed(stepOnce),
  prepareEval: async ({ shape, folder }: Setup) => {
    const whole = { from: 0, to: shape.layers, embedding: true, head: true };
    const memories = ['doc', 'temp', 'doctemp'].map((name) => memoryOf(shape, name.length));
    const model = await loadModel(folder, whole);
    const adapters = memories.map((memory) => memory.on(model));
    asked = {
      model,
      candidates: [{ adapters: new Map() }, ...adapters],
    };
    return {};
  },
  eval: ({ group, candidates }: { group: Question[]; candidates: number }) =>
    timed(async () => {
      const chosen = asked.candidates.slice(0, candidates);
      const scores = await scoreQuestions(asked.model, group, chosen, { batch: 48 });
      return { value: sumOf(scores.at(-1)!.logLikelihoods) };
    }),
  experiment: (job: Experiment) => timed(() => experiment(job)),
  peak: () => ({ peakMiB: Number(/VmHWM:\s+(\d+)/.exec(status())![1]) / 1024 }),
};

function status(): string {
  return readFileSync('/proc/self/status', 'utf8');
}

function memoryOf(shape: ModelShape, seed: number): Memory {
  return initialAdapter({ ...noteMemory, width: shape.hidden }, memoryBlocks(shape.layers), seed);
}

function sumOf(scores: readonly (readonly number[])[]): number {
  return scores.flat().reduce((sum, score) => sum + score, 0);
}

/** Wall time, and processor time of all threads: the second says something on a busy machine too. */
async function timed<T extends object>(
  work: () => Promise<T>,
): Promise<T & { ms: number; cpuMs: number }> {
  const started = performance.now();
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { ...result, ms: performance.now() - started, cpuMs: (user + system) / 1000 };
}

async function stepOnce(): Promise<{ value: number }> {
  const { model, memory, trunk } = trained;
  const texts: TrainingText[] = [];
  for (const [index, text] of trunk.texts.entries()) {
    texts.push({ ...text, states: await trunk.readStates(index) });
  }
  const batch = assembleBatch(texts, trunk.index.hidden);
  const { loss } = await optimizer.step(() => batchLoss({ model, memory }, batch), 0.001);
  return { value: loss };
}

/** From nothing: the trunk, three memories, all questions to four candidates. */
async function experiment({ shape, folder, texts, epochs, groups }: Experiment) {
  const at = join(scratch, 'experiment');
  const blocks = memoryBlocks(shape.layers);
  const encode = await timed(() =>
    writeTrunk(at, { modelFolder: folder, from: blocks.from, texts, batch: 16 }),
  );
  const top = { from: blocks.from, to: shape.layers, embedding: false, head: true };
  const model = await loadModel(folder, top);
  const trunk = openTrunk(at);
  const memories: Memory[] = [];
  const train = await timed(async () => {
    for (const candidate of ['doc', 'temp', 'doctemp'] as const) {
      memories.push(await trainOne({ shape, model, trunk, candidate, epochs }));
    }
    return {};
  });
  trunk.close();
  model.dispose();
  const ask = await timed(() => answer({ shape, folder, groups }, memories));
  for (const memory of memories) memory.dispose();
  return { encodeMs: encode.ms, trainMs: train.ms, evalMs: ask.ms, value: ask.value };
}

async function trainOne(job: {
  shape: ModelShape;
  model: Model;
  trunk: Trunk;
  candidate: Candidate;
  epochs: number;
}): Promise<Memory> {
  const { shape, model, trunk, candidate, epochs } = job;
  const memory = memoryOf(shape, candidate.length);
  const options = {
    epochs,
    learningRate: 0.001,
    warmupSteps: 10,
    adam,
    decay: 'all',
    loss: 'answer',
    earlyStop: { patience: 0, minDelta: 0 },
    accumulate: 1,
    schedule: 'cosine',
    visits: { doc: 1, temp: 1 },
    order: 'shuffled',
    batch: 4,
    seed: 0,
  } as const;
  const nothing = () => undefined;
  const hooks = { saved: undefined, saveDue: () => false, save: nothing, stepped: nothing };
  await trainMemory({ model, trunk, memory, candidate, options }, hooks);
  return memory;
}

async function answer(
  { shape, folder, groups }: Pick<Experiment, 'shape' | 'folder' | 'groups'>,
  memories: readonly Memory[],
): Promise<{ value: number }> {
  const whole = { from: 0, to: shape.layers, embedding: true, head: true };
  const model = await loadModel(folder, whole);
  const adapters = memories.map((memory) => memory.on(model));
  const candidates = [{ adapters: new Map() }, ...adapters];
  let value = 0;
  for (const group of groups) {
    const scores = await scoreQuestions(model, group, candidates, { batch: 48 });
    value += sumOf(scores[0]!.logLikelihoods);
  }
  model.dispose();
  return { value };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...job } = JSON.parse(line) as { command: string };
  const result = await commands[command]!(job as never);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
