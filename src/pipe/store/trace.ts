/**
 * A trace: key → output digests, with what it cost and where it came from. Types only.
 */
import type { Digest, Key } from '../digest.ts';
import type { TaskId } from '../event.ts';
import type { Fingerprint } from '../fingerprint/document.ts';
import type { InputNames } from '../fingerprint/explain.ts';
import type { JsonObject } from '../json.ts';

export interface Trace {
  readonly key: Key;
  readonly fingerprint: Fingerprint;
  readonly outputs: { readonly [name: string]: OutputRecord };
  readonly notes: readonly string[];
  /** What the task reported by `ctx.metric`, merged; absent if it reported nothing. */
  readonly metrics?: JsonObject;
  readonly cost: { readonly wallMs: number; readonly cpuMs: number; readonly peakRssBytes: number };
  readonly provenance: {
    readonly task: TaskId;
    readonly finishedAt: string;
    readonly node: string;
    readonly platform: string;
    /** Processors and memory of the machine that built it; absent in older traces. */
    readonly machine?: string;
    readonly runId: string;
    /** What the inputs were called then, for explanations; a name is no content and in no key. */
    readonly names?: InputNames;
  };
}

/** A folder's digest names a blob that holds its canonical listing (`TreeEntry[]` as canonical JSON). */
export interface OutputRecord {
  readonly kind: 'file' | 'folder';
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Present on a file that may be started; of a folder's files the listing tells. */
  readonly executable?: boolean;
}

export interface TreeEntry {
  /** Relative path with `/`; with one at the end an empty folder, whose digest is that of no bytes. */
  readonly name: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Present on files that may be started. */
  readonly executable?: boolean;
}
