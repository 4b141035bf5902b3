/**
 * `stat` for tens of thousands of paths. Node 20 makes an object with four dates of each result, which
 * takes longer than the system call; the function below it answers with plain numbers. Knows no file.
 *
 * That function is not part of Node's public interface. So it is used on Node 20 alone, and only
 * after it has said the same as the public one of a file and of a place where nothing is.
 */
import { lstatSync, statSync } from 'node:fs';

export interface Look {
  /** Size, mtime, ctime (in milliseconds), inode, mode and count of names of what was found last. */
  readonly found: Float64Array;
  /** False where there is nothing, or nothing that can be looked at: then `wasRefused` tells which. */
  at(path: string, follow: boolean): boolean;
  wasRefused(): boolean;
}

const MODE = 1;
const NAMES = 2;
const SIZE = 8;
const INODE = 7;
const MTIME = 12;
const CTIME = 14;

type Stat = (
  path: string,
  big: false,
  request: undefined,
  throwIfNoEntry: false,
) => Float64Array | undefined;

/** `known` is a file that is there. */
export function openLook(known: string): Look {
  const plain = plainLook();
  const quick = quickLook();
  if (quick === undefined) return plain;
  return agree(quick, plain, known) ? quick : plain;
}

const QUIET = { throwIfNoEntry: false } as const;

function plainLook(): Look {
  const found = new Float64Array(6);
  let refused = false;
  return {
    found,
    wasRefused: () => refused,
    at(path, follow) {
      refused = false;
      try {
        const stat = follow ? statSync(path, QUIET) : lstatSync(path, QUIET);
        if (stat === undefined) return false;
        found[0] = stat.size;
        found[1] = stat.mtimeMs;
        found[2] = stat.ctimeMs;
        found[3] = stat.ino;
        found[4] = stat.mode;
        found[5] = stat.nlink;
        return true;
      } catch (error) {
        // A circle of links or a closed folder: the ordinary way says what is wrong.
        if ((error as NodeJS.ErrnoException).code === undefined) throw error;
        refused = true;
        return false;
      }
    },
  };
}

function quickLook(): Look | undefined {
  if (!process.versions.node.startsWith('20.')) return undefined;
  try {
    const { binding } = process as unknown as {
      binding?: (name: 'fs') => { readonly stat?: Stat; readonly lstat?: Stat };
    };
    const { stat, lstat } = binding?.('fs') ?? {};
    return stat === undefined || lstat === undefined ? undefined : wrapped(stat, lstat);
  } catch {
    return undefined; // refused, as under the permission model: the public way serves as well
  }
}

function wrapped(stat: Stat, lstat: Stat): Look {
  const found = new Float64Array(6);
  let refused = false;
  return {
    found,
    wasRefused: () => refused,
    at(path, follow) {
      refused = false;
      try {
        const values = (follow ? stat : lstat)(path, false, undefined, false);
        if (values === undefined) return false;
        found[0] = values[SIZE] as number;
        found[1] = (values[MTIME] as number) * 1000 + (values[MTIME + 1] as number) / 1e6;
        found[2] = (values[CTIME] as number) * 1000 + (values[CTIME + 1] as number) / 1e6;
        found[3] = values[INODE] as number;
        found[4] = values[MODE] as number;
        found[5] = values[NAMES] as number;
        return true;
      } catch (error) {
        // As above; an error without a code would be a call that is not understood.
        if ((error as NodeJS.ErrnoException).code === undefined) throw error;
        refused = true;
        return false;
      }
    },
  };
}

function agree(quick: Look, plain: Look, known: string): boolean {
  try {
    const nowhere = `${known}.nothing-is-here`;
    const isSame = (path: string, follow: boolean) =>
      quick.at(path, follow) === plain.at(path, follow);
    return (
      !plain.at(nowhere, true) &&
      isSame(nowhere, true) &&
      isSame(nowhere, false) &&
      isSame(known, false) &&
      isSame(known, true) &&
      plain.at(known, true) &&
      quick.found.every((value, index) => value === plain.found[index])
    );
  } catch {
    return false; // it is called in another way here
  }
}
