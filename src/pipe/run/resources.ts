/**
 * Leases on the machine: cpus, memory, gpu devices, named pools, and the number of jobs. Knows no
 * task. Among those that wait, the highest priority that fits goes first.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import type { Resources } from '../config/pipeline.ts';

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
  /** Rejects with the signal's reason when it aborts first. */
  acquire(wants: Resources, priority: () => number, signal: AbortSignal): Promise<Lease>;
}

interface Waiter {
  readonly wants: Resources;
  readonly priority: () => number;
  start(lease: Lease): void;
}

/** `jobs` caps the tasks at a time and the cpus they may ask for together. */
export function machineCapacity(jobs = availableParallelism()): Capacity {
  return { jobs, cpu: jobs, memoryBytes: totalmem(), devices: gpuDevices(), pools: {} };
}

function gpuDevices(): string[] {
  const visible = process.env.CUDA_VISIBLE_DEVICES;
  if (visible !== undefined) return visible.split(',').filter((name) => name.trim() !== '');
  if (process.platform !== 'linux') return [];
  const nodes = readdirSync('/dev').flatMap((name) => /^nvidia(\d+)$/.exec(name)?.[1] ?? []);
  return nodes.sort();
}

export function openSlots(capacity: Capacity): Slots {
  const waiting: Waiter[] = [];
  let free = { ...capacity, devices: [...capacity.devices] };

  const fits = (wants: Resources) =>
    free.jobs >= 1 &&
    free.cpu >= wants.cpu &&
    free.memoryBytes >= wants.memoryBytes &&
    free.devices.length >= wants.gpu &&
    Object.entries(wants.pools).every(([pool, count]) => (free.pools[pool] ?? 1) >= count);

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

  const take = (wants: Resources): Lease => {
    const devices = free.devices.slice(0, wants.gpu);
    free = { ...free, devices: free.devices.slice(wants.gpu) };
    moveCpu(wants.cpu, -1);
    moveRest(wants, -1);
    const yieldCpu = once(() => {
      moveCpu(wants.cpu, 1);
      serve();
    });
    const release = once(() => {
      free = { ...free, devices: [...free.devices, ...devices] };
      moveRest(wants, 1);
      yieldCpu();
      serve();
    });
    return { devices, yieldCpu, release };
  };

  const serve = () => {
    if (waiting.length > 1) waiting.sort((left, right) => right.priority() - left.priority());
    for (let index = 0; index < waiting.length; ) {
      const waiter = waiting[index] as Waiter;
      if (!fits(waiter.wants)) {
        index += 1;
        continue;
      }
      waiting.splice(index, 1);
      waiter.start(take(waiter.wants));
    }
  };

  return {
    capacity,
    acquire: (wants, priority, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const leave = () => {
          waiting.splice(waiting.indexOf(waiter), 1);
          reject(signal.reason);
        };
        const start = (lease: Lease) => {
          signal.removeEventListener('abort', leave);
          resolve(lease);
        };
        const waiter = { wants: atMost(wants, capacity), priority, start };
        signal.addEventListener('abort', leave, { once: true });
        waiting.push(waiter);
        setImmediate(serve); // those that become ready together are compared before one starts
      }),
  };
}

/** What a task asks for beyond all that there is, in words. */
export function shortfalls(wants: Resources, capacity: Capacity): string[] {
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const { cpu, gpu, memoryBytes, pools } = wants;
  const { devices } = capacity;
  const cores = Math.max(capacity.cpu, availableParallelism()); // fewer jobs are the user's wish
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

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
