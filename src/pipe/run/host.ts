/**
 * The process of one task: takes an order by IPC, imports the stage's bundle, calls `run`, reports
 * by IPC. Knows no graph, no key and no other task; whatever it leaves half-written lies in scratch,
 * where nobody looks.
 *
 * It must not outlive the engine. A closed channel ends it, and every call to the context looks
 * whether the parent is still the one it started with, for stages that never give way to events.
 */
import { pathToFileURL } from 'node:url';
import type { JsonObject } from '../json.ts';
import type { Memo, StageContext } from '../stage.ts';
import { openCheckpoint } from '../store/checkpoint.ts';
import { xxhash } from '../store/hash-file.ts';
import { memoPath, openMemo } from '../store/memo.ts';
import type { EngineMessage, HostError, HostMessage, Order, Usage } from './order.ts';

const PROGRESS_MS = 100;
const ORPHANED = 70;

type Context = StageContext<JsonObject, string, string>;
type XXHash = Awaited<ReturnType<typeof xxhash>>;

const parent = process.ppid;
const cancel = new AbortController();

function send(message: HostMessage): void {
  assertParent();
  process.send?.(message);
}

function assertParent(): void {
  if (process.ppid !== parent) process.exit(ORPHANED);
}

function usage(): Usage {
  const used = process.resourceUsage();
  const cpuMs = (used.userCPUTime + used.systemCPUTime) / 1000;
  return { cpuMs, peakRssBytes: used.maxRSS * 1024 };
}

function contextOf(order: Order, hash: XXHash): Context {
  return {
    params: order.params,
    inputs: order.inputs,
    outputs: order.outputs,
    scratch: order.scratch,
    seed: order.seed,
    signal: cancel.signal,
    log: (text) => send({ type: 'log', text }),
    note: (text) => send({ type: 'note', text }),
    metric: (values) => send({ type: 'metric', values }),
    progress: throttledProgress(),
    memo: memos(order.memoFolder, hash),
    checkpoint: guardedCheckpoint(order.checkpointFolder),
  };
}

/** At most ten reports a second; the last unit is always reported. */
function throttledProgress(): Context['progress'] {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (done, total, unit, values = {}) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < PROGRESS_MS && done < total) {
      assertParent();
      return;
    }
    lastMs = nowMs;
    send({ type: 'progress', done, total, unit, values });
  };
}

function memos(folder: string, hash: XXHash): Context['memo'] {
  const open = new Map<string, Memo>();
  return (name, version) => {
    const path = memoPath(folder, name, version);
    const memo = open.get(path) ?? openMemo(path, hash);
    open.set(path, memo);
    return memo;
  };
}

function guardedCheckpoint(folder: string): Context['checkpoint'] {
  const checkpoint = openCheckpoint(folder);
  return {
    load: () => checkpoint.load(),
    save(state) {
      assertParent(); // the next engine may already be running this key
      checkpoint.save(state);
    },
  };
}

function flatten(error: unknown): HostError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const flat: Record<string, unknown> = { name: error.name, message: error.message };
  for (const field of [
    'stack',
    'code',
    'resource',
    'permission',
    'hint',
    'file',
    'line',
  ] as const) {
    const value = (error as unknown as Record<string, unknown>)[field];
    if (value !== undefined) flat[field] = value;
  }
  return flat as unknown as HostError;
}

/** Says the last word and leaves: a stage's forgotten timers must not keep the process. */
function finish(message: HostMessage, exitCode: number): void {
  assertParent();
  const leave = () => process.send?.(message, () => process.exit(exitCode));
  // What the stage printed may still be on its way; a reader that is gone must not hold us up.
  const late = setTimeout(leave, DRAIN_MS);
  process.stdout.write('', () =>
    process.stderr.write('', () => {
      clearTimeout(late);
      leave();
    }),
  );
}

const DRAIN_MS = 2000;

async function perform(order: Order): Promise<void> {
  try {
    const hash = await xxhash();
    const stage = (await import(pathToFileURL(order.bundle).href)) as {
      default?: { run?: (context: Context) => Promise<void> | void };
    };
    const run = stage.default?.run;
    if (typeof run !== 'function') throw new Error(`${order.bundle} exports no stage by default`);
    await run.call(stage.default, contextOf(order, hash));
    finish({ type: 'done', usage: usage() }, 0);
  } catch (error) {
    finish({ type: 'failed', error: flatten(error), usage: usage() }, 1);
  }
}

process.on('uncaughtException', (error) => {
  finish({ type: 'failed', error: flatten(error), usage: usage() }, 1);
});
process.on('disconnect', () => process.exit(ORPHANED));
process.on('message', (message: EngineMessage) => {
  if (message.type === 'run') void perform(message.order);
  else cancel.abort();
});
