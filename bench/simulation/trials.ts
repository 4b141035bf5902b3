/** One simulated experiment after another, and what each method said of it. */
import { INVALID } from '../../src/eval/answer.ts';
import { type BootstrapOptions, bootstrapIntervals } from '../../src/eval/inference/bootstrap.ts';
import {
  confusionTallies,
  MEASURES,
  measureTally,
} from '../../src/eval/inference/confusion-tally.ts';
import { signFlipTest } from '../../src/eval/inference/sign-flip.ts';
import { uncertaintyOf } from '../../src/eval/inference/spread.ts';
import { studentInterval, studentTest } from '../../src/eval/inference/student.ts';
import { meanOf, type Sample, sumsByCluster } from '../../src/eval/inference/values.ts';
import { discordanceOf, mcnemarExact } from '../../src/eval/significance.ts';
import { LABELS, type Label } from '../../src/fever/label.ts';
import {
  drawAnswers,
  drawPages,
  drawRival,
  drawSeedAnswers,
  RATE,
  type SeedShape,
  type Shape,
  type Uniform,
  uniformOf,
} from './data.ts';

export type Tally = Map<string, { yes: number; of: number }>;

const RESAMPLES = 1000;
const ONE = [{ seed: 0, shotSeed: 0 }];

interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** Two systems of equal rate: how often each test finds a difference at 5 %, and intervals hold 0. */
export function pairTrials(shape: Shape, count: number): Tally {
  const tally: Tally = new Map();
  for (let trial = 0; trial < count; trial++) {
    const uniform = uniformOf(trial, JSON.stringify(shape));
    const pages = drawPages(shape, uniform);
    const first = drawAnswers(pages, shape.icc, uniform);
    const second = drawRival(pages, first, { icc: shape.icc, uniform });
    judgePair(tally, { pages, first, second, trial });
  }
  return tally;
}

interface Pair {
  readonly pages: Int32Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly trial: number;
}

function judgePair(tally: Tally, { pages, first, second, trial }: Pair): void {
  const differences = first.map((value, at) => value - second[at]!);
  const sample = { clusters: pages, replicates: ONE, values: [differences] };
  const isRight = (values: Float64Array) => Array.from(values, (value) => value === 1);
  const mcnemar = mcnemarExact(discordanceOf(isRight(first), isRight(second)));
  note(tally, 'rejects: McNemar, unclustered', mcnemar < 0.05);
  note(
    tally,
    'rejects: sign flips by page',
    signFlipTest(pages, differences, { seed: trial, flips: 999 }) <= 0.05,
  );
  note(tally, 'rejects: t by page', studentTest(uncertaintyOf(sample)!) < 0.05);
  for (const [name, bounds] of intervalsOf(sample, trial)) {
    note(tally, `covers, difference: ${name}`, holds(bounds, 0));
  }
}

/** One system: how often each interval of its accuracy and of its F1 holds the truth. */
export function singleTrials(shape: Shape, count: number): Tally {
  const tally: Tally = new Map();
  const truth = trueMeasures();
  for (let trial = 0; trial < count; trial++) {
    const uniform = uniformOf(trial, `single ${JSON.stringify(shape)}`);
    const pages = drawPages(shape, uniform);
    const right = drawAnswers(pages, shape.icc, uniform);
    const sample = { clusters: pages, replicates: ONE, values: [right] };
    for (const [name, bounds] of intervalsOf(sample, trial)) {
      note(tally, `covers, accuracy: ${name}`, holds(bounds, RATE));
    }
    const { sizes } = sumsByCluster(pages, right);
    const tallies = confusionTallies(pages, [
      Array.from(right, (value) => labelled(value, uniform)),
    ]);
    for (const method of ['percentile', 'bca-t'] as const) {
      const bounds = bootstrapIntervals(
        { tallies, sizes, measure: measureTally },
        { seed: trial, resamples: RESAMPLES, method },
      )!;
      const macro = MEASURES.indexOf('f1MacroUnion');
      note(tally, `covers, macro F1: ${method}`, holds(bounds[macro]!, truth[macro]!));
    }
  }
  return tally;
}

/** Several seeds, each on the same pages: intervals over both, and over pages alone. */
export function seedTrials(shape: SeedShape, count: number): Tally {
  const tally: Tally = new Map();
  for (let trial = 0; trial < count; trial++) {
    const uniform = uniformOf(trial, JSON.stringify(shape));
    const pages = drawPages(shape, uniform);
    const values = drawSeedAnswers(pages, shape, uniform);
    const replicates = values.map((_, seed) => ({ seed, shotSeed: 0 }));
    judgeSeeds(tally, { clusters: pages, replicates, values }, RATE);
    const frozen = drawAnswers(pages, shape.icc, uniform);
    const differences = values.map((own) => own.map((value, at) => value - frozen[at]!));
    judgeSeeds(tally, { clusters: pages, replicates, values: differences }, 0);
  }
  return tally;
}

function judgeSeeds(tally: Tally, sample: Sample, truth: number): void {
  const pagesOnly = { ...sample, replicates: sample.replicates.map(() => ONE[0]!) };
  const what = truth === 0 ? 'difference' : 'accuracy';
  for (const [name, own] of [
    ['by page alone', pagesOnly],
    ['by page and seed', sample],
  ] as const) {
    const uncertainty = uncertaintyOf(own)!;
    note(tally, `covers, ${what}: t ${name}`, holds(studentInterval(uncertainty), truth));
    if (truth === 0) note(tally, `rejects: t ${name}`, studentTest(uncertainty) < 0.05);
  }
}

function intervalsOf(sample: Sample, seed: number): [string, Bounds][] {
  const values = sample.values[0]!;
  const { sums, sizes } = sumsByCluster(sample.clusters, values);
  const tallies = Array.from(sums, (sum, at) => Float64Array.of(sum, sizes[at]!));
  const measure = ([sum, size]: Float64Array) => [sum! / size!];
  const boot = (method: NonNullable<BootstrapOptions['method']>) =>
    bootstrapIntervals({ tallies, sizes, measure }, { seed, resamples: RESAMPLES, method })![0]!;
  return [
    ['independent questions', independent(values)],
    ['percentile', boot('percentile')],
    ['bca-t', boot('bca-t')],
    ['t by page', studentInterval(uncertaintyOf(sample)!)],
  ];
}

function independent(values: ArrayLike<number>): Bounds {
  const mean = meanOf(values);
  let squares = 0;
  for (let at = 0; at < values.length; at++) squares += (values[at]! - mean) ** 2;
  const half = (1.96 * Math.sqrt(squares / (values.length - 1))) / Math.sqrt(values.length);
  return { low: mean - half, high: mean + half };
}

function holds({ low, high }: Bounds, truth: number): boolean {
  return low <= truth && truth <= high;
}

function note(tally: Tally, what: string, is: boolean): void {
  const entry = tally.get(what) ?? { yes: 0, of: 0 };
  tally.set(what, { yes: entry.yes + (is ? 1 : 0), of: entry.of + 1 });
}

/** Gold labels come 5 : 3 : 2; of the wrong answers a tenth is INVALID, the rest shared equally. */
const GOLD = [0.5, 0.3, 0.2];
const INVALID_SHARE = 0.1;

function labelled(right: number, uniform: Uniform) {
  const draw = uniform();
  const gold = LABELS[draw < GOLD[0]! ? 0 : draw < GOLD[0]! + GOLD[1]! ? 1 : 2]!;
  if (right === 1) return { gold, predicted: gold };
  if (uniform() < INVALID_SHARE) return { gold, predicted: INVALID as typeof INVALID };
  const others = LABELS.filter((label) => label !== gold);
  return { gold, predicted: others[uniform() < 0.5 ? 0 : 1] as Label };
}

/** The measures of the expected confusion. */
function trueMeasures(): Float64Array {
  const wrong = 1 - RATE;
  const expected = GOLD.flatMap((share, gold) => [
    ...LABELS.map((_, answer) =>
      answer === gold ? share * RATE : (share * wrong * (1 - INVALID_SHARE)) / 2,
    ),
    share * wrong * INVALID_SHARE,
  ]);
  return measureTally(Float64Array.from(expected));
}
