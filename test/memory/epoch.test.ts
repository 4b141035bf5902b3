import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  batchesPerEpoch,
  type EpochPlan,
  epochBatches,
  type Source,
} from '../../src/memory/epoch.ts';

const plan: EpochPlan = { visits: { doc: 1, temp: 1 }, order: 'shuffled', batch: 4, seed: 0 };
const sources: Source[] = ['doc', 'temp', 'temp', 'doc', 'temp', 'temp', 'doc', 'temp', 'temp'];

describe('epochBatches', () => {
  it('visits every text once, whatever the order', () => {
    const order = fc.constantFrom('shuffled', 'doc-first', 'temp-first' as const);
    const many = fc.array(fc.constantFrom<Source>('doc', 'temp'), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(
        many,
        order,
        fc.nat(20),
        fc.integer({ min: 1, max: 9 }),
        (texts, order, epoch, batch) => {
          const batches = epochBatches(texts, epoch, { ...plan, order, batch } as EpochPlan);
          expect(batches.flat().sort((a, b) => a - b)).toEqual(texts.map((_, index) => index));
          expect(batches.slice(0, -1).every((items) => items.length === batch)).toBe(true);
        },
      ),
    );
  });

  it('is a function of seed and epoch', () => {
    expect(epochBatches(sources, 3, plan)).toEqual(epochBatches(sources, 3, plan));
    expect(epochBatches(sources, 4, plan)).not.toEqual(epochBatches(sources, 3, plan));
    expect(epochBatches(sources, 3, { ...plan, seed: 1 })).not.toEqual(
      epochBatches(sources, 3, plan),
    );
  });

  it('finishes one source before the other on demand', () => {
    const kinds = epochBatches(sources, 0, { ...plan, order: 'temp-first' })
      .flat()
      .map((index) => sources[index]);
    expect(kinds).toEqual([...Array(6).fill('temp'), ...Array(3).fill('doc')]);
  });

  it('visits a source more or less often', () => {
    const visits = { doc: 2, temp: 0.5 };
    const counts = (epoch: number) => {
      const all = epochBatches(sources, epoch, { ...plan, visits }).flat();
      return ['doc', 'temp'].map((kind) => all.filter((index) => sources[index] === kind).length);
    };
    expect([counts(0), counts(1)]).toEqual([
      [6, 3],
      [6, 3],
    ]);
    expect(batchesPerEpoch(sources, { ...plan, visits })).toBe(3);
  });
});
