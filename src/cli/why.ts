/** `pipe why TASK`: everything that differs from the nearest earlier build of the task. */
import { describeChange } from '../pipe/fingerprint/explain.ts';
import { type Command, UsageError } from './command.ts';
import { planOptions } from './common-options.ts';
import { collectDecisions, type Decision, decisionRequest } from './decisions.ts';

export const whyCommand: Command = {
  name: 'why',
  usage: 'why TASK…',
  summary: 'why a task would run: the params, files, code or packages that changed',
  options: [...planOptions],
  run: async (invocation) => {
    if (invocation.positionals.length === 0) {
      throw new UsageError('why needs a task or a stage', 'pipe status lists them');
    }
    const request = await decisionRequest(invocation);
    const { targets } = request.graph.closure(request.targets, request.where);
    const { decisions } = await collectDecisions(request);
    for (const target of targets) {
      const decision = decisions.get(target);
      if (decision !== undefined) process.stdout.write(`${whyText(decision, decisions)}\n`);
    }
    return 0;
  },
};

function whyText(decision: Decision, all: ReadonlyMap<string, Decision>): string {
  if (decision.decision === 'hit') return `${decision.task}: up to date`;
  const lines = [
    `${decision.task}: ${decision.decision === 'run' ? 'would run, because' : 'not known yet'}`,
  ];
  for (const change of decision.changes) lines.push(`  ${describeChange(change)}`);
  for (const task of rootCauses(decision, all)) {
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
