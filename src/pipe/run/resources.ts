/**
 * Leases on the machine: cpus, memory, gpu devices, named pools, and the number of jobs. Knows no
 * task. Among those that wait, the highest priority that fits goes first.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import type { Resources } from '../config/pipeline.ts';
import type { DeviceLocks, HeldDevices } from '../store/device-locks.ts';
import type { LockOwner } from '../store/locks.ts';
import type { StopSignal } from './stop.ts';

export interface Capacity {
  readonly jobs: number;
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly devices: readonly string[];
  /** A pool that is not named here has room for one. */
  readonly pools: { readonly [pool: string]: number };
}

export interface Lease {
  /** The gpu devices that are the holder's alone. */
  readonly devices: readonly string[];
  /** Gives back cpus and the job's place, but not memory, devices and pools: the holder goes on, and is probably doomed. */
  yieldCpu(): void;
  release(): void;
}

export interface Slots {
  readonly capacity: Capacity;
  /** What tasks hold now, they keep; the new sizes count for those to come. */
  resizePools(pools: Capacity['pools']): void;
  /**
   * Rejects with the signal's reason when it aborts first. `onBusy` is told once if it is another run
   * that has the devices.
   */
  acquire(
    wants: Resources,
    priority: () => number,
    signal: StopSignal,
    onBusy?: (owner: LockOwner) => void,
  ): Promise<Lease>;
}

interface Waiter {
  readonly wants: Resources;
  readonly priority: () => number;
  /** How many of less priority took of what there is not enough of for it. */
  overtaken: number;
  /** Its priority, once it was asked for. */
  rank: number | undefined;
  /** Undefined once it was called. */
  onBusy: ((owner: LockOwner) => void) | undefined;
  start(lease: Lease): void;
}

/** `jobs` caps the tasks at a time and the cpus they may ask for together. */
export function machineCapacity(
  jobs = availableParallelism(),
  pools: Capacity['pools'] = {},
): Capacity {
  return { jobs, cpu: jobs, memoryBytes: totalmem(), devices: gpuDevices(), pools };
}

function gpuDevices(): string[] {
  const visible = process.env.CUDA_VISIBLE_DEVICES;
  if (visible !== undefined) return namedDevices(visible);
  if (process.platform !== 'linux') return [];
  const nodes = readdirSync('/dev').flatMap((name) => /^nvidia(\d+)$/.exec(name)?.[1] ?? []);
  return nodes.sort();
}

/** As CUDA reads it: what is no device ends the list, so that `-1` hides all. */
function namedDevices(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  const end = names.findIndex((name) => name === '' || name.startsWith('-'));
  return end === -1 ? names : names.slice(0, end);
}

/** So often it is asked whether another run has given a device back. */
const DEVICES_EVERY_MS = 500;

/** With locks, what is taken of the devices is kept from other runs, too. */
export function openSlots(initial: Capacity, locks?: DeviceLocks): Slots {
  let capacity = initial;
  /** By rank, the highest first; the first may stand there unasked while it is alone. */
  const waiting: Waiter[] = [];
  const arrived: Waiter[] = [];
  let free = { ...capacity, devices: [...capacity.devices] };

  const fits = (wants: Resources) => free.jobs >= 1 && lacking(wants, free).length === 0;

  const moveCpu = (cpu: number, sign: 1 | -1) => {
    free = { ...free, jobs: free.jobs + sign, cpu: free.cpu + sign * cpu };
  };
  const moveRest = ({ memoryBytes, pools: wanted }: Resources, sign: 1 | -1) => {
    const pools = { ...free.pools };
    for (const [pool, count] of Object.entries(wanted)) {
      pools[pool] = (pools[pool] ?? 1) + sign * count;
    }
    free = { ...free, memoryBytes: free.memoryBytes + sign * memoryBytes, pools };
  };

  const takeDevices = (count: number): HeldDevices | LockOwner => {
    if (count > 0 && locks !== undefined) return locks.tryTake(free.devices, count);
    return { names: free.devices.slice(0, count), release: () => undefined };
  };

  /** Or the other run that has the devices. */
  const take = (wants: Resources): Lease | LockOwner => {
    const held = takeDevices(wants.gpu);
    if (!('names' in held)) return held;
    const devices = held.names;
    free = { ...free, devices: free.devices.filter((name) => !devices.includes(name)) };
    moveCpu(wants.cpu, -1);
    moveRest(wants, -1);
    const giveCpu = once(() => moveCpu(wants.cpu, 1));
    const yieldCpu = once(() => {
      giveCpu();
      serve();
    });
    const release = once(() => {
      held.release();
      free = { ...free, devices: [...free.devices, ...devices] };
      moveRest(wants, 1);
      giveCpu();
      serveSoon(); // what becomes ready by this task's end is to be compared with what waits
    });
    return { devices, yieldCpu, release };
  };

  /**
   * What does not fit is overtaken by what does, but only so often: else a task that needs half the
   * machine would wait until nothing small is left, however long the way behind it.
   */
  const serve = () => {
    if (free.jobs < 1) return;
    for (const waiter of arrived.splice(0)) lineUp(waiter, waiting);
    const kept = new Set<string>(); // what those who were overtaken enough are waiting for
    let isOthers = false;
    for (let index = 0; index < waiting.length && free.jobs >= 1; ) {
      const waiter = waiting[index] as Waiter;
      if (!fits(waiter.wants) || wantsAny(waiter.wants, kept)) {
        if (waiter.overtaken >= capacity.jobs)
          for (const name of lacking(waiter.wants, free)) kept.add(name);
        index += 1;
        continue;
      }
      const short = waiting.slice(0, index).map((each) => new Set(lacking(each.wants, free)));
      const taken = take(waiter.wants);
      if (!('release' in taken)) {
        isOthers = true;
        waiter.onBusy?.(taken);
        waiter.onBusy = undefined;
        index += 1;
        continue;
      }
      for (const [passed, lacks] of short.entries()) {
        if (wantsAny(waiter.wants, lacks)) (waiting[passed] as Waiter).overtaken += 1;
      }
      waiting.splice(index, 1);
      waiter.start(taken);
    }
    if (isOthers) askLater();
  };

  const askLater = onceEach((act) => setTimeout(act, DEVICES_EVERY_MS), serve);
  /** Those that become ready together are compared before one starts. */
  const serveSoon = onceEach((act) => setImmediate(act), serve);

  const resizePools = (pools: Capacity['pools']) => {
    const names = new Set([...Object.keys(pools), ...Object.keys(free.pools)]);
    const left = [...names].map((name) => {
      const held = (capacity.pools[name] ?? 1) - (free.pools[name] ?? 1);
      return [name, (pools[name] ?? 1) - held] as const;
    });
    free = { ...free, pools: Object.fromEntries(left) };
    capacity = { ...capacity, pools };
    serve();
  };

  return {
    get capacity() {
      return capacity;
    },
    resizePools,
    acquire: (wants, priority, signal, onBusy) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const leave = () => {
          const line = arrived.includes(waiter) ? arrived : waiting;
          line.splice(line.indexOf(waiter), 1);
          reject(signal.reason);
        };
        const start = (lease: Lease) => {
          signal.removeEventListener('abort', leave);
          resolve(lease);
        };
        const fitting = atMost(wants, capacity);
        const waiter: Waiter = {
          wants: fitting,
          priority,
          overtaken: 0,
          rank: undefined,
          onBusy,
          start,
        };
        signal.addEventListener('abort', leave, { once: true });
        arrived.push(waiter);
        serveSoon();
      }),
  };
}

/** Behind those of the same rank. Each is asked for it once, and only where there are others. */
function lineUp(waiter: Waiter, waiting: Waiter[]): void {
  let [from, to] = [0, waiting.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (rankOf(waiting[middle] as Waiter) >= rankOf(waiter)) from = middle + 1;
    else to = middle;
  }
  waiting.splice(from, 0, waiter);
}

function rankOf(waiter: Waiter): number {
  waiter.rank ??= waiter.priority();
  return waiter.rank;
}

/** Names of the resources of which there is less than wanted. */
function lacking(wants: Resources, free: Capacity): string[] {
  return [
    ...(wants.cpu > free.cpu ? ['cpu'] : []),
    ...(wants.memoryBytes > free.memoryBytes ? ['memory'] : []),
    ...(wants.gpu > free.devices.length ? ['gpu'] : []),
    ...Object.entries(wants.pools)
      .filter(([pool, count]) => count > (free.pools[pool] ?? 1))
      .map(([pool]) => `pool ${pool}`),
  ];
}

function wantsAny({ cpu, memoryBytes, gpu, pools }: Resources, names: ReadonlySet<string>) {
  if (names.size === 0) return false;
  const wanted = [
    ...(cpu > 0 ? ['cpu'] : []),
    ...(memoryBytes > 0 ? ['memory'] : []),
    ...(gpu > 0 ? ['gpu'] : []),
    ...Object.keys(pools).map((pool) => `pool ${pool}`),
  ];
  return wanted.some((name) => names.has(name));
}

/** What a task asks for beyond all that there is, in words. */
export function shortfalls(wants: Resources, capacity: Capacity): string[] {
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const { cpu, gpu, memoryBytes, pools } = wants;
  const { devices } = capacity;
  // Fewer jobs are the user's wish.
  const cores = cpu > capacity.cpu ? Math.max(capacity.cpu, availableParallelism()) : cpu;
  return [
    ...(cpu > cores ? [`${cpu} cpus of ${cores}`] : []),
    ...(gpu > devices.length ? [`${gpu} gpu devices of ${devices.length}`] : []),
    ...(memoryBytes > capacity.memoryBytes
      ? [`${gibibytes(memoryBytes)} of memory of ${gibibytes(capacity.memoryBytes)}`]
      : []),
    ...Object.entries(pools)
      .filter(([pool, count]) => count > (capacity.pools[pool] ?? 1))
      .map(([pool, count]) => `${count} places of ${capacity.pools[pool] ?? 1} in pool ${pool}`),
  ];
}

/** A task that asks for more than there is gets all there is, rather than waiting for ever. */
function atMost(wants: Resources, capacity: Capacity): Resources {
  const pools = Object.entries(wants.pools).map(([pool, count]) => {
    return [pool, Math.min(count, capacity.pools[pool] ?? 1)] as const;
  });
  return {
    cpu: Math.min(wants.cpu, capacity.cpu),
    gpu: Math.min(wants.gpu, capacity.devices.length),
    memoryBytes: Math.min(wants.memoryBytes, capacity.memoryBytes),
    pools: Object.fromEntries(pools),
  };
}

/** However often it is asked for before its time comes, it is done once then. */
function onceEach(later: (act: () => void) => void, action: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    later(() => {
      isDue = false;
      action();
    });
  };
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
