/** Trainings in processes of their own: killed for real, and with one or two threads. */
import { spawn } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it, vi } from 'vitest';
import { repository } from '../rig/project.ts';
import { bundle } from '../run/project.ts';
import { makeTrainee, type Trainee, trainedFolder } from './trainee.ts';

// Processes share the machine with other tests'.
vi.setConfig({ testTimeout: 120_000 });

let trainee: Trainee;
let driver: string;
beforeAll(async () => {
  trainee = await makeTrainee();
  driver = join(trainee.folder, 'driver.mjs');
  symlinkSync(join(repository, 'node_modules'), join(trainee.folder, 'node_modules'));
  bundle('test/stages-train/driver.ts', driver, true);
});

/** Resolves with the signal that ended it, or null. */
function start(name: string, params: object, options: { dieAt?: number; threads?: number } = {}) {
  const { dieAt = 0, threads = 1 } = options;
  const words = [driver, trainee.folder, name, JSON.stringify(params), String(dieAt)];
  const environment = { PATH: process.env.PATH, PIPE_THREADS: String(threads) };
  const child = spawn(process.execPath, words, { env: environment, stdio: 'inherit' });
  return new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (code === 0 || signal !== null) resolve(signal);
      else reject(new Error(`${name} ended with ${code}`));
    });
  });
}

const params = {
  candidate: 'doctemp',
  kind: 'lora',
  epochs: 3,
  batch: 2,
  accumulate: 2,
  learningRate: 0.01,
  earlyStop: { patience: 2, minDelta: 0 },
};

const bytesOf = (name: string) => trainedFolder(join(trainee.folder, name)).files;

it('killed with kill -9, twice, and started again: every byte as if nothing had been', async () => {
  const alone = start('alone', params);
  expect(await start('killed', params, { dieAt: 2 })).toBe('SIGKILL');
  expect(await start('killed', params, { dieAt: 7 })).toBe('SIGKILL');
  expect(await start('killed', params)).toBeNull();
  expect(await alone).toBeNull();
  expect(trainedFolder(join(trainee.folder, 'killed')).records.length).toBeGreaterThan(7);
  expect(bytesOf('killed')).toEqual(bytesOf('alone'));
});

it('gives the same bytes again, with one thread and with two', async () => {
  await Promise.all([
    start('one', params),
    start('two', params, { threads: 2 }),
    start('again', params, { threads: 2 }),
  ]);
  expect(bytesOf('again')).toEqual(bytesOf('two'));
  expect(bytesOf('two')).toEqual(bytesOf('one'));
});
