/**
 * What `eval`, `train` and the data stages leave for `report`, made up from known rates after
 * docs/formats.md: right answers are placed by rule, so that tests know what the report must show.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LABELS, type Label } from '../../src/fever/label.ts';
import { fanIn, files } from '../stages-eval/stage-run.ts';
import { writeLines } from '../stages-eval/world.ts';

export interface Made {
  /** Share of right answers by candidate, and what each shot adds to it. */
  readonly rates: Readonly<Record<string, { rate: number; perShot: number }>>;
  readonly models: readonly string[];
  readonly pages: readonly string[];
  readonly questionsPerPage: number;
  readonly shots: readonly number[];
  readonly seeds: readonly number[];
  readonly views: readonly { readonly scoring: string; readonly letters: string }[];
}

export const PRIMARY = { scoring: 'likelihood', letters: 'abc' };

export const DEFAULT: Made = {
  rates: {
    pretrained: { rate: 0.4, perShot: 0.02 },
    doc: { rate: 0.42, perShot: 0.02 },
    temp: { rate: 0.6, perShot: 0.01 },
    doctemp: { rate: 0.62, perShot: 0.01 },
  },
  models: ['neox-mini'],
  pages: Array.from({ length: 40 }, (_, at) => (at === 3 ? '<b>&_"page"_|_`x`' : `Page_${at}`)),
  questionsPerPage: 8,
  shots: [0, 1, 2, 3, 4, 5],
  seeds: [0],
  views: [PRIMARY],
};

/** Writes the files below `folder` and returns them as the stage's inputs. */
export function makeInputs(folder: string, made: Made = DEFAULT) {
  mkdirSync(folder, { recursive: true });
  const models = made.models.map((model) => writeModel(folder, model, made));
  return {
    predictions: fanIn(models.map(({ model, predictions }) => [{ model }, predictions])),
    results: fanIn(models.map(({ model, results }) => [{ model }, results])),
    training: fanIn(models.flatMap(({ training }) => training)),
    settings: fanIn(models.flatMap(({ settings }) => settings)),
    ...writeStats(folder, made),
  };
}

interface MadePrediction {
  readonly candidate: string;
  readonly shots: number;
  readonly scoring: string;
  readonly letters: string;
  readonly gold: Label;
  readonly predicted: Label;
}

function writeModel(folder: string, model: string, made: Made) {
  const predictions = predictionsOf(model, made);
  const path = (name: string) => join(folder, `${model}-${name}`);
  writeLines(path('predictions.jsonl'), predictions);
  writeFileSync(path('results.json'), JSON.stringify(resultsOf(model, made, predictions)));
  const memories = Object.keys(made.rates).filter((name) => kindOf(name) === 'memory');
  const training = memories.map((candidate, at) => {
    const file = path(`${candidate}-metrics.jsonl`);
    const steps = Array.from({ length: 50 }, (_, step) => stepOf(step, at));
    writeLines(file, steps);
    return [{ model, candidate }, file] as const;
  });
  const settings = memories.map((candidate) => {
    const file = path(`${candidate}-settings.json`);
    writeFileSync(file, JSON.stringify(SETTINGS));
    return [{ model, candidate }, file] as const;
  });
  const names = { predictions: path('predictions.jsonl'), results: path('results.json') };
  return { model, ...names, training, settings };
}

const SETTINGS = {
  kind: 'adapter',
  epochs: 10,
  batch: 4,
  accumulate: 1,
  learningRate: 0.002,
  warmupSteps: 10,
  schedule: 'cosine',
  optimizer: 'adam',
  weightDecay: 0,
  decay: 'all',
  clipNorm: 10,
  hidden: 128,
  gateInit: 1,
  norm: true,
  loss: 'answer',
  seed: 0,
};

/** `shots` null: all numbers of shots together. */
interface Place {
  readonly candidate: string;
  readonly shots: number | null;
  readonly scoring: string;
  readonly letters: string;
}

function nameOf({ candidate, shots, scoring, letters }: Place): string {
  return JSON.stringify([candidate, shots, scoring, letters]);
}

function kindOf(candidate: string): string {
  if (candidate === 'pretrained') return 'base';
  if (candidate === 'naive-bayes') return 'baseline';
  return candidate.includes('-') ? 'control' : 'memory';
}

function resultsOf(model: string, made: Made, predictions: readonly MadePrediction[]) {
  const tallies = new Map<string, { right: number; n: number }>();
  for (const { gold, predicted, ...item } of predictions) {
    for (const shots of [item.shots, null]) {
      const name = nameOf({ ...item, shots });
      const tally = tallies.get(name) ?? { right: 0, n: 0 };
      tally.n += 1;
      if (gold === predicted) tally.right += 1;
      tallies.set(name, tally);
    }
  }
  const names = Object.keys(made.rates);
  const rows = made.views.flatMap((view) =>
    names.flatMap((candidate) =>
      made.shots.map((shots) => rowOf({ model, candidate, shots, ...view })),
    ),
  );
  function accuracyOf(place: Place) {
    const { right, n } = tallies.get(nameOf(place))!;
    return right / n;
  }
  function rowOf(place: {
    model: string;
    candidate: string;
    shots: number;
    scoring: string;
    letters: string;
  }) {
    const accuracy = accuracyOf(place);
    const metrics = {
      accuracy,
      f1Micro: accuracy,
      f1MicroReal: accuracy,
      f1MacroUnion: accuracy - 0.01,
      f1MacroFixed3: accuracy - 0.1,
      f1MacroSupport: accuracy - 0.01,
      balancedAccuracy: accuracy,
    };
    const around = (value: number) => ({ low: value - 0.05, high: value + 0.05 });
    const intervals =
      made.pages.length < 2
        ? null
        : Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, around(value)]));
    return {
      ...place,
      kind: kindOf(place.candidate),
      n: made.pages.length * made.questionsPerPage,
      seeds: made.seeds,
      shotSeeds: [0],
      ...metrics,
      invalidRate: 0,
      intervals,
      standardError: 0.025,
      icc: 0.05,
      designEffect: 1.35,
      effectiveN: 237,
      maxAbsLogitDelta: place.candidate === 'pretrained' ? 0 : 1.5,
      changedPredictions: place.candidate === 'pretrained' ? 0 : 0.25,
      replicates: made.seeds.map((seed) => ({
        seed,
        shotSeed: 0,
        accuracy,
        f1MacroUnion: accuracy,
        f1MacroFixed3: accuracy,
        invalidRate: 0,
      })),
    };
  }
  function comparison(
    family: string,
    [candidate, against]: readonly [string, string],
    shots: number | null,
  ) {
    return made.views.map((view) => {
      const difference =
        accuracyOf({ candidate, shots, ...view }) -
        accuracyOf({ candidate: against, shots, ...view });
      const half = made.pages.length < 2 ? null : 0.04;
      const p = half !== null && Math.abs(difference) > half ? 0.001 : 0.4;
      return {
        family,
        model,
        candidate,
        against,
        shots,
        ...view,
        n: 320,
        seeds: made.seeds,
        difference,
        low: half === null ? null : difference - half,
        high: half === null ? null : difference + half,
        onlyCandidate: 1040,
        onlyOther: 40,
        p,
        pHolm: p,
        pMcNemar: p,
        pMcNemarHolm: p,
        standardError: 0.02,
        designEffect: 1.3,
        effectiveN: 250,
        minimumDetectable: 0.056,
      };
    });
  }
  const memories = names.filter((name) => kindOf(name) === 'memory');
  const has = (name: string) => names.includes(name);
  const pairs = ['doc', 'temp'].filter((name) => has(name) && has('doctemp'));
  const comparisons = [
    ...memories.flatMap((name) =>
      made.shots.flatMap((shots) =>
        comparison('memories against pretrained', [name, 'pretrained'], shots),
      ),
    ),
    ...memories.flatMap((name) =>
      comparison('memories against pretrained, all shots', [name, 'pretrained'], null),
    ),
    ...pairs.flatMap((name) =>
      comparison('memories against each other, all shots', ['doctemp', name], null),
    ),
  ];
  const held = comparisons.find(({ candidate, shots }) => candidate === 'temp' && shots === null);
  return {
    model,
    parameters: 1_534_000,
    seed: 0,
    design: {
      questions: made.pages.length * made.questionsPerPage,
      claims: made.pages.length * made.questionsPerPage,
      pages: made.pages.length,
      clusters: made.pages.length,
      largestCluster: made.questionsPerPage,
      level: 0.95,
      resamples: 2000,
      intervals: 'a bootstrap of clusters',
      test: 'sign flips of clusters',
    },
    candidates: names.map((name) => ({
      name,
      kind: kindOf(name),
      seeds: made.seeds,
      memories:
        kindOf(name) === 'memory' ? made.seeds.map((seed) => `digest of ${name} ${seed}`) : [],
      blocks: kindOf(name) === 'memory' ? [4] : [],
    })),
    rows,
    comparisons,
    families: [{ name: 'memories against pretrained', tests: memories.length * made.shots.length }],
    claims: [
      {
        claim: 'The memory of templates knows facts.',
        candidate: 'temp',
        control: 'naive-bayes',
        ...PRIMARY,
        verdict: held === undefined ? 'control not run' : 'stands',
        comparison: held ?? null,
      },
    ],
    gates: [{ name: 'effect gate', checked: 3, what: 'each memory changes a logit' }],
    reads: {
      accuracy: 'The share of right answers, C / N.',
      'f1.macro': 'The mean of F1 over labels.',
    },
    settings: { batch: 48, seed: 0 },
    prompts: made.shots.map((shots) => ({
      shots,
      questions: 320,
      tokens: { min: 40 + 20 * shots, median: 50 + 20 * shots, max: 60 + 20 * shots },
      example: { claimId: 7, prompt: 'Determine\nClaim: A <b> & "c".\nA:', tokens: 44 },
    })),
  };
}

function stepOf(step: number, at: number) {
  const loss = 3 * Math.exp(-step / (12 + 4 * at)) + 0.4;
  return { step, epoch: Math.floor(step / 2), loss, learningRate: 0.001, gradNorm: 1 };
}

/** A low-discrepancy sequence decides who is right, so that rates are met and yet differ by page. */
function predictionsOf(
  model: string,
  { rates, pages, questionsPerPage, shots, seeds, views }: Made,
) {
  return Object.entries(rates).flatMap(([candidate, { rate, perShot }], c) =>
    views.flatMap(({ scoring, letters }) =>
      shots.flatMap((count) =>
        seeds.flatMap((seed) =>
          pages.flatMap((page, p) =>
            Array.from({ length: questionsPerPage }, (_, q) => {
              const place = p * questionsPerPage + q;
              const gold = LABELS[place % 2]!;
              const isRight =
                (place * 0.61803398875 + c * 0.07 + count * 0.03) % 1 < rate + perShot * count;
              const predicted: Label = isRight ? gold : LABELS[(place % 2) + 1]!;
              const claim = { claimId: place, page, prompt: '0123456789abcdef', gold, predicted };
              const name = { model, candidate, seed, shots: count, shotSeed: 0, letters, scoring };
              return { ...name, ...claim, scores: scoresOf(predicted, letters, place) };
            }),
          ),
        ),
      ),
    ),
  );
}

/** The answer's letter has the greatest score, by a margin that differs between questions. */
function scoresOf(predicted: Label, letters: string, place: number): Record<string, number> {
  const answer = letters[LABELS.indexOf(predicted)];
  const margin = ((place * 7) % 23) / 8;
  return Object.fromEntries(
    [...'abc'].map((letter) => [letter, letter === answer ? -1 : -1 - margin]),
  );
}

function writeStats(folder: string, { pages, questionsPerPage }: Made) {
  const write = (name: string, value: object) => {
    const path = join(folder, `${name}.json`);
    writeFileSync(path, JSON.stringify(value));
    return files(path);
  };
  const questions = pages.length * questionsPerPage;
  const own = { exact: 0, normalised: 0, nearDuplicate: 1 };
  return {
    extracted: write('extracted', {
      nFull: 120,
      claims: 600,
      duplicateTexts: 4,
      conflictingTexts: 1,
    }),
    truncated: write('truncated', {
      nFull: 120,
      nTop: 100,
      nTrunc: pages.length,
      droppedEmpty: 2,
      droppedNoTrain: 5,
      questions,
    }),
    templates: write('templates', {
      questions,
      prompts: questions * 6,
      examples: 500,
      documents: 40,
      leakage: { ...own, inDocuments: 2, byCandidate: { doc: own, temp: own, doctemp: own } },
      shotsFromFallback: 12,
    }),
  };
}
