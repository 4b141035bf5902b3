/**
 * `{page, pairs}` lines: the questions of a page, as `extract` writes and later stages read them.
 * Knows neither FEVER's own format nor prompts.
 */
import { type ClaimId, decodeId, decodeLabel } from './claim.ts';
import { listOf, recordOf, stringOf } from './field.ts';
import { readJsonLines } from './json-lines.ts';
import type { Label } from './label.ts';

/** One question: a claim on a page, with its gold label. */
export interface Pair {
  readonly claimId: ClaimId;
  readonly claim: string;
  readonly label: Label;
}

export interface PageGroup {
  /** Normalised title, or `NULL_PAGE`. */
  readonly page: string;
  readonly pairs: readonly Pair[];
}

/** The groups of a file that `extract` wrote; a bad line throws a `DataError`. */
export function readPageGroups(path: string): Generator<PageGroup> {
  return readJsonLines(path, decodeGroup);
}

function decodeGroup(value: unknown): PageGroup {
  const record = recordOf(value);
  const pairs = listOf(record.pairs, 'pairs');
  return { page: stringOf(record.page, 'page'), pairs: pairs.map(decodePair) };
}

function decodePair(value: unknown, index: number): Pair {
  const record = recordOf(value);
  const field = `pairs[${index}]`;
  return {
    claimId: decodeId(record.claimId, `${field}.claimId`),
    claim: stringOf(record.claim, `${field}.claim`),
    label: decodeLabel(record.label, `${field}.label`),
  };
}
