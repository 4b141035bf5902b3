/**
 * What `pipe run …` asks, as far as an earlier answer to it can be found: loaded on every start, so
 * it knows no option but where the pipeline file is.
 */
import { existsSync, lstatSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Question } from '../pipe/run/settled.ts';

export interface Asked {
  readonly question: Question;
  /** The project's `cache/`. */
  readonly cacheFolder: string;
}

/** Undefined where the words are for the command itself to understand. */
export function askedBy(words: readonly string[], folder: string): Asked | undefined {
  if (words[0] !== 'run') return undefined;
  const named = fileIn(words);
  if (named === null) return undefined;
  const file = named === undefined ? nearest(folder) : resolve(folder, named);
  if (file === undefined) return undefined;
  const cacheFolder = join(dirname(file), 'cache');
  if (lstatSync(cacheFolder, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  return { question: { words, file, conditions: conditions(folder) }, cacheFolder };
}

/** What beside files, words and declared variables decides the answer. */
function conditions(folder: string): { readonly [name: string]: string } {
  const { PIPE_CACHE: named = '' } = process.env;
  return {
    node: process.version,
    pipe: import.meta.dirname,
    cache: named === '' ? '' : resolve(folder, named),
  };
}

/** The value of `--file`; null where it takes the real parser to say. */
function fileIn(words: readonly string[]): string | undefined | null {
  let found: string | undefined;
  for (const [at, word] of words.entries()) {
    if (word === '--file' || word === '-f') found = words[at + 1];
    else if (word.startsWith('--file=')) found = word.slice('--file='.length);
    else if (/^-[^-].*f/.test(word)) return null;
  }
  return found;
}

function nearest(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, 'pipeline.yaml');
    if (existsSync(candidate)) return candidate;
    if (at === dirname(at)) return undefined;
  }
}
