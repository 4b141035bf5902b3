/**
 * The fingerprint: the canonical document of everything that can change a task's outputs. Every
 * field says why it is in. What is not here cannot cause a rebuild: no mtime, machine path, locale,
 * stage name, cell label or attempt number.
 */
import type { Digest } from '../digest.ts';
import type { JsonObject } from '../json.ts';

export interface Fingerprint {
  /** Raised when the engine changes what it feeds to tasks, so that old traces stop matching. */
  readonly schema: number;
  /** What runs. */
  readonly code: CodeFingerprint;
  /** Params as resolved: defaults filled in, `${…}` replaced. */
  readonly params: JsonObject;
  /** By input name, the ordered content the task can read. */
  readonly inputs: { readonly [input: string]: readonly InputFingerprint[] };
  /** Output names and their formats: a renamed or folder-turned output is another product. */
  readonly outputs: { readonly [output: string]: string };
  /** Only the variables that the stage declared; absent ones are absent. */
  readonly environment: { readonly [name: string]: string };
  /** Feeds the stage's random generator. */
  readonly seed: number;
  /** Backend and device, only with `numerics: strict`. */
  readonly numerics?: string;
}

export type CodeFingerprint =
  /** Digest of the minified bundle, and name → version of each package it imports. */
  | {
      readonly kind: 'module';
      readonly bundle: Digest;
      readonly packages: { readonly [name: string]: string };
    }
  | { readonly kind: 'command'; readonly command: string };

export interface InputFingerprint {
  /** Relative name inside a folder or glob, or the cell label in a fan-in; absent for a single file, whose name is not content. */
  readonly name?: string;
  readonly digest: Digest;
  /** A file made by another task that may be started; absent where it may not, or is a folder. */
  readonly executable?: true;
}
