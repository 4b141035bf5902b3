/**
 * A claim as FEVER's files write it, checked field by field, and the text forms that claims are
 * compared in. Knows no page groups and no prompts.
 */
import { countOf, describe, FieldError, listOf, recordOf, reject, stringOf } from './field.ts';
import { isLabel, LABELS, type Label } from './label.ts';

/** FEVER numbers its claims; other data sets in its format may name them. */
export type ClaimId = number | string;

/** One piece of evidence. `page` is the title as written in the file, null where there is none. */
export interface Evidence {
  readonly page: string | null;
  readonly sentence: number | null;
}

export interface Claim {
  readonly id: ClaimId;
  readonly label: Label;
  /** NFC, every run of white space one blank, trimmed: a line break would break the prompt. */
  readonly claim: string;
  /** Alternative sets; within a set the pieces belong together. */
  readonly evidence: readonly (readonly Evidence[])[];
}

/** Decodes one line of a FEVER claims file; throws `FieldError`. Unknown fields are ignored. */
export function decodeClaim(value: unknown): Claim {
  const record = recordOf(value);
  return {
    id: decodeId(record.id),
    label: decodeLabel(record.label),
    claim: decodeText(record.claim),
    evidence: listOf(record.evidence, 'evidence').map((set, i) => decodeSet(set, `evidence[${i}]`)),
  };
}

export function decodeId(value: unknown, field = 'id'): ClaimId {
  if (typeof value === 'string' && value.trim() !== '') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  return reject(field, 'an integer or a name', value);
}

export function decodeLabel(value: unknown, field = 'label'): Label {
  if (isLabel(value)) return value;
  return reject(field, `one of ${LABELS.map((label) => JSON.stringify(label)).join(', ')}`, value);
}

function decodeText(value: unknown): string {
  const text = tidyText(stringOf(value, 'claim'));
  return text === '' ? reject('claim', 'a sentence', value) : text;
}

function decodeSet(value: unknown, field: string): Evidence[] {
  return listOf(value, field).map((piece, i) => decodePiece(piece, `${field}[${i}]`));
}

/** `[annotation_id, evidence_id, page|null, sentence|null]`. */
function decodePiece(value: unknown, field: string): Evidence {
  const piece = listOf(value, field);
  if (piece.length !== 4) {
    const expected = 'a list of 4 (annotation, evidence, page, sentence)';
    throw new FieldError(`${field}: expected ${expected}, found ${describe(value)}`);
  }
  const [, , page, sentence] = piece;
  if (page === null && sentence !== null)
    reject(`${field}[3]`, 'null beside a null page', sentence);
  return {
    page: page === null ? null : decodePage(page, `${field}[2]`),
    sentence: sentence === null ? null : countOf(sentence, `${field}[3]`),
  };
}

function decodePage(value: unknown, field: string): string {
  const page = stringOf(value, field);
  return page.trim() === '' ? reject(field, 'a page title or null', value) : page;
}

/** The form that claims are stored in: NFC, white space runs one blank, trimmed. */
export function tidyText(text: string): string {
  return text.normalize('NFC').replace(/\s+/gu, ' ').trim();
}

/**
 * The form in which two claims count as the same: tidied, lower case, without closing punctuation
 * and without quotation marks around it.
 */
export function comparableText(text: string): string {
  const lower = tidyText(text).toLowerCase().normalize('NFC');
  return lower.replace(/^["'“”‘’\s]+|["'“”‘’.!?\s]+$/gu, '');
}

/**
 * The form that leaves only the words: as `comparableText`, without any punctuation. Two claims that
 * differ in commas, hyphens or quotation marks alone are one claim to a reader, and to a memory.
 */
export function bareText(text: string): string {
  const words = tidyText(text)
    .toLowerCase()
    .normalize('NFC')
    .match(/[\p{L}\p{M}\p{N}]+/gu);
  return words?.join(' ') ?? tidyText(text);
}
