/**
 * `records/<digest>.json`: short hashes of the records of source files that tasks have read, so that
 * `why` can name the record that changed after the old content is gone. Written only when a task ran;
 * losing them loses a detail of an explanation.
 */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { XXHashAPI } from 'xxhash-wasm';
import { type Digest, digestOf } from '../digest.ts';
import { type FileRecords, hasRecords, readRecords } from '../fingerprint/file-records.ts';
import { isDiskFull } from './atomic-file.ts';
import { isAbsence, readChecked, writeChecked } from './checked-file.ts';
import { xxhash } from './hash-file.ts';

/** Reading a file once more must stay small beside the task that read it. */
const LARGEST_BYTES = 32 * 2 ** 20;
const MOST_RECORDS = 200_000;
const MOST_KEPT = 500;
/** Of one run: it must not push out all that others kept. */
const MOST_FILES = MOST_KEPT / 2;
const MARK_DIGITS = 11;

export interface SourceDigest {
  readonly path: string;
  readonly name: string;
  readonly digest: Digest;
}

export function keptRecords(folder: string, digest: Digest): FileRecords | undefined {
  return readChecked(fileOf(folder, digest)) as FileRecords | undefined;
}

/** Of as many files as are worth it, those that are what they were when they were hashed. */
export async function keepRecords(folder: string, files: readonly SourceDigest[]): Promise<void> {
  const worth = files.filter(({ name }) => hasRecords(name)).slice(0, MOST_FILES);
  let isNew = false;
  for (const file of worth) {
    try {
      isNew = (await keep(folder, file)) || isNew;
    } catch (error) {
      if (!isDiskFull(error) && !isAbsence(error)) throw error;
    }
  }
  if (isNew) dropOldest(folder);
}

/** False where nothing was written. */
async function keep(folder: string, { path, name, digest }: SourceDigest): Promise<boolean> {
  const known = statSync(fileOf(folder, digest), { throwIfNoEntry: false });
  if (known !== undefined || statSync(path).size > LARGEST_BYTES) return false;
  const bytes = readFileSync(path);
  if (digestOf(bytes) !== digest) return false;
  const records = readRecords(bytes, name, await recordMark());
  if (records === undefined || records.marks.length > MOST_RECORDS) return false;
  const { texts: _texts, ...kept } = records;
  writeChecked(fileOf(folder, digest), kept);
  return true;
}

/** Records are told apart, not named for ever: 44 bits of XXH64. */
export async function recordMark(): Promise<(text: string) => string> {
  const api: XXHashAPI = await xxhash();
  return (text) => api.h64ToString(text).slice(0, MARK_DIGITS);
}

function fileOf(folder: string, digest: Digest): string {
  return join(folder, `${digest}.json`);
}

function dropOldest(folder: string): void {
  const names = readdirSync(folder);
  if (names.length <= MOST_KEPT) return;
  const age = (name: string) =>
    statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const byAge = names.map((name) => ({ name, at: age(name) })).sort((a, b) => a.at - b.at);
  for (const { name } of byAge.slice(0, MOST_KEPT / 2)) rmSync(join(folder, name), { force: true });
}
