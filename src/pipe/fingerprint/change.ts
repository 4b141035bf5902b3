/**
 * One difference between two fingerprints, in words a user knows. Knows no store and no terminal.
 */
import type { Digest } from '../digest.ts';
import type { Json } from '../json.ts';

export type Change =
  | { readonly kind: 'first' } // nothing like this was ever built
  | { readonly kind: 'forced' }
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
      readonly how: 'added' | 'removed' | 'edited';
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
  | { readonly kind: 'outputs-lost' }; // the trace is known, but a blob is missing or corrupt
