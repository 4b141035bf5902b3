/** `pipe why TASK`: everything that differs from the nearest earlier build of the task. */
import { describeChange } from '../pipe/fingerprint/explain.ts';
import { detailed } from '../pipe/run/detail.ts';
import { type Command, UsageError } from './command.ts';
import { jsonOption, planOptions } from './common-options.ts';
import {
  collectDecisions,
  type Decision,
  type DecisionRequest,
  decisionRequest,
} from './decisions.ts';

export const whyCommand: Command = {
  name: 'why',
  usage: 'why TASK…',
  summary: 'why a task would run: the params, files and records, code or packages that changed',
  options: [...planOptions, jsonOption],
  run: async (invocation) => {
    if (invocation.positionals.length === 0) {
      throw new UsageError('why needs a task or a stage', 'pipe status lists them');
    }
    const request = await decisionRequest(invocation);
    const { targets } = request.graph.closure(request.targets, request.where);
    const { decisions, warnings } = await collectDecisions(request);
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    for (const target of targets) {
      const decision = decisions.get(target);
      if (decision === undefined) continue;
      const [own, ...causes] = await Promise.all(
        [decision, ...rootCauses(decision, decisions)].map((each) => withDetails(each, request)),
      );
      const text = invocation.flag('json')
        ? JSON.stringify({ ...own, causes })
        : [whyText(own as Decision, causes), ...otherTool(target, request)].join('\n');
      process.stdout.write(`${text}\n`);
    }
    return 0;
  },
};

/** The records of files and the modules of code are looked for only here: it takes reading. */
async function withDetails(decision: Decision, request: DecisionRequest): Promise<Decision> {
  const task = request.graph.tasks.get(decision.task);
  if (task === undefined) return decision;
  return { ...decision, changes: await detailed(decision.changes, task, request) };
}

/** No reason to run, but worth knowing where results differ: Node's version is in no key. */
function otherTool(task: string, { store }: DecisionRequest): string[] {
  const { node, platform } = store.traces.ofTask(task, 1)[0]?.provenance ?? {};
  const here = [process.version, `${process.platform}-${process.arch}`];
  if (node === undefined || (node === here[0] && platform === here[1])) return [];
  return [`  (last built with Node ${node} on ${platform}; this is ${here.join(' on ')})`];
}

function whyText(decision: Decision, causes: readonly Decision[]): string {
  if (decision.decision === 'hit') return `${decision.task}: up to date`;
  const lines = [
    `${decision.task}: ${decision.decision === 'run' ? 'would run, because' : 'not known yet'}`,
  ];
  for (const change of decision.changes) lines.push(`  ${describeChange(change)}`);
  for (const task of causes) {
    lines.push(`  ${task.task} would run first, because`);
    for (const change of task.changes) lines.push(`    ${describeChange(change)}`);
  }
  return lines.join('\n');
}

/** The tasks that surely run upstream of one whose decision waits for them. */
function rootCauses(decision: Decision, all: ReadonlyMap<string, Decision>): Decision[] {
  const causes = new Map<string, Decision>();
  const queue = [...decision.unsettled];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const upstream = all.get(name);
    if (upstream === undefined || causes.has(name)) continue;
    if (upstream.decision === 'run') causes.set(name, upstream);
    queue.push(...upstream.unsettled);
  }
  return [...causes.values()];
}
