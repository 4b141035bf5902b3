/**
 * Which token rows must run to score a set of questions, and where in them each token's likelihood
 * is read. Pure integers: knows no tensor.
 *
 * Questions of one page and one number of shots begin alike, so the rows' common prefix is split off
 * and runs once. A question whose continuations are one token each needs one row; continuations of
 * several tokens need a row each, without their last token, since nothing is read after it. Where its
 * own context is long, that is a *stem*: it runs once too, before the rows, which are then short.
 */
import { commonLength, type Question } from './question.ts';

/** Reads log p(`token`) at `position` of a batch and adds it to a continuation's log-likelihood. */
export interface Reading {
  readonly question: number;
  readonly continuation: number;
  /** Index into the batch's `positions`. */
  readonly position: number;
  readonly token: number;
}

export interface RowBatch {
  /** Ids that all of the batch's rows go on with after the prefix; often none. */
  readonly stem: Int32Array;
  /** Token ids without the prefix and the stem, padded at the end to `length`; (rows · length), row-major. */
  readonly ids: Int32Array;
  readonly rows: number;
  readonly length: number;
  /** Rows of the (rows · length) matrix at which next-token logits are needed. */
  readonly positions: Int32Array;
  readonly readings: readonly Reading[];
}

export interface ScoringPlan {
  /** Ids that every row begins with; empty where sharing does not pay. */
  readonly prefix: Int32Array;
  readonly batches: readonly RowBatch[];
}

interface PlannedQuestion {
  readonly index: number;
  readonly question: Question;
  /** The distinct rows, prefix included; none is the beginning of another. */
  readonly rows: readonly (readonly number[])[];
}

export interface PlanOptions {
  /** A question's own rows stay together, even beyond that. */
  readonly maxRows: number;
  /** Tokens that a stem must save to be worth a pass of its own. */
  readonly leastSaved: number;
}

export function planScoring(
  questions: readonly Question[],
  { maxRows, leastSaved }: PlanOptions,
): ScoringPlan {
  const planned = questions.map((question, index) => ({ index, question, rows: rowsOf(question) }));
  const shared = sharedLength(planned);
  const stemmed = planned.filter((item) => savedBy(item, shared) >= leastSaved);
  const together = planned.filter((item) => savedBy(item, shared) < leastSaved);
  // Rows of like length together waste least on padding; equal lengths keep the order given.
  together.sort((a, b) => longest(a) - longest(b) || a.index - b.index);
  return {
    prefix: Int32Array.from(planned[0]?.question.context.slice(0, shared) ?? []),
    batches: [
      ...chunks(together, maxRows).map((chunk) => batchOf(chunk, { shared, start: shared })),
      ...stemmed.map((item) => batchOf([item], { shared, start: stemEnd(item) })),
    ],
  };
}

/** How many tokens fewer run if the question's own context runs once. */
function savedBy(item: PlannedQuestion, shared: number): number {
  return (item.rows.length - 1) * (stemEnd(item) - shared);
}

/** The first position that is read ends the stem. */
function stemEnd({ question }: PlannedQuestion): number {
  return question.context.length - 1;
}

function rowsOf({ context, continuations }: Question): number[][] {
  const tails = continuations.map((tail) => tail.slice(0, -1));
  const longestFirst = tails.sort((a, b) => b.length - a.length);
  const kept: (readonly number[])[] = [];
  for (const tail of longestFirst) {
    if (!kept.some((other) => commonLength(tail, other) === tail.length)) kept.push(tail);
  }
  return kept.map((tail) => [...context, ...tail]);
}

/** The common prefix of all rows, short of the first position that is read; 0 for a single row. */
function sharedLength(planned: readonly PlannedQuestion[]): number {
  const rows = planned.reduce((sum, item) => sum + item.rows.length, 0);
  const first = planned[0];
  if (rows < 2 || first === undefined) return 0;
  return planned.reduce((length, { question: { context } }) => {
    const common = commonLength(first.question.context, context);
    return Math.min(length, common, context.length - 1);
  }, Number.POSITIVE_INFINITY);
}

function longest({ rows }: PlannedQuestion): number {
  return Math.max(...rows.map((row) => row.length));
}

function chunks(planned: readonly PlannedQuestion[], maxRows: number): PlannedQuestion[][] {
  const result: PlannedQuestion[][] = [];
  let rows = Number.POSITIVE_INFINITY;
  for (const item of planned) {
    if (rows + item.rows.length > maxRows) {
      result.push([]);
      rows = 0;
    }
    result.at(-1)!.push(item);
    rows += item.rows.length;
  }
  return result;
}

/** @param at `shared`: where the prefix ends; `start`: where the rows begin, and the stem ends */
function batchOf(
  chunk: readonly PlannedQuestion[],
  { shared, start }: { readonly shared: number; readonly start: number },
): RowBatch {
  const rows = chunk.flatMap((item) => item.rows.map((row) => row.slice(start)));
  const length = Math.max(...rows.map((row) => row.length));
  const ids = new Int32Array(rows.length * length); // what pads (id 0) comes after all that is read
  rows.forEach((row, at) => {
    ids.set(row, at * length);
  });
  const positions = new Map<number, number>();
  const readings: Reading[] = [];
  let firstRow = 0;
  for (const item of chunk) {
    for (const { row, column, ...reading } of readingsOf(item)) {
      const place = (firstRow + row) * length + column - start;
      const position = positions.get(place) ?? positions.size;
      positions.set(place, position);
      readings.push({ ...reading, position });
    }
    firstRow += item.rows.length;
  }
  return {
    stem: Int32Array.from(chunk[0]?.question.context.slice(shared, start) ?? []),
    ids,
    rows: rows.length,
    length,
    positions: Int32Array.from(positions.keys()),
    readings,
  };
}

function readingsOf({ index, question, rows }: PlannedQuestion) {
  const { context, continuations } = question;
  return continuations.flatMap((tail, continuation) =>
    tail.map((token, at) => {
      const seen = [...context, ...tail.slice(0, at)];
      const row = rows.findIndex((candidate) => commonLength(candidate, seen) === seen.length);
      return { question: index, continuation, token, row, column: seen.length - 1 };
    }),
  );
}
