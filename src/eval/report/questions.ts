/**
 * The experiment's four questions, answered from predictions: differences with intervals, tests, and
 * a verdict by a rule that is fixed here and not chosen after the numbers. Knows no layout.
 *
 * The rule: a verdict looks at the difference over all numbers of shots together, whose interval
 * comes from resampling pages. `yes` or `no` needs an interval that excludes 0; else `not shown`.
 */
import type { BootstrapOptions } from '../bootstrap.ts';
import {
  type Comparison,
  compare,
  comparisonsWith,
  corrected,
  type Uncorrected,
  uncorrectedWith,
} from '../comparison.ts';
import { PRETRAINED, type Scoring } from '../examine.ts';
import type { Cell } from '../result.ts';

export type Verdict = 'yes' | 'no' | 'not shown';

/** Two candidates over all numbers of shots that both were asked with. */
export interface Pooled {
  readonly candidate: string;
  readonly against: string;
  readonly accuracy: number;
  readonly otherAccuracy: number;
  readonly difference: number;
  readonly low: number | null;
  readonly high: number | null;
}

export interface QuestionAnswer {
  readonly number: 1 | 2 | 3 | 4;
  readonly question: string;
  readonly model: string;
  readonly scoring: Scoring;
  readonly verdict: Verdict;
  readonly pooled: readonly Pooled[];
  /** By opponent and number of shots, Holm-corrected over all of this answer's. */
  readonly comparisons: readonly Comparison[];
}

/** Answers for each model and scoring; a question whose candidates are absent is left out. */
export function answerQuestions(
  cells: readonly Cell[],
  options: BootstrapOptions,
): QuestionAnswer[] {
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    const name = JSON.stringify([cell.model, cell.scoring]);
    groups.set(name, [...(groups.get(name) ?? []), cell]);
  }
  return [...groups.values()].flatMap((own) => [
    ...fewShot(own, options),
    ...memoryHelps(2, 'Does memory of the pages help?', 'doc', own, options),
    ...memoryHelps(3, 'Does memory of the templates help?', 'temp', own, options),
    ...bothBest(own, options),
  ]);
}

function fewShot(cells: readonly Cell[], options: BootstrapOptions): QuestionAnswer[] {
  const own = cells.filter(({ candidate }) => candidate === PRETRAINED);
  const zero = own.find(({ shots }) => shots === 0);
  const few = own.filter(({ shots }) => shots > 0);
  if (zero === undefined || few.length === 0) return [];
  const other = { ...zero, candidate: '0 shots' };
  const pooled = pool(
    { name: '1 and more shots', cells: few },
    other.candidate,
    () => zero,
    options,
  );
  return [
    {
      number: 1,
      question: 'Do few-shot examples help without memory training?',
      ...nameOf(zero),
      verdict: verdictOf([pooled]),
      pooled: [pooled],
      comparisons: comparisonsWith(few, () => other, options),
    },
  ];
}

function memoryHelps(
  number: 2 | 3,
  question: string,
  candidate: string,
  cells: readonly Cell[],
  options: BootstrapOptions,
): QuestionAnswer[] {
  const against = comparedWith(candidate, PRETRAINED, cells, options);
  if (against === undefined) return [];
  const verdict = verdictOf([against.pooled]);
  const { pooled, uncorrected } = against;
  const comparisons = corrected(uncorrected);
  return [{ number, question, ...nameOf(cells[0]!), verdict, pooled: [pooled], comparisons }];
}

function bothBest(cells: readonly Cell[], options: BootstrapOptions): QuestionAnswer[] {
  const others = [PRETRAINED, 'doc', 'temp'].flatMap(
    (other) => comparedWith('doctemp', other, cells, options) ?? [],
  );
  if (others.length < 3) return [];
  return [
    {
      number: 4,
      question: 'Is the memory of both the best?',
      ...nameOf(cells[0]!),
      verdict: verdictOf(others.map(({ pooled }) => pooled)),
      pooled: others.map(({ pooled }) => pooled),
      comparisons: corrected(others.flatMap(({ uncorrected }) => uncorrected)),
    },
  ];
}

function comparedWith(
  candidate: string,
  other: string,
  cells: readonly Cell[],
  options: BootstrapOptions,
): { pooled: Pooled; uncorrected: Uncorrected[] } | undefined {
  const own = cells.filter((cell) => cell.candidate === candidate);
  const otherOf = ({ shots }: Cell) =>
    cells.find((cell) => cell.candidate === other && cell.shots === shots);
  if (own.length === 0 || own.some((cell) => otherOf(cell) === undefined)) return undefined;
  return {
    pooled: pool({ name: candidate, cells: own }, other, (cell) => otherOf(cell)!, options),
    uncorrected: uncorrectedWith(own, otherOf, options),
  };
}

function pool(
  { name, cells }: { name: string; cells: readonly Cell[] },
  against: string,
  otherOf: (cell: Cell) => Cell,
  options: BootstrapOptions,
): Pooled {
  const own = cells.flatMap(({ predictions }) => predictions);
  const other = cells.flatMap((cell) => otherOf(cell).predictions);
  const { difference, low, high } = compare(own, other, options);
  const accuracy = own.filter(({ gold, predicted }) => gold === predicted).length / own.length;
  return {
    candidate: name,
    against,
    accuracy,
    otherAccuracy: accuracy - difference,
    difference,
    low,
    high,
  };
}

/** `yes` when every difference is surely above 0, `no` when one is surely below. */
function verdictOf(pooled: readonly Pooled[]): Verdict {
  if (pooled.every(({ low }) => low !== null && low > 0)) return 'yes';
  return pooled.some(({ high }) => high !== null && high < 0) ? 'no' : 'not shown';
}

function nameOf({ model, scoring }: Cell): { model: string; scoring: Scoring } {
  return { model, scoring };
}
