/**
 * What `eval` hands over of one model, as docs/formats.md has it. The report takes every number of
 * it as it stands. Knows no layout.
 */
import { readFileSync } from 'node:fs';
import { DataError } from '../../fever/data-error.ts';
import type { Bounds } from './number-text.ts';

export type Kind = 'base' | 'memory' | 'control' | 'baseline';

/** Where an answer stands: each combination has its tables. */
export interface View {
  readonly scoring: string;
  readonly letters: string;
}

export interface Replicate {
  readonly seed: number | null;
  readonly shotSeed: number | null;
  readonly accuracy: number;
  readonly f1MacroUnion: number;
  readonly f1MacroFixed3: number;
  readonly invalidRate: number;
}

export const METRICS = [
  'accuracy',
  'f1Micro',
  'f1MicroReal',
  'f1MacroUnion',
  'f1MacroFixed3',
  'f1MacroSupport',
  'balancedAccuracy',
] as const;

export type Metric = (typeof METRICS)[number];

export interface Row extends View, Readonly<Record<Metric, number>> {
  readonly model: string;
  readonly candidate: string;
  readonly kind: Kind;
  readonly shots: number;
  readonly n: number;
  readonly invalidRate: number;
  readonly intervals: Readonly<Record<Metric, Bounds | null>> | null;
  readonly icc: number | null;
  readonly designEffect: number | null;
  readonly effectiveN: number | null;
  readonly maxAbsLogitDelta: number | null;
  readonly changedPredictions: number;
  readonly replicates: readonly Replicate[];
}

export interface Comparison extends View, Bounds {
  readonly family: string;
  readonly model: string;
  readonly candidate: string;
  readonly against: string;
  /** Null: all numbers of shots together. */
  readonly shots: number | null;
  readonly n: number;
  readonly difference: number;
  readonly onlyCandidate: number;
  readonly onlyOther: number;
  readonly p: number;
  readonly pHolm: number;
  readonly pMcNemar: number;
  readonly pMcNemarHolm: number;
  readonly effectiveN: number | null;
  readonly minimumDetectable: number | null;
}

export interface ClaimVerdict extends View {
  readonly claim: string;
  readonly candidate: string;
  readonly control: string;
  readonly verdict: string;
  readonly comparison: Comparison | null;
}

export interface CandidateInfo {
  readonly name: string;
  readonly kind: Kind;
  readonly seeds: readonly (number | null)[];
  /** Digests of the memory artifacts. */
  readonly memories: readonly string[];
  readonly blocks: readonly number[];
}

/** How many tokens the prompts with one number of shots have, and one of them to read. */
export interface PromptInfo {
  readonly shots: number;
  readonly questions: number;
  readonly tokens: { readonly min: number; readonly median: number; readonly max: number };
  readonly example: {
    readonly claimId: string | number;
    readonly prompt: string;
    readonly tokens: number;
  };
}

export interface ModelResults {
  readonly model: string;
  /** Of the frozen model. */
  readonly parameters: number;
  readonly seed: number;
  readonly design: {
    readonly questions: number;
    readonly claims: number;
    readonly pages: number;
    readonly clusters: number;
    readonly largestCluster: number;
    readonly level: number;
    readonly resamples: number;
    readonly intervals: string;
    readonly test: string;
  };
  readonly candidates: readonly CandidateInfo[];
  readonly rows: readonly Row[];
  readonly comparisons: readonly Comparison[];
  readonly families: readonly { readonly name: string; readonly tests: number }[];
  readonly claims: readonly ClaimVerdict[];
  readonly gates: readonly {
    readonly name: string;
    readonly checked: number | string;
    readonly what: string;
  }[];
  readonly reads: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly prompts?: readonly PromptInfo[];
}

const LISTS = ['candidates', 'rows', 'comparisons', 'families', 'claims', 'gates'] as const;

/** @throws DataError when the file is not what `eval` writes: a section would silently be empty */
export function readResults(path: string): ModelResults {
  const value = JSON.parse(readFileSync(path, 'utf8')) as ModelResults;
  const missing = LISTS.filter((name) => !Array.isArray(value[name]));
  if (missing.length === 0) return value;
  throw new DataError(`the results have no ${missing.join(', no ')}`, {
    file: path,
    hint: 'give report the results that this version of eval wrote',
  });
}
