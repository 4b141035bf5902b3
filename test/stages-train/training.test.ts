/** What `train` promises beside a lower loss: how it stops, resumes, extends and repeats itself. */
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRng } from '../../src/tensor/rng.ts';
import { decodeSnapshot } from '../../src/tensor/snapshot.ts';
import train from '../../stages/train.ts';
import { makeTrainee, savingAlways, type Trainee, watchedCheckpoint } from './trainee.ts';

let trainee: Trainee;
beforeAll(async () => {
  trainee = await makeTrainee();
});

const base = { candidate: 'doctemp', epochs: 3, batch: 2, learningRate: 0.01 };

describe('the defaults', () => {
  it('are those of the experiment', () => {
    const { properties } = train.params;
    const defaults = Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => [name, schema.default]),
    );
    expect(defaults).toMatchObject({
      kind: 'adapter',
      epochs: 25,
      learningRate: 0.001,
      schedule: 'cosine',
      warmupSteps: 10,
      batch: 4,
      accumulate: 1,
      optimizer: 'adam',
      weightDecay: 0.05,
      clipNorm: 10,
      hidden: 128,
      gateInit: 1,
      norm: true,
      location: { fromPercent: 70, toPercent: 80 },
      loss: 'all',
      earlyStop: { patience: 0, minDelta: 0 },
    });
    expect(defaults.candidate).toBeUndefined();
  });
});

describe('accumulation', () => {
  it('trains as one batch of all texts does, to rounding', async () => {
    const whole = await trainee.run('whole', { ...base, batch: 6 });
    const parts = await trainee.run('parts', { ...base, batch: 2, accumulate: 3 });
    expect(parts.records.length).toBe(whole.records.length);
    whole.records.forEach(({ loss, gradNorm }, step) => {
      expect(parts.records[step]!.loss).toBeCloseTo(loss, 5);
      expect(parts.records[step]!.gradNorm / gradNorm).toBeCloseTo(1, 3);
    });
    const alone = await trainee.run('unaccumulated', { ...base, batch: 2 });
    expect(alone.records.length).toBeGreaterThan(parts.records.length);
  });
});

describe('full fine-tuning', () => {
  it('trains all blocks where the states are those of the embedding', async () => {
    const location = { fromPercent: 0, toPercent: 100 };
    const whole = await makeTrainee(location);
    const params = { ...base, kind: 'full', epochs: 2, location };
    const { files, notes, records } = await whole.run('whole model', params);
    expect(JSON.parse(String(files.get('index')))).toMatchObject({
      kind: 'full',
      blocks: { from: 0, to: 5 },
      config: { head: true },
    });
    expect(notes[0]).toMatch(/^full of blocks 0, 1, 2, 3, 4, \d+ parameters: /);
    const last = records.filter(({ epoch }) => epoch === 1).map(({ loss }) => loss);
    const first = records.filter(({ epoch }) => epoch === 0).map(({ loss }) => loss);
    expect(mean(last)).toBeLessThan(mean(first) - 0.3);
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('early stop', () => {
  // No epoch is better than the first by so much: it is the best, and two more are waited for.
  const stop = {
    ...base,
    epochs: 9,
    schedule: 'constant',
    earlyStop: { patience: 2, minDelta: 9 },
  };

  it('ends at the right epoch, with the memory of the best, and says so', async () => {
    const stopped = await trainee.run('stopped', stop);
    const first = await trainee.run('first', { ...base, schedule: 'constant', epochs: 1 });
    expect(stopped.files.get('memory')!.equals(first.files.get('memory')!)).toBe(true);
    expect(stopped.records.at(-1)!.epoch).toBe(2);
    expect(stopped.metrics).toMatchObject({ epochs: 3, bestEpoch: 1, stoppedEarly: true });
    expect(stopped.notes.at(-1)).toMatch(
      /^stopped early after 3 epochs; kept the memory of epoch 1, mean loss \d/,
    );
  });

  it('keeps the last memory where each epoch is better, and none is waited for', async () => {
    const patient = { ...base, earlyStop: { patience: 2, minDelta: 0 } };
    const kept = await trainee.run('kept', patient);
    const plain = await trainee.run('plain', base);
    expect(kept.files.get('memory')!.equals(plain.files.get('memory')!)).toBe(true);
    expect(kept.metrics).toMatchObject({ epochs: 3, bestEpoch: 3, stoppedEarly: false });
    expect(plain.metrics).not.toHaveProperty('bestEpoch');
  });
});

describe('a training that diverges', () => {
  it('names step, texts and a way out, and keeps what it had learnt before', async () => {
    const checkpoint = watchedCheckpoint();
    const wild = { ...base, kind: 'lora', learningRate: 1e30, warmupSteps: 0 };
    const run = trainee.run('wild', wild, { checkpoint });
    await expect(run).rejects.toMatchObject({
      name: 'StageError',
      message: expect.stringMatching(
        /^step 1 \(epoch 0\): the loss is (NaN|Infinity) .*; the batch was (doc|temp) "\w+" \(text \d+ "….+"\), /,
      ),
      hint: expect.stringContaining('lower learningRate'),
    });
    const { meta } = decodeSnapshot<{ records: { loss: number }[] }>(checkpoint.state!);
    expect(meta.records.map(({ loss }) => Number.isFinite(loss))).toEqual([true]);
    await expect(trainee.run('wild', wild, { checkpoint })).rejects.toThrow(/^step 1 /);
  });
});

describe('a killed training', () => {
  const kinds = {
    adapter: { ...base, accumulate: 2, earlyStop: { patience: 1, minDelta: 9 } },
    lora: { ...base, kind: 'lora', optimizer: 'adamw', accumulate: 2 },
    full: { ...base, kind: 'full', order: 'doc-first', visits: { doc: 1.5, temp: 1 } },
    constant: { ...base, schedule: 'constant', earlyStop: { patience: 2, minDelta: 0 } },
  };

  it.each(Object.entries(kinds))(
    '(%s) resumes to the bit, wherever it dies',
    async (name, params) => {
      const alone = await trainee.run(`${name} alone`, params);
      const rng = seededRng(1, name);
      for (let round = 0; round < 3; round++) {
        const checkpoint = watchedCheckpoint();
        await savingAlways(async () => {
          for (let kill = 0; kill < 2; kill++) {
            const at = 1 + rng.below(alone.records.length - 1);
            const die = (done: number): void => {
              if (done >= at) throw new Error('killed');
            };
            const run = trainee.run(`${name} killed`, params, { checkpoint, progress: die });
            await expect(run).rejects.toThrow('killed');
          }
          const resumed = await trainee.run(`${name} killed`, params, { checkpoint });
          for (const [file, bytes] of alone.files) {
            expect(resumed.files.get(file)!.equals(bytes), file).toBe(true);
          }
        });
      }
    },
  );
});

describe('a longer training', () => {
  it('goes on from a shorter one to the same bytes, under a constant rate', async () => {
    const params = { ...base, schedule: 'constant', earlyStop: { patience: 3, minDelta: 0 } };
    const checkpoint = watchedCheckpoint();
    const shorter = await trainee.run('shorter', { ...params, epochs: 2 }, { checkpoint });
    const steps: number[] = [];
    const longer = await trainee.run(
      'longer',
      { ...params, epochs: 4 },
      { checkpoint, progress: (done) => steps.push(done) },
    );
    const scratch = await trainee.run('scratch', { ...params, epochs: 4 });
    expect(steps[0]).toBe(shorter.records.length + 1);
    expect(steps).toHaveLength(shorter.records.length);
    expect(longer.notes).toContain(`resumed after step ${shorter.records.length}`);
    for (const [file, bytes] of scratch.files) {
      expect(longer.files.get(file)!.equals(bytes), file).toBe(true);
    }
  });

  it('leaves no state to go on from under a cosine, whose rates depend on the end', async () => {
    const checkpoint = watchedCheckpoint();
    await trainee.run('cosine', base, { checkpoint });
    expect(checkpoint.state).toBeUndefined();
    expect(train.extendable).toEqual({ param: 'epochs', when: { schedule: 'constant' } });
  });
});
