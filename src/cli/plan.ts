/** `pipe plan`: what a run would do, how long it would take and how much it would write. */
import type { TaskGraph } from '../pipe/graph/task.ts';
import { type Cost, type Forecast, forecast, type Totals } from '../pipe/run/forecast.ts';
import { machineCapacity } from '../pipe/run/resources.ts';
import type { Store } from '../pipe/store/store.ts';
import type { Trace } from '../pipe/store/trace.ts';
import type { Command } from './command.ts';
import { countOf, jsonOption, planOptions } from './common-options.ts';
import { collectDecisions, type Decision, decisionRequest } from './decisions.ts';
import { formatBytes, formatDuration } from './duration.ts';
import { changesText } from './reporter/wording.ts';
import { jobsOption } from './run-options.ts';
import { formatTable } from './table.ts';

interface Line {
  readonly decision: Decision;
  readonly cost: Cost | undefined;
  /** Whose record the cost is: the task's own, or the mean of these cells of its stage. */
  readonly from: readonly string[];
}

export const planCommand: Command = {
  name: 'plan',
  usage: 'plan [TARGET…]',
  summary: 'what a run would do, with a forecast of its time and bytes from earlier runs',
  options: [...planOptions, jobsOption, jsonOption],
  run: async (invocation) => {
    const jobs = countOf(invocation, 'jobs');
    const request = await decisionRequest(invocation);
    const { decisions, warnings } = await collectDecisions(request);
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    const capacity = machineCapacity(jobs, request.graph.pipeline.pools);
    const costs = new Costs(request.graph, request.store);
    const lines = [...decisions.values()].map((decision) => ({ decision, ...costs.of(decision) }));
    const planned = lines.map(({ decision: { task, decision }, cost }) => {
      const wants = request.graph.tasks.get(task)?.stage.resources;
      if (wants === undefined) throw new Error(`assert: ${task} is not in the graph`);
      return { task, decision, cost, wants, upstream: request.graph.upstream(task) };
    });
    const expected = forecast(planned, capacity);
    const text = invocation.flag('json')
      ? JSON.stringify({ jobs: capacity.jobs, ...expected, tasks: lines.map(lineJson) })
      : planText(lines, expected, capacity.jobs);
    process.stdout.write(`${text}\n`);
    return 0;
  },
};

/** What tasks cost when they last ran. */
class Costs {
  readonly #graph: TaskGraph;
  readonly #store: Store;
  readonly #own = new Map<string, Cost | undefined>();

  constructor(graph: TaskGraph, store: Store) {
    this.#graph = graph;
    this.#store = store;
  }

  of({ task, decision }: Decision): Omit<Line, 'decision'> {
    if (decision === 'hit') return { cost: undefined, from: [] };
    const own = this.#ownCost(task);
    if (own !== undefined) return { cost: own, from: [task] };
    const stage = this.#graph.tasks.get(task)?.stage.name;
    const siblings = [...this.#graph.tasks.values()]
      .filter((each) => each.stage.name === stage)
      .flatMap(({ id }) => {
        const cost = this.#ownCost(id);
        return cost === undefined ? [] : [{ id, cost }];
      });
    if (siblings.length === 0) return { cost: undefined, from: [] };
    return { cost: meanCost(siblings.map(({ cost }) => cost)), from: siblings.map(({ id }) => id) };
  }

  #ownCost(task: string): Cost | undefined {
    if (!this.#own.has(task)) this.#own.set(task, costOf(this.#store.traces.ofTask(task, 1)[0]));
    return this.#own.get(task);
  }
}

function costOf(trace: Trace | undefined): Cost | undefined {
  if (trace === undefined) return undefined;
  const bytes = Object.values(trace.outputs).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { wallMs: trace.cost.wallMs, cpuMs: trace.cost.cpuMs, bytes };
}

function meanCost(costs: readonly Cost[]): Cost {
  const mean = (part: (cost: Cost) => number) =>
    Math.round(costs.reduce((sum, cost) => sum + part(cost), 0) / costs.length);
  return {
    wallMs: mean((cost) => cost.wallMs),
    cpuMs: mean((cost) => cost.cpuMs),
    bytes: mean((cost) => cost.bytes),
  };
}

function lineJson({ decision, cost, from }: Line) {
  const { task, decision: what, changes, unsettled } = decision;
  return {
    task,
    decision: what,
    changes,
    unsettled,
    ...(cost === undefined ? {} : { cost, from }),
  };
}

function planText(lines: readonly Line[], { least, most }: Forecast, jobs: number): string {
  const rows = lines.map(tableRow);
  const table = formatTable([['task', 'decision', 'time', 'cpu', 'writes', 'why'], ...rows]);
  const hits = lines.filter(({ decision }) => decision.decision === 'hit').length;
  if (most.tasks === 0) return `${table}\n\nnothing to do: ${countText(hits, 'hit')}`;
  const unknown = most.tasks - least.tasks;
  const facts = [
    `${countText(hits, 'hit')}, ${least.tasks} to run, ${unknown} unknown until others have run`,
    `time on ${countText(jobs, 'job')}: ${between(least, most, ({ wallMs }) => formatDuration(wallMs))}`,
    `cpu time: ${between(least, most, ({ cpuMs }) => formatDuration(cpuMs))}`,
    `writes: ${between(least, most, ({ bytes }) => formatBytes(bytes))}`,
    ...withoutRecordText(most),
  ];
  return `${table}\n\n${facts.join('\n')}`;
}

function tableRow({ decision, cost, from }: Line): string[] {
  if (decision.decision === 'hit') return [decision.task, 'hit', '', '', '', ''];
  const why =
    decision.decision === 'run'
      ? changesText(decision.changes)
      : `until ${decision.unsettled.join(', ')}`;
  if (cost === undefined) return [decision.task, decision.decision, 'no record', '', '', why];
  const isOwn = from.length === 1 && from[0] === decision.task;
  const figures = [
    formatDuration(cost.wallMs),
    formatDuration(cost.cpuMs),
    formatBytes(cost.bytes),
  ];
  const marked = isOwn ? figures : figures.map((figure) => `~${figure}`);
  const note = isOwn ? '' : ` (time as of ${from.slice(0, 3).join(', ')})`;
  return [decision.task, decision.decision, ...marked, why + note];
}

/** One figure where both are the same, and `at least` where some costs are unknown. */
function between(least: Totals, most: Totals, show: (totals: Totals) => string): string {
  const [low, high] = [show(least), show(most)];
  const isOpen = most.withoutRecord.length > 0;
  const range =
    most.tasks === least.tasks || low === high
      ? high
      : `${low} if the unknown ones are hits, ${high} if all run`;
  return isOpen ? `at least ${range}` : range;
}

function withoutRecordText({ withoutRecord }: Totals): string[] {
  if (withoutRecord.length === 0) return [];
  const shown = withoutRecord.slice(0, 5).join(', ');
  const more = withoutRecord.length > 5 ? ` and ${withoutRecord.length - 5} more` : '';
  return [`no record: ${shown}${more}, which count as nothing above`];
}

function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
