/**
 * A JSON file that knows whether it is whole: `{"check":"<SHA-256 of the body's text>","body":…}`.
 * A torn, truncated or edited file reads as absent. Knows nothing of the body.
 */
import { readFileSync } from 'node:fs';
import { digestOf } from '../digest.ts';
import { writeAtomic } from './atomic-file.ts';

const HEAD = '{"check":"';
const MIDDLE = '","body":';
const TAIL = '}\n';
const BODY_AT = HEAD.length + 64 + MIDDLE.length;

export function writeChecked(path: string, body: unknown): void {
  const text = JSON.stringify(body);
  writeAtomic(path, `${HEAD}${digestOf(text)}${MIDDLE}${text}${TAIL}`);
}

/** The body, or undefined when the file is absent or not whole. */
export function readChecked(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  return parseChecked(text);
}

export function parseChecked(text: string): unknown {
  if (!text.startsWith(HEAD) || !text.endsWith(TAIL)) return undefined;
  if (!text.startsWith(MIDDLE, HEAD.length + 64)) return undefined;
  const body = text.slice(BODY_AT, -TAIL.length);
  if (digestOf(body) !== text.slice(HEAD.length, HEAD.length + 64)) return undefined;
  return JSON.parse(body);
}

/** The file or a folder on the way to it does not exist. */
export function isAbsence(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
