/**
 * Everything that is said of one model's predictions: rows, comparisons, conclusions, and how they
 * were come by. Knows predictions; no model, no memory and no layout.
 */
import { type Cell, cellsOf } from './cell.ts';
import { type Conclusion, conclusionsOf } from './conclusion.ts';
import { DEFINITIONS } from './definitions.ts';
import { type Effect, largestAt } from './effect.ts';
import { PRETRAINED } from './examine.ts';
import { type Comparison, comparisonsOf, type Family, familiesOf } from './family.ts';
import type { GateRecord } from './gate/gate.ts';
import { clustersOf } from './inference/clusters.ts';
import { clusterCount, sumsByCluster } from './inference/values.ts';
import type { Prediction } from './prediction.ts';
import type { Prompt } from './prompt.ts';
import { type CandidateKind, type ResultRow, rowOf } from './row.ts';

export interface CandidateInfo {
  readonly name: string;
  readonly kind: CandidateKind;
  readonly seeds: readonly (number | null)[];
  /** Digests of the memory artifacts. */
  readonly memories: readonly string[];
  readonly blocks: readonly number[];
}

export interface Design {
  readonly questions: number;
  readonly claims: number;
  readonly pages: number;
  readonly clusters: number;
  readonly largestCluster: number;
  readonly level: 0.95;
  readonly resamples: 2000;
  readonly intervals: string;
  readonly test: string;
}

export interface Results {
  readonly model: string;
  readonly design: Design;
  readonly candidates: readonly CandidateInfo[];
  readonly rows: readonly ResultRow[];
  readonly comparisons: readonly Comparison[];
  readonly families: readonly Family[];
  readonly claims: readonly Conclusion[];
  readonly gates: readonly GateRecord[];
  readonly reads: typeof DEFINITIONS;
}

export interface ResultsInput {
  readonly model: string;
  readonly predictions: readonly Prediction[];
  /** The questions once, in the order in which every cell answers them. */
  readonly questions: readonly Pick<Prompt, 'claimId' | 'claim' | 'page'>[];
  readonly candidates: readonly CandidateInfo[];
  readonly effects: readonly Effect[];
  readonly gates: readonly GateRecord[];
  readonly seed: number;
}

export function resultsOf(input: ResultsInput): Results {
  const { model, predictions, questions, candidates, gates, seed } = input;
  const cells = cellsOf(predictions);
  const clusters = clustersOf(questions);
  const kinds = new Map(candidates.map(({ name, kind }) => [name, kind]));
  const comparisons = comparisonsOf(cells, kinds, { clusters, seed });
  return {
    model,
    design: designOf(questions, clusters),
    candidates,
    rows: cells.map((cell) =>
      rowOf(cell, {
        kind: kinds.get(cell.candidate)!,
        clusters,
        seed,
        reference: referenceOf(cell, cells),
        maxAbsLogitDelta: deltaOf(cell, input.effects),
      }),
    ),
    comparisons,
    families: familiesOf(comparisons),
    claims: conclusionsOf(comparisons, kinds),
    gates,
    reads: DEFINITIONS,
  };
}

function designOf(questions: ResultsInput['questions'], clusters: Int32Array): Design {
  const { sizes } = sumsByCluster(clusters, clusters);
  return {
    questions: questions.length,
    claims: new Set(questions.map(({ claimId }) => claimId)).size,
    pages: new Set(questions.map(({ page }) => page)).size,
    clusters: clusterCount(clusters),
    largestCluster: Math.max(...sizes),
    level: 0.95,
    resamples: 2000,
    intervals: DEFINITIONS.interval,
    test: DEFINITIONS.p,
  };
}

/** The `pretrained` cell that answers the same prompts. */
function referenceOf(cell: Cell, cells: readonly Cell[]): Cell | undefined {
  return cells.find(
    ({ candidate, scoring, shots, letters }) =>
      candidate === PRETRAINED &&
      scoring === cell.scoring &&
      shots === cell.shots &&
      letters === cell.letters,
  );
}

/** 0 for the reference itself; null where the texts are other ones. Six digits survive any backend. */
function deltaOf({ candidate, shots }: Cell, effects: readonly Effect[]): number | null {
  if (candidate === PRETRAINED) return 0;
  const delta = largestAt(
    effects.filter((effect) => effect.candidate === candidate),
    shots,
  );
  return delta === undefined ? null : Number(delta.toPrecision(6));
}
