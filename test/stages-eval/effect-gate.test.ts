/** The effect gate against a fault: generation that forgets the memory. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import evaluate from '../../stages/eval.ts';
import { runStage } from './stage-run.ts';
import { makeWorld, PARAMS } from './world.ts';

vi.mock('../../src/lm/scoring/complete.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/lm/scoring/complete.ts')>();
  const completeContexts: typeof original.completeContexts = (model, contexts, options) =>
    original.completeContexts(model, contexts, { ...options, adapters: new Map() });
  return { ...original, completeContexts };
});

test('a memory that takes no part in generation fails, though it changes likelihoods', async () => {
  const world = await makeWorld({ doc: 1 });
  const run = (params: object) =>
    runStage(evaluate, {
      folder: join(world.folder, 'out'),
      params: { ...PARAMS, shots: [1], ...params },
      inputs: world.inputs,
    });
  await run({ scoring: ['likelihood'] });
  await expect(run({ scoring: ['likelihood', 'generate'] })).rejects.toMatchObject({
    name: 'StageError',
    message: expect.stringContaining('"doc" changes no logit that a generated answer begins with'),
  });
  rmSync(world.folder, { recursive: true });
});
