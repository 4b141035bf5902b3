/**
 * Which texts an epoch goes through, and in what order. A function of seed and epoch alone, so that
 * a resumed training meets the same batches. Knows no tensor and no file.
 */
import { type Rng, seededRng, shuffled } from '../tensor/rng.ts';

export type Source = 'doc' | 'temp';

/** The sources that a candidate's memory is trained on. */
export const candidateSources = {
  doc: ['doc'],
  temp: ['temp'],
  doctemp: ['doc', 'temp'],
} as const satisfies Record<string, readonly Source[]>;

export type Candidate = keyof typeof candidateSources;

export interface EpochPlan {
  /** How often an epoch visits each text of a source; 1.5 is once, and half of them twice. */
  readonly visits: Readonly<Record<Source, number>>;
  /** `shuffled` mixes the sources; the others finish one source before the next. */
  readonly order: 'shuffled' | 'doc-first' | 'temp-first';
  readonly batch: number;
  readonly seed: number;
}

/** Batches of positions in `sources` (one source a text). The last batch of an epoch may be smaller. */
export function epochBatches(
  sources: readonly Source[],
  epoch: number,
  plan: EpochPlan,
): readonly (readonly number[])[] {
  const rng = seededRng(plan.seed, `epoch ${epoch}`);
  const drawn = sourcesInOrder(plan).map((source) => {
    const texts = sources.flatMap((item, index) => (item === source ? [index] : []));
    return visited(texts, plan.visits[source], rng);
  });
  const order = plan.order === 'shuffled' ? shuffled(drawn.flat(), rng) : drawn.flat();
  return inBatches(order, plan.batch);
}

/** Batches an epoch, the same for every epoch. */
export function batchesPerEpoch(sources: readonly Source[], plan: EpochPlan): number {
  return epochBatches(sources, 0, plan).length;
}

function sourcesInOrder(plan: EpochPlan): readonly Source[] {
  return plan.order === 'temp-first' ? ['temp', 'doc'] : ['doc', 'temp'];
}

function visited(texts: readonly number[], visits: number, rng: Rng): number[] {
  const whole = Math.floor(visits);
  const extra = Math.round((visits - whole) * texts.length);
  const often = Array.from({ length: whole }, () => shuffled(texts, rng)).flat();
  return [...often, ...shuffled(texts, rng).slice(0, extra)];
}

function inBatches(order: readonly number[], batch: number): number[][] {
  const count = Math.ceil(order.length / batch);
  return Array.from({ length: count }, (_, index) =>
    order.slice(index * batch, (index + 1) * batch),
  );
}
