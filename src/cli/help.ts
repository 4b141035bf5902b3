/** Help texts, made from the commands' own declarations. */
import type { Command } from './command.ts';
import { formatTable } from './table.ts';

export function overview(commands: readonly Command[]): string {
  return [
    'pipe: a declarative build system for machine-learning experiments',
    '',
    'usage: pipe COMMAND [ARGUMENTS]',
    '',
    formatTable(
      commands.map((command) => [shortUsage(command), command.summary]),
      '  ',
    ),
    '',
    'pipe COMMAND --help tells more. Exit codes: 0 done, 1 a task failed, 2 your files are wrong, 130 interrupted.',
  ].join('\n');
}

const LONGEST_USAGE = 24;

/** One long usage would push all summaries out of sight; its own help has it whole. */
function shortUsage({ name, usage }: Command): string {
  return usage.length <= LONGEST_USAGE ? usage : `${name} …`;
}

export function commandHelp(command: Command): string {
  const rows = command.options.map((option) => {
    const short = option.short === undefined ? '' : `-${option.short}, `;
    const placeholder = option.placeholder === undefined ? '' : ` ${option.placeholder}`;
    return [`${short}--${option.name}${placeholder}`, option.summary];
  });
  return [`usage: pipe ${command.usage}`, '', command.summary, '', formatTable(rows, '  ')].join(
    '\n',
  );
}
