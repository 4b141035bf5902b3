/** How threads start and end, in processes of their own as stages are. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackendChoice } from '../../src/tensor/backend.ts';
import { shareMemory } from '../../src/tensor/wasm-threads.ts';

const project = join(import.meta.dirname, '..', '..');
let folder: string;

/** In the project's cache folder, so that the bundle finds the project's packages. */
beforeAll(async () => {
  folder = mkdtempSync(join(project, 'cache', 'test-threads-'));
  await build({
    entryPoints: [join(project, 'src', 'tensor', 'probe.ts')],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: join(folder, 'probe.mjs'),
    logLevel: 'error',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

function probe(backend: string, threads: string, flags: readonly string[] = []) {
  const reads = [folder, join(project, 'node_modules'), join(project, 'package.json')];
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const limits = [permission, ...reads.map((path) => `--allow-fs-read=${path}`), ...flags];
  const result = spawnSync(process.execPath, [...limits, join(folder, 'probe.mjs'), backend], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, PIPE_THREADS: threads },
    timeout: 30_000,
  });
  return { ...result, choice: (): BackendChoice => JSON.parse(result.stdout) };
}

it('starts threads under the permission model where workers are allowed, and exits by itself', () => {
  const result = probe('wasm', '2', ['--allow-worker']);
  expect(result.status, result.stderr).toBe(0);
  expect(result.choice().reason).toBe('WebAssembly SIMD, 2 threads');
});

it('goes on with one thread where workers are forbidden, and says why', () => {
  const result = probe('wasm', '2');
  expect(result.status, result.stderr).toBe(0);
  expect(result.choice().reason).toBe(
    'WebAssembly SIMD, 1 thread (2 refused: Access to this API has been restricted)',
  );
});

it('takes the first backend that works, with the reasons against those before it', () => {
  const result = probe('auto', '1');
  expect(result.status, result.stderr).toBe(0);
  const { name, considered } = result.choice();
  expect(considered.at(-1)).toMatchObject({ name, usable: true });
  for (const candidate of considered.slice(0, -1)) {
    expect(candidate).toMatchObject({ usable: false });
    expect(candidate.reason).not.toBe('');
  }
});

it('marks the memory of a module as shared, and changes nothing else', () => {
  // A module of one memory, 1 to 2 pages, exported as "m".
  const header = [0, 97, 115, 109, 1, 0, 0, 0];
  const rest = [7, 5, 1, 1, 109, 2, 0];
  const module = Uint8Array.from([...header, 5, 4, 1, 1, 1, 2, ...rest]);
  const changed = shareMemory(module);
  expect([...changed]).toEqual([...header, 5, 4, 1, 3, 1, 2, ...rest]);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(changed));
  expect((exports.m as WebAssembly.Memory).buffer).toBeInstanceOf(SharedArrayBuffer);
  const unlimited = Uint8Array.from([...header, 5, 3, 1, 0, 1, ...rest]);
  expect(() => shareMemory(unlimited)).toThrow('the heap has no maximum size');
  expect(() => shareMemory(Uint8Array.from(header))).toThrow('has no memory of its own');
});
