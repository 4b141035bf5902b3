/**
 * Checks on one decoded JSON value. Every complaint names the field, what was expected and what was
 * found. Knows no file: whoever reads the file adds the place.
 */

/** A value that has the wrong shape; the reader of the file turns it into a `DataError`. */
export class FieldError extends Error {}

/** `field` is the path inside the record, such as `evidence[0][2][3]`. */
export function reject(field: string, expected: string, found: unknown): never {
  throw new FieldError(`${field}: expected ${expected}, found ${describe(found)}`);
}

const SHOWN_CHARACTERS = 40;

/** A few words on a value, short enough for a message. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing (the field is missing)';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value);
  const short = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  return `the ${typeof value} ${short}`;
}

export function recordOf(value: unknown): { readonly [field: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FieldError(`expected an object on the line, found ${describe(value)}`);
  }
  return value as { readonly [field: string]: unknown };
}

export function stringOf(value: unknown, field: string): string {
  return typeof value === 'string' ? value : reject(field, 'a string', value);
}

export function listOf(value: unknown, field: string): readonly unknown[] {
  return Array.isArray(value) ? value : reject(field, 'a list', value);
}

/** A count or an index: an integer from 0 that a double holds exactly. */
export function countOf(value: unknown, field: string): number {
  const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  return fits ? value : reject(field, 'an integer from 0', value);
}
