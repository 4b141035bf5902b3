/**
 * `ctx.memo`: an append-only file of small records, shared by any number of processes. Knows no
 * stage. Each record carries an XXH64 of itself and is verified when read; a torn or damaged record
 * is a miss, and reading finds the next whole one behind it.
 *
 * Record: magic (8 bytes), SHA-256 of the key (32), value length (4, little-endian), XXH64 of key
 * digest and value (8, little-endian), value. One `write` to a file opened for appending puts a
 * record behind all others, whoever writes at the same time.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { XXHashAPI } from 'xxhash-wasm';
import { digestOf } from '../digest.ts';
import type { CodeFingerprint } from '../fingerprint/document.ts';
import { canonicalJson, type Json } from '../json.ts';
import type { Memo } from '../stage.ts';
import { writeWhole } from './atomic-file.ts';
import { fileNameOf } from './cache-layout.ts';

const MAGIC = Buffer.from('89706d0d0a1a7265', 'hex');
const HEADER_BYTES = 8 + 32 + 4 + 8;
const WINDOW_BYTES = 64 * 1024;

interface Place {
  readonly offset: number;
  readonly length: number;
  readonly check: bigint;
}

export interface OpenMemo extends Memo {
  close(): void;
}

/**
 * Remembered records depend on the code that made them as much as artifacts do: other code, or
 * another version of a package, starts with an empty memory.
 */
export function memoFolderName(code: CodeFingerprint): string {
  return digestOf(canonicalJson(code as unknown as Json)).slice(0, 32);
}

export function memoPath(folder: string, name: string, version: number): string {
  return join(folder, `${fileNameOf(name)}.v${version}`);
}

export function openMemo(path: string, xxhash: XXHashAPI): OpenMemo {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'a+');
  const places = new Map<string, Place>();
  let scannedTo = scan(file, 0, places, xxhash);
  const refresh = () => {
    if (fstatSync(file).size > scannedTo) scannedTo = scan(file, scannedTo, places, xxhash);
  };
  return {
    get(key) {
      const digest = digestOfKey(key);
      if (!places.has(digest.toString('latin1'))) refresh(); // another process may have it by now
      return readValue(file, digest, places, xxhash);
    },
    set(key, value) {
      const digest = digestOfKey(key);
      const known = readValue(file, digest, places, xxhash);
      if (known !== undefined && Buffer.compare(known, value) === 0) return;
      writeWhole(file, encode(digest, value, xxhash));
      refresh();
    },
    close: () => closeSync(file),
  };
}

export interface MemoInspection {
  readonly records: number;
  /** Bytes that belong to no whole record. */
  readonly damagedBytes: number;
  /** The whole records, one behind the other. */
  whole(): Buffer;
}

/** Reads all of a memo, values too. */
export function inspectMemo(path: string, xxhash: XXHashAPI): MemoInspection {
  const bytes = readFileSync(path);
  const window: Window = { at: (offset, length) => bytes.subarray(offset, offset + length) };
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const place = recordAt(window, at, bytes.length)?.place;
    const end = place === undefined ? at : place.offset + place.length;
    if (place !== undefined && isSound(bytes.subarray(at, end), place, xxhash)) {
      records.push(bytes.subarray(at, end));
      at = end;
      continue;
    }
    const next = bytes.indexOf(MAGIC, at + 1);
    at = next < 0 ? bytes.length : next;
  }
  const soundBytes = records.reduce((sum, record) => sum + record.length, 0);
  return {
    records: records.length,
    damagedBytes: bytes.length - soundBytes,
    whole: () => Buffer.concat(records),
  };
}

function isSound(record: Buffer, { check }: Place, xxhash: XXHashAPI): boolean {
  return checkOf(record.subarray(8, 40), record.subarray(HEADER_BYTES), xxhash) === check;
}

function digestOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function encode(digest: Buffer, value: Uint8Array, xxhash: XXHashAPI): Buffer {
  const record = Buffer.allocUnsafe(HEADER_BYTES + value.length);
  MAGIC.copy(record, 0);
  digest.copy(record, 8);
  record.writeUInt32LE(value.length, 40);
  record.writeBigUInt64LE(checkOf(digest, value, xxhash), 44);
  record.set(value, HEADER_BYTES);
  return record;
}

function checkOf(digest: Buffer, value: Uint8Array, xxhash: XXHashAPI): bigint {
  return xxhash.create64().update(digest).update(value).digest();
}

function readValue(
  file: number,
  digest: Buffer,
  places: Map<string, Place>,
  xxhash: XXHashAPI,
): Uint8Array | undefined {
  const name = digest.toString('latin1');
  const place = places.get(name);
  if (place === undefined) return undefined;
  const value = Buffer.allocUnsafe(place.length);
  const whole = readSync(file, value, 0, place.length, place.offset) === place.length;
  if (whole && checkOf(digest, value, xxhash) === place.check) return value;
  places.delete(name);
  return undefined;
}

/**
 * Notes the records between `from` and the end; returns where the last whole one ends. Values are
 * skipped, not read. A torn record may claim the first bytes of the one behind it: so where no
 * record follows a record, the one before is checked, and if it is torn its bytes are searched.
 */
function scan(file: number, from: number, places: Map<string, Place>, xxhash: XXHashAPI): number {
  const size = fstatSync(file).size;
  const window = openWindow(file, size);
  let at = from;
  let before: { name: string; start: number } | undefined;
  while (at < size) {
    const found = recordAt(window, at, size);
    if (found !== undefined) {
      places.set(found.name, found.place);
      before = { name: found.name, start: at };
      at = found.place.offset + found.place.length;
      continue;
    }
    const torn = before !== undefined && !isWhole(file, before.name, places, xxhash);
    const next = findMagic(window, torn && before ? before.start + 1 : at + 1, size);
    before = undefined;
    if (next === undefined) return at;
    at = next;
  }
  return at;
}

function recordAt(
  window: Window,
  at: number,
  size: number,
): { name: string; place: Place } | undefined {
  const header = window.at(at, HEADER_BYTES);
  if (header.length < HEADER_BYTES || !header.subarray(0, 8).equals(MAGIC)) return undefined;
  const length = header.readUInt32LE(40);
  if (at + HEADER_BYTES + length > size) return undefined;
  const place = { offset: at + HEADER_BYTES, length, check: header.readBigUInt64LE(44) };
  return { name: header.toString('latin1', 8, 40), place };
}

function isWhole(
  file: number,
  name: string,
  places: Map<string, Place>,
  xxhash: XXHashAPI,
): boolean {
  return readValue(file, Buffer.from(name, 'latin1'), places, xxhash) !== undefined;
}

interface Window {
  /** Bytes at `offset`, up to `length` of them (fewer at the end). */
  at(offset: number, length: number): Buffer;
}

function openWindow(file: number, size: number): Window {
  const buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  let start = 0;
  let end = 0;
  return {
    at(offset, length) {
      const wanted = Math.min(offset + length, size);
      if (offset < start || wanted > end) {
        start = offset;
        end = offset + readSync(file, buffer, 0, WINDOW_BYTES, offset);
      }
      return buffer.subarray(offset - start, Math.min(wanted, end) - start);
    },
  };
}

function findMagic(window: Window, from: number, size: number): number | undefined {
  const step = WINDOW_BYTES / 2;
  for (let at = from; at < size; at += step) {
    const found = window.at(at, step + MAGIC.length).indexOf(MAGIC);
    if (found >= 0) return at + found;
  }
  return undefined;
}
