/**
 * The reader's memory does not grow with the dump. A child process is measured, since this one's
 * memory tells more of the test runner.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { tempFolder } from './temp-file.ts';

const folder = tempFolder();
const MIB = 2 ** 20;

/** Pages as the dump has them, some needing a full parse, the wanted one at the very end. */
function writeDump(name: string, sizeBytes: number): string {
  const path = join(folder, name);
  const file = openSync(path, 'w');
  for (let written = 0, block = 0; written < sizeBytes; block += 1) {
    const pages = Array.from({ length: 200 }, (_, i) => page(`Page_${block}_${i}`, i % 20 === 0));
    written += writeSync(file, `${pages.join('\n')}\n`);
  }
  writeSync(file, page('Wanted', true));
  closeSync(file);
  return path;
}

function page(id: string, reversed: boolean): string {
  const text = `${id} is a page. `.repeat(60);
  return JSON.stringify(reversed ? { text, id } : { id, text });
}

/** Peak resident memory of a process that looks one page up in `dump`. */
function measure(script: string, dump: string): { peakBytes: number; found: string[] } {
  const output = execFileSync(process.execPath, [script, dump], { encoding: 'utf8' });
  return JSON.parse(output);
}

function writeScript(): string {
  const outfile = join(folder, 'search.mjs');
  const source = `
    import { findPages } from './src/fever/wiki-dump.ts';
    const { pages } = await findPages([process.argv[2]], ['Wanted'], { onBadLine: 'fail' });
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    console.log(JSON.stringify({ peakBytes, found: [...pages.keys()] }));`;
  const resolveDir = join(import.meta.dirname, '../..');
  const stdin = { contents: source, resolveDir };
  buildSync({ stdin, bundle: true, platform: 'node', format: 'esm', outfile });
  return outfile;
}

describe('findPages', () => {
  it('takes no more memory for 64 MiB than for 8 MiB', () => {
    const script = writeScript();
    const small = measure(script, writeDump('small.jsonl', 8 * MIB));
    const large = measure(script, writeDump('large.jsonl', 64 * MIB));
    expect([small.found, large.found]).toEqual([['Wanted'], ['Wanted']]);
    expect(large.peakBytes - small.peakBytes).toBeLessThan(20 * MIB);
  });
});
