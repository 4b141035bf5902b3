import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Resources } from '../../src/pipe/config/pipeline.ts';
import { type Capacity, type Lease, openSlots } from '../../src/pipe/run/resources.ts';
import { openDeviceLocks } from '../../src/pipe/store/device-locks.ts';
import { ownIdentity } from '../../src/pipe/store/process-identity.ts';
import { temporaryFolder } from '../store/temporary.ts';

const MACHINE: Capacity = {
  jobs: 4,
  cpu: 4,
  memoryBytes: 100,
  devices: ['0', '1'],
  pools: { disk: 2 },
};
const SMALL: Resources = { cpu: 1, gpu: 0, memoryBytes: 0, pools: {} };

/** Asks for all at once, and notes who was served, in order. */
function ask(capacity: Capacity, wants: Readonly<Record<string, [Partial<Resources>, number?]>>) {
  const slots = openSlots(capacity);
  const stop = new AbortController();
  const served = new Map<string, Lease>();
  const rejected: string[] = [];
  for (const [name, [more, priority = 0]] of Object.entries(wants)) {
    slots
      .acquire({ ...SMALL, ...more }, () => priority, stop.signal)
      .then(
        (lease) => served.set(name, lease),
        () => rejected.push(name),
      );
  }
  const turn = () => new Promise((done) => setTimeout(done, 5));
  return { served, rejected, stop, turn, names: () => [...served.keys()] };
}

describe('slots', () => {
  it('serve the highest priority first', async () => {
    const { turn, names } = ask({ ...MACHINE, jobs: 2 }, { a: [{}, 1], b: [{}, 3], c: [{}, 2] });
    await turn();
    expect(names()).toEqual(['b', 'c']);
  });

  it.each<[string, Partial<Resources>, number]>([
    ['cpus', { cpu: 2 }, 2],
    ['memory', { memoryBytes: 40 }, 2],
    ['devices', { gpu: 1 }, 2],
    ['a pool', { pools: { disk: 1 } }, 2],
    ['a pool that nobody sized', { pools: { other: 1 } }, 1],
    ['jobs', {}, 4],
  ])('hold no more than the machine has of %s', async (_, wants, most) => {
    const all = Object.fromEntries(
      'abcdef'.split('').map((name) => [name, [wants] as [typeof wants]]),
    );
    const { turn, names, served } = ask(MACHINE, all);
    await turn();
    expect(names()).toHaveLength(most);
    served.get('a')?.release();
    served.get('a')?.release(); // a second release gives nothing
    await turn();
    expect(names()).toHaveLength(most + 1);
  });

  it('give devices to one holder at a time', async () => {
    const { turn, served } = ask(MACHINE, { a: [{ gpu: 1 }], b: [{ gpu: 1 }], c: [{ gpu: 2 }] });
    await turn();
    expect([served.get('a')?.devices, served.get('b')?.devices]).toEqual([['0'], ['1']]);
    served.get('a')?.release();
    await turn();
    expect(served.has('c')).toBe(false);
    served.get('b')?.release();
    await turn();
    expect([...(served.get('c')?.devices ?? [])].sort()).toEqual(['0', '1']);
  });

  it('run a task that asks for more than there is, alone', async () => {
    const { turn, names } = ask(MACHINE, { huge: [{ cpu: 64, gpu: 8 }, 1], other: [{}] });
    await turn();
    expect(names()).toEqual(['huge']);
  });

  it('let a large task be overtaken so often and no more', async () => {
    const { turn, names, served } = ask(
      { ...MACHINE, jobs: 2, cpu: 2, pools: {} },
      {
        first: [{}, 9],
        large: [{ cpu: 2 }, 8],
        ...Object.fromEntries('abcdef'.split('').map((name) => [name, [{}]])),
      },
    );
    await turn();
    for (const next of ['first', 'a', 'b', 'c', 'd']) {
      served.get(next)?.release();
      await turn();
    }
    expect(names().slice(0, 4)).toEqual(['first', 'a', 'b', 'large']);
  });

  it('keep for it only what it lacks', async () => {
    const { turn, names, served } = ask(
      { ...MACHINE, devices: ['0', '1'] },
      {
        one: [{ gpu: 1 }, 9],
        both: [{ gpu: 2 }, 8],
        ...Object.fromEntries('abcdef'.split('').map((name) => [name, [{ gpu: 1 }]])),
        other: [{}, -1],
      },
    );
    await turn();
    for (const next of ['one', 'a', 'b', 'c', 'd']) {
      served.get(next)?.release();
      await turn();
    }
    expect(names()).toContain('other');
    expect(names().filter((name) => name !== 'other')).toEqual(['one', 'a', 'b', 'c', 'd', 'both']);
  });

  it('lend the cpus of a holder that yields, not its devices', async () => {
    const { turn, names, served } = ask(MACHINE, {
      a: [{ cpu: 4, gpu: 2 }, 1],
      b: [{}],
      c: [{ gpu: 1 }],
    });
    await turn();
    served.get('a')?.yieldCpu();
    await turn();
    expect(names()).toEqual(['a', 'b']);
    served.get('a')?.release();
    await turn();
    expect(names()).toEqual(['a', 'b', 'c']);
  });

  it('follow a pool that grows and shrinks while it is in use', async () => {
    const slots = openSlots({ ...MACHINE, pools: {} });
    const held: Lease[] = [];
    const { signal } = new AbortController();
    for (let count = 0; count < 4; count += 1) {
      slots
        .acquire({ ...SMALL, pools: { disk: 1 } }, () => 0, signal)
        .then((lease) => held.push(lease), expect.unreachable);
    }
    const turn = () => new Promise((done) => setTimeout(done, 5));
    await turn();
    expect(held).toHaveLength(1);
    slots.resizePools({ disk: 3 });
    await turn();
    expect(held).toHaveLength(3);
    slots.resizePools({ disk: 2 });
    held[0]?.release();
    await turn();
    expect(held).toHaveLength(3); // two are held, and two there are
    held[1]?.release();
    await turn();
    expect(held).toHaveLength(4);
  });

  it('let those that wait go on abort', async () => {
    const { turn, names, rejected, stop } = ask({ ...MACHINE, jobs: 1 }, { a: [{}, 1], b: [{}] });
    await turn();
    stop.abort();
    await turn();
    expect(names()).toEqual(['a']);
    expect(rejected).toEqual(['b']);
  });
});

describe('devices that several runs ask for', () => {
  const never = new AbortController().signal;
  const gpu = (count: number): Resources => ({ ...SMALL, gpu: count });
  const later = (ms: number) => new Promise((done) => setTimeout(done, ms));

  it('are held by one at a time, and the other is told who has them', async () => {
    const folder = temporaryFolder();
    const [one, two] = [0, 1].map(() => openSlots(MACHINE, openDeviceLocks(folder)));
    const first = await one!.acquire(gpu(1), () => 0, never);
    const second = await two!.acquire(gpu(1), () => 0, never);
    expect([first.devices, second.devices]).toEqual([['0'], ['1']]);
    const told: number[] = [];
    let both: Lease | undefined;
    void two!
      .acquire(
        gpu(2),
        () => 0,
        never,
        ({ pid }) => told.push(pid),
      )
      .then((lease) => {
        both = lease;
      });
    second.release();
    await later(700);
    expect(both).toBeUndefined();
    expect(told).toEqual([process.pid]);
    // What waits for two holds neither.
    const third = await one!.acquire(gpu(1), () => 0, never);
    expect(third.devices).toEqual(['1']);
    first.release();
    third.release();
    await later(700);
    expect(both?.devices).toEqual(['0', '1']);
    expect(told).toHaveLength(1);
    both?.release();
  });

  it('do not stand in the way of what needs none', async () => {
    const folder = temporaryFolder();
    const [one, two] = [0, 1].map(() => openSlots(MACHINE, openDeviceLocks(folder)));
    const all = await one!.acquire(gpu(2), () => 0, never);
    const stop = new AbortController();
    const waits = two!.acquire(gpu(1), () => 9, stop.signal);
    await two!.acquire(SMALL, () => 0, never);
    stop.abort(new Error('enough'));
    await expect(waits).rejects.toThrow('enough');
    all.release();
  });

  it('are taken over from a run that died', async () => {
    const folder = temporaryFolder();
    mkdirSync(folder, { recursive: true });
    const dead = { ...ownIdentity(), pid: 2 ** 22 + 1, token: 'gone' };
    for (const name of MACHINE.devices) writeFileSync(join(folder, name), JSON.stringify(dead));
    const slots = openSlots(MACHINE, openDeviceLocks(folder));
    expect((await slots.acquire(gpu(2), () => 0, never)).devices).toEqual(['0', '1']);
  });
});
