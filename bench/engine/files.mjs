/**
 * The change scan over 100,000 input files beside `find -newer`: one task that reads them all by a
 * glob, nothing changed; medians of interleaved runs.
 *
 * node bench/engine/files.mjs [--files 100000] [--repeats 7]
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine, median } from '../copy.mjs';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    repeats: { type: 'string', default: '7' },
  },
});
const bin = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'bin', 'pipe.cjs');
const folder = mkdtempSync(join(tmpdir(), 'engine-files-'));
const { NODE_EXTRA_CA_CERTS: _slowStart, ...env } = process.env;

function time(file, args) {
  const started = performance.now();
  const { status, stderr } = spawnSync(file, args, { cwd: folder, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file}: exit ${status}\n${stderr}`);
  return { wallMs: performance.now() - started, stderr };
}

try {
  const then = Date.now() / 1000 - 600;
  for (let at = 0; at < Number(values.files); at += 1) {
    const inner = join(folder, 'data', String(at % 100));
    if (at < 100) mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, `${at}.txt`), `${at}\n`);
    utimesSync(join(inner, `${at}.txt`), then, then);
  }
  writeFileSync(
    join(folder, 'pipeline.yaml'),
    `version: 1\nstages:\n  count: { cmd: "ls \${inputs.all} | wc -l > \${outputs.o}", inputs: { all: data }, outputs: { o: o.txt } }\n`,
  );
  writeFileSync(join(folder, 'stamp'), '');
  console.log(machine());
  console.log(`from nothing: ${time(process.execPath, [bin, 'run']).wallMs.toFixed(0)} ms`);
  spawnSync('sleep', ['3']);
  time(process.execPath, [bin, 'run']);
  const scans = [];
  const finds = [];
  for (let round = 0; round < Number(values.repeats); round += 1) {
    scans.push(time(process.execPath, [bin, 'run']).wallMs);
    finds.push(time('find', ['data', '-newer', 'stamp']).wallMs);
  }
  const ratio = (median(scans) / median(finds)).toFixed(2);
  console.log(
    `${values.files} files, nothing changed: pipe ${median(scans).toFixed(0)} ms, find -newer ${median(finds).toFixed(0)} ms → ${ratio}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
