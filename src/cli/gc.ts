/**
 * `pipe gc`: shows what the store could do without, and with `--yes` removes it. Pins keep results at
 * any price.
 */
import { parseDurationMs, parseSizeBytes } from '../pipe/config/quantity.ts';
import { DiagnosticError } from '../pipe/diagnostic.ts';
import type { Key } from '../pipe/digest.ts';
import { currentKeys } from '../pipe/run/current-keys.ts';
import type { EvictionReason } from '../pipe/store/eviction.ts';
import {
  CleaningError,
  type CurrentKeys,
  cleanStore,
  type EvictedResult,
  type GcReport,
} from '../pipe/store/gc.ts';
import { type Pin, pinsIn, putPin, removePin } from '../pipe/store/pins.ts';
import type { Store } from '../pipe/store/store.ts';
import { type Command, type Invocation, UsageError } from './command.ts';
import { fileOption, jsonOption } from './common-options.ts';
import { formatBytes, formatDuration } from './duration.ts';
import { findProject, loadGraph, type Project, storeOf } from './project.ts';
import { formatTable } from './table.ts';

export const gcCommand: Command = {
  name: 'gc',
  usage: 'gc',
  summary: 'show what the store could do without; with --yes remove it',
  options: [
    fileOption,
    { name: 'yes', short: 'y', type: 'boolean', summary: 'remove it' },
    {
      name: 'dry-run',
      short: 'n',
      type: 'boolean',
      summary: 'only show it (as without --yes)',
    },
    {
      name: 'max-size',
      type: 'string',
      placeholder: 'SIZE',
      summary: 'also the results that are cheapest to lose, until blobs and traces fit, e.g. 20GiB',
    },
    {
      name: 'older-than',
      type: 'string',
      placeholder: 'TIME',
      summary:
        'also results (and logs, memories, checkpoints) that nobody used for so long, e.g. 30d',
    },
    {
      name: 'pin',
      type: 'string',
      multiple: true,
      placeholder: 'TASK|KEY',
      summary: 'keep this result, and what it was made from, until it is unpinned',
    },
    {
      name: 'unpin',
      type: 'string',
      multiple: true,
      placeholder: 'TASK|KEY',
      summary: 'undo a pin',
    },
    { name: 'pins', type: 'boolean', summary: 'list the pins' },
    jsonOption,
  ],
  run: async (invocation) => {
    const project = findProject(process.cwd(), invocation.text('file'));
    const store = storeOf(project);
    const [pins, unpins] = [invocation.texts('pin'), invocation.texts('unpin')];
    for (const name of unpins) unpin(store, name);
    for (const name of pins) await pin(project, store, name);
    if (invocation.flag('pins')) printPins(store, invocation.flag('json'));
    if (pins.length + unpins.length > 0 || invocation.flag('pins')) return 0;
    return clean(invocation, project, store);
  },
};

async function clean(invocation: Invocation, project: Project, store: Store): Promise<number> {
  const maxBytes = quantityOf(invocation, 'max-size', parseSizeBytes, '20GiB');
  const olderThanMs = quantityOf(invocation, 'older-than', parseDurationMs, '30d');
  const dryRun = !invocation.flag('yes') || invocation.flag('dry-run');
  try {
    const report = await cleanStore({
      store,
      current: await currentOf(project, store),
      dryRun,
      limits: {
        nowMs: Date.now(),
        ...(maxBytes === undefined ? {} : { maxBytes }),
        ...(olderThanMs === undefined ? {} : { olderThanMs }),
      },
    });
    const text = invocation.flag('json') ? jsonOf(report, dryRun) : reportText(report, dryRun);
    process.stdout.write(`${text}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof CleaningError)) throw error;
    process.stderr.write(`${error.message}; nothing was removed\n`);
    return 1;
  }
}

function quantityOf(
  invocation: Invocation,
  name: string,
  parse: (text: string) => number | undefined,
  example: string,
): number | undefined {
  const text = invocation.text(name);
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value === undefined) {
    throw new UsageError(`--${name} ${text}: not understood`, `for example --${name} ${example}`);
  }
  return value;
}

/** Without a plan that can be read, what each task was last counts as current. */
async function currentOf(project: Project, store: Store): Promise<CurrentKeys> {
  try {
    return await currentKeys(await loadGraph(project, []), store);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    process.stderr.write('warning: the pipeline has errors; what each task was last is kept\n');
    return { hits: new Set() };
  }
}

// --- Pins ---

async function pin(project: Project, store: Store, name: string): Promise<void> {
  const keys = /^[0-9a-f]{8,64}$/.test(name)
    ? store.traces.keys().filter((key) => key.startsWith(name))
    : await keysOfTask(project, store, name);
  if (keys.length === 0)
    throw new UsageError(`--pin ${name}: there is no such result in the store`);
  putPin(store.layout.pins, { name, keys, pinnedAt: new Date().toISOString() });
  process.stderr.write(`pinned ${name}: ${keys.length} ${plural(keys.length, 'result')}\n`);
}

/** What the plan would hit; of a task that it wouldn't, the newest result. */
async function keysOfTask(project: Project, store: Store, name: string): Promise<Key[]> {
  const graph = await loadGraph(project, []);
  const { hits } = await currentKeys(graph, store);
  return graph.closure([name]).targets.flatMap((task) => {
    const traces = store.traces.ofTask(task);
    return (traces.find(({ key }) => hits.has(key)) ?? traces[0])?.key ?? [];
  });
}

function unpin(store: Store, name: string): void {
  if (removePin(store.layout.pins, name)) {
    process.stderr.write(`unpinned ${name}\n`);
    return;
  }
  throw new UsageError(`--unpin ${name}: there is no such pin`, 'pipe gc --pins lists them');
}

function printPins(store: Store, json: boolean): void {
  const pins = pinsIn(store.layout.pins);
  if (json) process.stdout.write(pins.map((each) => `${JSON.stringify(each)}\n`).join(''));
  else process.stdout.write(pins.length === 0 ? 'no pins\n' : `${pinTable(pins)}\n`);
}

function pinTable(pins: readonly Pin[]): string {
  const rows = pins.map(({ name, keys, pinnedAt }) => [
    name,
    keys.map((key) => key.slice(0, 12)).join(' '),
    pinnedAt.slice(0, 10),
  ]);
  return formatTable([['pin', 'results', 'since'], ...rows]);
}

// --- The report ---

function jsonOf(report: GcReport, dryRun: boolean): string {
  return JSON.stringify({ type: 'gc', dryRun, ...report });
}

const MOST_ROWS = 20;

function reportText(report: GcReport, dryRun: boolean): string {
  const { evicted, beforeBytes, afterBytes, shownBytes, kept, builds } = report;
  const would = dryRun ? 'would go' : 'went';
  const lines: string[] = [];
  if (evicted.length > 0) lines.push(evictedTable(evicted, would));
  lines.push(...leftoverLines(report, would));
  for (const build of builds) lines.push(`a build runs (${build}): what it uses stays`);
  lines.push(
    `kept: ${kept.results} ${plural(kept.results, 'result')}, of which the plan needs ${kept.current} and pins hold ${kept.pinned}`,
  );
  const then = dryRun ? 'would be' : 'are';
  lines.push(`${formatBytes(beforeBytes)} of store and logs ${then} ${formatBytes(afterBytes)}`);
  if (shownBytes > 0) {
    lines.push(`${formatBytes(shownBytes)} of it only when artifacts/ shows other results`);
  }
  if (dryRun && afterBytes < beforeBytes) lines.push('pipe gc --yes removes it');
  return lines.join('\n');
}

const REASONS: { readonly [reason in EvictionReason]: string } = {
  broken: 'a part of it is lost',
  old: 'not used for long',
  room: 'cheapest to lose',
};

function evictedTable(evicted: readonly EvictedResult[], would: string): string {
  const rows = evicted
    .slice(0, MOST_ROWS)
    .map(({ task, key, shareBytes, ...each }) => [
      task,
      key.slice(0, 12),
      formatBytes(shareBytes),
      formatDuration(each.costMs),
      `${Math.round(each.chance * 100)} %`,
      new Date(each.lastUsedMs).toISOString().slice(0, 10),
      REASONS[each.why],
    ]);
  const head = ['task', 'key', 'size', 'to rebuild', 'chance', 'last used', `why it ${would}`];
  const more = evicted.length - rows.length;
  return formatTable([head, ...rows]) + (more > 0 ? `\n… and ${more} more` : '');
}

function leftoverLines({ orphans, leftovers }: GcReport, would: string): string[] {
  const lines: string[] = [];
  if (orphans.count > 0) {
    const { count, bytes } = orphans;
    lines.push(
      `${count} ${plural(count, 'blob')} that no result names ${would}: ${formatBytes(bytes)}`,
    );
  }
  for (const kind of [...new Set(leftovers.map((each) => each.kind))]) {
    const those = leftovers.filter((each) => each.kind === kind);
    const bytes = those.reduce((sum, each) => sum + each.bytes, 0);
    const what = `${those.length} old ${plural(those.length, LEFTOVER_NAMES[kind])}`;
    lines.push(`${what} ${would}: ${formatBytes(bytes)}`);
  }
  return lines;
}

const LEFTOVER_NAMES: { readonly [kind in GcReport['leftovers'][number]['kind']]: string } = {
  temporary: 'temporary file',
  scratch: 'scratch folder',
  lock: 'lock',
  memo: 'memo',
  checkpoint: 'checkpoint',
  log: 'log folder',
  record: 'run record',
  code: 'bundle file',
  plan: 'kept plan',
};

function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}
