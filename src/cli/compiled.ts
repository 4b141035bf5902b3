/**
 * Loads a bundle together with what V8 made of it in an earlier run: compiling it takes longer than
 * running it. Loaded on every start; knows no command.
 *
 * `<bundle>.compiled` is `CRC of the source | CRC of the rest | V8's code cache`. V8 refuses what
 * another version of it made; another source, it would not notice.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Script } from 'node:vm';
import { bytesAt } from '../pipe/store/bytes-at.ts';
import { checksum } from '../pipe/store/checksum.ts';

const HEADER_BYTES = 8;

export interface Compiled {
  readonly exports: unknown;
  /** What is worth keeping once it has run: also functions that V8 compiled on the way. */
  toKeep(): Buffer;
}

/** Of a CommonJS bundle. Throws as reading the file does. */
export function loadCompiled(file: string): Compiled {
  const bytes = readFileSync(file);
  const source = bytes.toString('latin1'); // esbuild writes ASCII, and this way to read it is the fastest
  const { Script, constants } = process.getBuiltinModule('node:vm');
  const { createRequire } = process.getBuiltinModule('node:module');
  const cachedData = kept(compiledPath(file), checksum(bytes));
  const script: Script = new Script(
    `(function (exports, require, module, __filename, __dirname) { ${source}\n})`,
    {
      filename: file,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      ...(cachedData === undefined ? {} : { cachedData }),
    },
  );
  const module = { exports: {} };
  const run = script.runInThisContext() as (...given: readonly unknown[]) => void;
  run(module.exports, createRequire(file), module, file, dirname(file));
  return {
    exports: module.exports,
    toKeep() {
      const data = script.createCachedData();
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt32LE(checksum(bytes), 0);
      header.writeUInt32LE(checksum(data), 4);
      return Buffer.concat([header, data]);
    },
  };
}

export function compiledPath(bundle: string): string {
  return `${bundle}.compiled`;
}

/** Undefined where there is none, or it is torn, or was made of another source. */
function kept(path: string, sourceSum: number): Buffer | undefined {
  const whole = bytesAt(path);
  if (whole === undefined || whole.length <= HEADER_BYTES || whole.readUInt32LE(0) !== sourceSum)
    return undefined;
  const data = whole.subarray(HEADER_BYTES);
  return checksum(data) === whole.readUInt32LE(4) ? data : undefined;
}
