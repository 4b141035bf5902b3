/**
 * Training a memory on stored trunk states: next-token cross-entropy, only the blocks from the first
 * memory upwards and the head are resident. Knows no stage, no file and no clock of its own.
 */
import type { Trunk } from '../lm/trunk/trunk.ts';
import type { AdamOptions } from '../tensor/adam.ts';
import {
  createOptimizer,
  NotFiniteError,
  type Optimizer,
  type StepResult,
} from '../tensor/optimizer.ts';
import { learningRateAt, type Schedule } from '../tensor/schedule.ts';
import { assembleBatch, type Batch, type TrainingText } from './batch.ts';
import { batchLoss, type Trainee } from './batch-loss.ts';
import type { DecayRule } from './decay.ts';
import { TrainingDivergedError } from './diverged.ts';
import { bestEpoch, type EarlyStop, stalled } from './early-stop.ts';
import {
  batchesPerEpoch,
  type Candidate,
  candidateSources,
  type EpochPlan,
  epochBatches,
  type Source,
} from './epoch.ts';
import {
  closeEpoch,
  decodeProgress,
  encodeProgress,
  freshProgress,
  type Progress,
  type StepRecord,
} from './progress.ts';

export interface TrainingOptions extends EpochPlan {
  readonly epochs: number;
  /** Micro-batches of `batch` texts a step: the gradient is that of one batch of all of them. */
  readonly accumulate: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly schedule: NonNullable<Schedule['shape']>;
  readonly adam: AdamOptions;
  readonly decay: DecayRule;
  /** Of examples, whether the prompt is trained with the answer. Of pages, all tokens are, once. */
  readonly loss: 'all' | 'answer';
  /** With a patience, the memory that remains is that of the best epoch. */
  readonly earlyStop: EarlyStop;
}

export interface Training extends Trainee {
  readonly trunk: Trunk;
  readonly candidate: Candidate;
  readonly options: TrainingOptions;
}

export interface TrainingHooks {
  /** The state that a killed run, or a finished shorter one, left; if any. */
  readonly saved: Uint8Array | undefined;
  /** Whether to save now; asked after each step. */
  saveDue(): boolean;
  save(state: Uint8Array): void;
  stepped(record: StepRecord, totalSteps: number, tokens: number): void;
  /** What a text says, for the message of a training that went astray. */
  wordsOf?(ids: readonly number[]): string;
}

export interface Trained {
  readonly records: readonly StepRecord[];
  /** Mean loss of each epoch that was run. */
  readonly epochLosses: readonly number[];
  /** Steps that `saved` had already taken. */
  readonly resumedSteps: number;
  /** The epoch whose values the memory has; with a patience only, else the last one's. */
  readonly best: number | undefined;
  readonly stoppedEarly: boolean;
}

/** There is nothing to train on. */
export class NoTextsError extends Error {}

interface Run {
  readonly training: Training;
  /** Positions in the trunk of the texts that are trained. */
  readonly texts: readonly number[];
  readonly sources: readonly Source[];
  /** How texts are drawn for a step; its `batch` is that of a whole step. */
  readonly plan: EpochPlan;
  readonly perEpoch: number;
  readonly schedule: Schedule;
  readonly optimizer: Optimizer;
  readonly progress: Progress;
  readonly hooks: TrainingHooks;
}

/**
 * Trains `memory` in place. Deterministic: the same inputs give the same bits, also when continued
 * from a saved state. Throws TrainingDivergedError, NoTextsError.
 */
export async function trainMemory(training: Training, hooks: TrainingHooks): Promise<Trained> {
  const run = await startRun(training, hooks);
  const { progress, schedule, perEpoch, optimizer } = run;
  const { earlyStop } = training.options;
  const resumedSteps = progress.records.length;
  const isStalled = () => stalled(progress.epochLosses, earlyStop);
  while (progress.records.length < schedule.totalSteps) {
    const steps = progress.records.length;
    if (steps % perEpoch === 0 && isStalled()) break;
    await trainEpoch(run, Math.floor(steps / perEpoch));
  }
  // A longer training may go on from here; only under a schedule that does not know its end.
  if (schedule.shape === 'constant') hooks.save(encodeProgress(progress, optimizer));
  if (progress.best) optimizer.setValues(progress.best);
  const { records, epochLosses } = progress;
  return {
    records,
    epochLosses,
    resumedSteps,
    best: progress.best && bestEpoch(epochLosses, earlyStop),
    stoppedEarly: records.length < schedule.totalSteps,
  };
}

async function startRun(training: Training, hooks: TrainingHooks): Promise<Run> {
  const { memory, options, trunk } = training;
  const texts = textsOf(training);
  const sources = texts.map((text) => trunk.texts[text]!.source);
  const plan = { ...options, batch: options.batch * options.accumulate };
  const perEpoch = batchesPerEpoch(sources, plan);
  const schedule: Schedule = {
    shape: options.schedule,
    peak: options.learningRate,
    warmupSteps: options.warmupSteps,
    totalSteps: options.epochs * perEpoch,
  };
  const optimizer = await createOptimizer(memory.trained(options.decay), options.adam);
  const progress = hooks.saved ? decodeProgress(hooks.saved, optimizer) : freshProgress();
  return { training, texts, sources, plan, perEpoch, schedule, optimizer, progress, hooks };
}

/** Runs an epoch from where the progress stands in it. */
async function trainEpoch(run: Run, epoch: number): Promise<void> {
  const { progress, perEpoch, schedule, optimizer, hooks } = run;
  const { earlyStop } = run.training.options;
  const batches = epochBatches(run.sources, epoch, run.plan);
  for (const positions of batches.slice(progress.records.length - epoch * perEpoch)) {
    const step = progress.records.length;
    const learningRate = learningRateAt(step, schedule);
    const chosen = positions.map((position) => run.texts[position]!);
    const parts = await microBatches(run.training, chosen);
    const { loss, gradNorm } = await trainStep(run, { parts, chosen, step, epoch, learningRate });
    const record = { step, epoch, loss, learningRate, gradNorm };
    progress.records.push(record);
    if (progress.records.length === (epoch + 1) * perEpoch) {
      closeEpoch(progress, { perEpoch, optimizer, earlyStop });
    }
    const tokens = parts.reduce((sum, { texts, length }) => sum + texts * length, 0);
    hooks.stepped(record, schedule.totalSteps, tokens);
    if (hooks.saveDue()) hooks.save(encodeProgress(progress, optimizer));
  }
}

interface Step {
  readonly parts: readonly Batch[];
  /** The texts, for a message. */
  readonly chosen: readonly number[];
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
}

/** Each micro-batch counts by its supervised tokens, as it would in one batch of all. */
async function trainStep(run: Run, at: Step): Promise<StepResult> {
  const tokens = at.parts.reduce((sum, { rows }) => sum + rows.length, 0);
  const losses = at.parts.map((batch) => ({
    weight: batch.rows.length / tokens,
    lossOf: () => batchLoss(run.training, batch),
  }));
  try {
    return await run.optimizer.stepOver(losses, at.learningRate);
  } catch (error) {
    if (!(error instanceof NotFiniteError)) throw error;
    // The variables are as they were before the step: what was learnt so far is kept.
    run.hooks.save(encodeProgress(run.progress, run.optimizer));
    throw new TrainingDivergedError(
      `step ${at.step} (epoch ${at.epoch}): ${error.message}; the batch was ${namesOf(run, at.chosen)}`,
      { cause: error },
    );
  }
}

function textsOf({ trunk, candidate, options }: Training): number[] {
  const wanted: readonly string[] = candidateSources[candidate];
  const texts = trunk.texts.flatMap((text, index) => {
    const trains = wanted.includes(text.source) && text.ids.length > 1;
    return trains && options.visits[text.source] > 0 ? [index] : [];
  });
  if (texts.length === 0) throw new NoTextsError(`there is no text to train "${candidate}" on`);
  return texts;
}

async function microBatches(
  { trunk, options }: Training,
  chosen: readonly number[],
): Promise<Batch[]> {
  const texts: TrainingText[] = [];
  for (const index of chosen) {
    const { ids, source, supervisedFrom } = trunk.texts[index]!;
    const from = options.loss === 'all' && source === 'temp' ? 0 : supervisedFrom;
    texts.push({ ids, supervisedFrom: from, states: await trunk.readStates(index) });
  }
  const count = Math.ceil(texts.length / options.batch);
  return Array.from({ length: count }, (_, part) =>
    assembleBatch(
      texts.slice(part * options.batch, (part + 1) * options.batch),
      trunk.index.hidden,
    ),
  );
}

/** Texts that a message names; the rest are counted. */
const NAMED = 8;
const SHOWN_LETTERS = 60;

function namesOf({ training: { trunk }, hooks }: Run, chosen: readonly number[]): string {
  const names = chosen.slice(0, NAMED).map((text) => {
    const { source, page, ids } = trunk.texts[text]!;
    const words = hooks.wordsOf?.(ids).slice(-SHOWN_LETTERS);
    const shown = words === undefined ? '' : ` ${JSON.stringify(`…${words}`)}`;
    return `${source} "${page}" (text ${text}${shown})`;
  });
  const more = chosen.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
