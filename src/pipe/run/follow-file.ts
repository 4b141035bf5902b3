/**
 * Text that something else is writing to a file, as it comes. Knows no process.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { removeFile } from '../store/atomic-file.ts';
import { stampAt } from '../store/file-stamp.ts';

export interface FollowedFile {
  /** Passes on what was written since the last look. */
  look(): void;
  /** After the last look. The file is removed. */
  end(): void;
}

const PIECE_BYTES = 64 * 1024;

/** The file may not be there yet, or never. */
export function followFile(path: string, onText: (text: string) => void): FollowedFile {
  let decoder: StringDecoder | undefined;
  let [file, done, isThere] = [undefined as number | undefined, 0, false];
  return {
    look() {
      if (file === undefined) {
        // Most commands print nothing: then a look is all that it takes.
        const stamp = stampAt(path);
        isThere = stamp !== undefined;
        if (stamp === undefined || stamp.size === 0) return;
        file = openSync(path, 'r');
      } else if (fstatSync(file).size === done) return;
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      for (;;) {
        const count = readSync(file, piece, 0, PIECE_BYTES, done);
        if (count === 0) return;
        done += count;
        decoder ??= new StringDecoder('utf8');
        const text = decoder.write(piece.subarray(0, count));
        if (text !== '') onText(text);
      }
    },
    end() {
      const rest = decoder?.end() ?? '';
      if (rest !== '') onText(rest);
      if (file !== undefined) closeSync(file);
      file = undefined;
      if (isThere) removeFile(path);
    },
  };
}
