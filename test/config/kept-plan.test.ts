import { chmodSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { keepPlan, keptPlanFile, readKeptPlan } from '../../src/pipe/config/kept-plan.ts';
import { projectFolder } from './project-folder.ts';

it('answers the same question and no other', () => {
  const root = projectFolder({});
  const file = keptPlanFile(root, 'pipeline', { a: 1, b: 2 });
  expect(readKeptPlan(file)).toBeUndefined();
  keepPlan(file, { x: [1] });
  expect(readKeptPlan(keptPlanFile(root, 'pipeline', { b: 2, a: 1 }))).toEqual({ x: [1] });
  expect(readKeptPlan(keptPlanFile(root, 'params', { a: 1, b: 2 }))).toBeUndefined();
  expect(readKeptPlan(keptPlanFile(root, 'pipeline', { a: 1, b: 3 }))).toBeUndefined();
});

it('keeps a bounded number, the latest among them', () => {
  const root = projectFolder({});
  const files = Array.from({ length: 180 }, (_, i) => keptPlanFile(root, 'pipeline', i));
  for (const file of files) keepPlan(file, 1);
  expect(readdirSync(dirname(files[0]!)).length).toBeLessThanOrEqual(100);
  expect(readKeptPlan(files.at(-1)!)).toBe(1);
});

it.skipIf(process.getuid?.() === 0)('does without a folder that it may not write to', () => {
  const root = projectFolder({});
  chmodSync(root, 0o500);
  const file = keptPlanFile(root, 'pipeline', 1);
  expect(() => keepPlan(file, 1)).not.toThrow();
  expect(readKeptPlan(file)).toBeUndefined();
});
