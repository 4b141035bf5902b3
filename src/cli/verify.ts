/** `pipe verify`: reads every byte of the store; `--repair` removes what is bad. */
import { basename, relative } from 'node:path';
import { readSettled } from '../pipe/run/settled-file.ts';
import { readTasks } from '../pipe/run/settled-tasks.ts';
import { type Problem, type VerifyReport, verifyStore } from '../pipe/store/verify.ts';
import type { Command } from './command.ts';
import { fileOption, jsonOption } from './common-options.ts';
import { formatBytes } from './duration.ts';
import { findProject, storeOf } from './project.ts';

export const verifyCommand: Command = {
  name: 'verify',
  usage: 'verify',
  summary: 'read the whole store and say what is corrupt, torn or missing',
  options: [
    fileOption,
    {
      name: 'repair',
      type: 'boolean',
      summary: 'remove what is bad, so that the next run makes it anew',
    },
    jsonOption,
  ],
  run: async (invocation) => {
    const project = findProject(process.cwd(), invocation.text('file'));
    const store = storeOf(project);
    const progress = openProgress();
    const repair = invocation.flag('repair');
    const report = await verifyStore(store, { repair, onProgress: progress.show, isSound });
    progress.clear();
    const text = invocation.flag('json')
      ? JSON.stringify({ type: 'verify', repair, ...report })
      : reportText(report, store.layout.root, repair);
    process.stdout.write(`${text}\n`);
    return report.problems.every(({ repaired }) => repaired) ? 0 : 1;
  },
};

/** A settled run has a form of its own, and the file with its tasks is named by its digest in it. */
function isSound(path: string): boolean | undefined {
  if (!basename(path).startsWith('settled-')) return undefined;
  const settled = readSettled(path.replace(/\.json$/, '.bin'));
  if (path.endsWith('.bin')) return settled !== undefined;
  return settled === undefined || readTasks(path, settled.head.tasks) !== undefined;
}

/** On a terminal, a line that is written over and over. */
function openProgress() {
  const isTerminal = process.stderr.isTTY;
  let lastMs = 0;
  return {
    show(doneBytes: number, totalBytes: number) {
      if (!isTerminal || performance.now() - lastMs < 100) return;
      lastMs = performance.now();
      const share = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
      process.stderr.write(`\r${share} % of ${formatBytes(totalBytes)} read\u001b[K`);
    },
    clear() {
      if (isTerminal) process.stderr.write('\r\u001b[K');
    },
  };
}

function reportText(report: VerifyReport, root: string, repair: boolean): string {
  const { checked, problems, orphans } = report;
  const lines = problems.map((problem) => problemLine(problem, root));
  const { blobs, bytes, results, memos, checkpoints, files } = checked;
  lines.push(
    `read ${blobs} blobs (${formatBytes(bytes)}), ${results} results, ${memos} memos, ${checkpoints} checkpoints, ${files} other files`,
  );
  if (orphans > 0) lines.push(`${orphans} blobs that no result names: pipe gc removes them`);
  const bad = problems.filter(({ repaired }) => !repaired).length;
  if (problems.length === 0) lines.push('all is well');
  else if (bad === 0)
    lines.push(`${problems.length} repaired: the next run makes anew what it needs`);
  else lines.push(`${bad} bad${repair ? '' : '; pipe verify --repair removes what is bad'}`);
  return lines.join('\n');
}

function problemLine({ kind, what, path, means, repaired }: Problem, root: string): string {
  const shown = relative(root, path);
  const place = shown.startsWith('..') ? path : shown;
  return `${kind} ${what} ${place}: ${means}${repaired ? ' [removed]' : ''}`;
}
