/**
 * One difference between two fingerprints, in words a user knows. Knows no store and no terminal.
 */
import type { Digest } from '../digest.ts';
import type { Json } from '../json.ts';

export type Change =
  | { readonly kind: 'first' } // nothing like this was ever built
  | { readonly kind: 'forced' }
  | { readonly kind: 'checked' } // rebuilt only to be compared
  | {
      readonly kind: 'param';
      readonly name: string;
      readonly before: Json | undefined;
      readonly after: Json | undefined;
    }
  | {
      readonly kind: 'code';
      readonly what: string;
      readonly before: Digest;
      readonly after: Digest;
      /** Which of its modules, where that was asked for and both bundles are kept. */
      readonly parts?: readonly CodePart[];
    }
  | {
      readonly kind: 'package';
      readonly name: string;
      readonly before: string | undefined;
      readonly after: string | undefined;
    }
  | { readonly kind: 'command'; readonly before: string; readonly after: string }
  | {
      readonly kind: 'input';
      readonly input: string;
      readonly file: string;
      /** A file of the project is edited; what another task made is changed; a name counts from another folder. */
      readonly how: 'added' | 'removed' | 'edited' | 'changed' | 'reordered' | 'renamed';
      readonly before?: Digest;
      readonly after?: Digest;
      /** What it was called at the earlier build, where another file is read now. */
      readonly was?: string;
      /** Which of its records, where that was asked for and both contents are known. */
      readonly records?: RecordsChange;
    }
  | {
      readonly kind: 'environment';
      readonly name: string;
      readonly before: string | undefined;
      readonly after: string | undefined;
    }
  | { readonly kind: 'seed'; readonly before: number; readonly after: number }
  | { readonly kind: 'outputs'; readonly before: Json; readonly after: Json }
  | { readonly kind: 'schema'; readonly before: number; readonly after: number }
  /** No change, but what it saves: only what lies beyond a finished run is made. */
  | { readonly kind: 'goes-on'; readonly param: string; readonly from: number }
  | { readonly kind: 'outputs-lost' }; // the trace is known, but a blob is missing or corrupt

/** A module of a stage's bundle, relative to the project. */
export interface CodePart {
  readonly module: string;
  readonly how: 'added' | 'removed' | 'edited';
  /** The first line (of the module as it is now) that differs. */
  readonly line?: number;
}

/** How the records of one input differ: lines of a text file, entries of a JSON file, files of a folder. */
export interface RecordsChange {
  readonly unit: 'line' | 'entry' | 'file';
  readonly edited: number;
  readonly added: number;
  readonly removed: number;
  /** The first few, in file order. */
  readonly first: readonly RecordChange[];
}

export interface RecordChange {
  readonly how: 'edited' | 'added' | 'removed';
  /** The number of the line (from 1), the name of the entry or file; of a removed one, where it was. */
  readonly at: string;
  /** Its beginning, as it is now; absent if it was removed. */
  readonly text?: string;
}
