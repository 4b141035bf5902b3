/**
 * Branded content hashes. This module knows no file, no store and no task: it only hashes bytes.
 */
import { hash } from 'node:crypto';

/** SHA-256 of some bytes, 64 lower-case hex digits. Names content in every store. */
export type Digest = string & { readonly brand: 'Digest' };

/** SHA-256 of a canonical fingerprint document: the name under which a trace is kept. */
export type Key = string & { readonly brand: 'Key' };

/** SHA-256 of the bytes (or of the text's UTF-8 bytes). */
export function digestOf(data: string | Uint8Array): Digest {
  return hash('sha256', data) as Digest;
}

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
}
