/**
 * Fingerprint → key. Knows no trace and no store.
 */
import { digestOf, type Key } from '../digest.ts';
import { canonicalJson, type Json } from '../json.ts';
import type { Fingerprint } from './document.ts';

/** The name of what a task with this fingerprint makes: SHA-256 of the canonical document. */
export function keyOf(fingerprint: Fingerprint): Key {
  return digestOf(canonicalJson(fingerprint as unknown as Json)) as string as Key;
}
