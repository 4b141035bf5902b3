/** A copy of this repository's pipeline in a temporary folder, and a way to run `pipe` there. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = dirname(dirname(fileURLToPath(import.meta.url)));

export function copyPipeline() {
  const folder = mkdtempSync(join(tmpdir(), 'pipe-bench-'));
  for (const name of [
    'src',
    'stages',
    'data',
    'models',
    'pipeline.yaml',
    'package.json',
    'package-lock.json',
  ]) {
    cpSync(join(repository, name), join(folder, name), {
      recursive: true,
      filter: (source) => !/\/models\/(cache|artifacts)$/.test(source),
    });
  }
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  return {
    folder,
    pipe: (...words) => pipe(folder, words),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** Reading extra certificates costs every start of Node 20 some 60 ms, which is nobody's doing here. */
function quickEnvironment() {
  const { NODE_EXTRA_CA_CERTS: _slowStart, ...env } = process.env;
  return env;
}

/** Wall time of starting Node to do nothing, in milliseconds. */
export function nodeStartMs() {
  const started = performance.now();
  spawnSync(process.execPath, ['-e', '0'], { env: quickEnvironment() });
  return performance.now() - started;
}

/** Runs `pipe` and gives its stdout, its stderr and the wall time in milliseconds; throws on a failure. */
function pipe(folder, words) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(repository, 'bin', 'pipe.cjs'), ...words],
    { cwd: folder, env: quickEnvironment(), encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  if (status !== 0) throw new Error(`pipe ${words.join(' ')}: exit ${status}\n${stderr}`);
  return { stdout, stderr, wallMs: performance.now() - started };
}

export function machine() {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model ?? 'unknown'}, Node ${process.version}`;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
