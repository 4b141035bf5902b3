/** `pipe status`: one line a task: up to date, would run (and why), or unknown until others finish. */
import type { Command } from './command.ts';
import { jsonOption, planOptions } from './common-options.ts';
import { collectDecisions, type Decision, decisionRequest } from './decisions.ts';
import { formatDuration } from './duration.ts';
import { changesText } from './reporter/wording.ts';
import { formatTable } from './table.ts';

export const statusCommand: Command = {
  name: 'status',
  usage: 'status [TARGET…]',
  summary: 'what is up to date, what would run and why',
  options: [...planOptions, jsonOption],
  run: async (invocation) => {
    const request = await decisionRequest(invocation);
    const { decisions, warnings } = await collectDecisions(request);
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    const text = invocation.flag('json')
      ? [...decisions.values()].map((decision) => JSON.stringify(decision)).join('\n')
      : statusTable([...decisions.values()]);
    process.stdout.write(`${text}\n`);
    return 0;
  },
};

function statusTable(decisions: readonly Decision[]): string {
  const rows = decisions.map((decision) => [decision.task, decision.decision, reasonOf(decision)]);
  return formatTable([['task', 'decision', 'why'], ...rows]);
}

function reasonOf(decision: Decision): string {
  if (decision.decision === 'hit') return '';
  if (decision.decision === 'unknown') return `until ${decision.unsettled.join(', ')}`;
  const forecast =
    decision.forecastMs === undefined ? '' : `; about ${formatDuration(decision.forecastMs)}`;
  return changesText(decision.changes) + forecast;
}
