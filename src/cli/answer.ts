/**
 * The first thing that every start loads: says again what an earlier run said, if nothing that it
 * rests on has changed. Bundled alone, so that a run in which nothing happens loads nothing else.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Inspection,
  inspect,
  isOverdue,
  settledPath,
  tasksPath,
} from '../pipe/run/settled.ts';
import type { SettledFile } from '../pipe/run/settled-file.ts';
import { readTasks } from '../pipe/run/settled-tasks.ts';
import { repetitionLine } from '../pipe/store/repetition.ts';
import { newRunId } from '../pipe/store/run-id.ts';
import { formatDuration } from './duration.ts';
import { askedBy } from './question.ts';
import { isTerminal, say } from './say.ts';

export { compiledPath, loadCompiled } from './compiled.ts';

/** True once the question was answered; else what was seen, for whoever answers it. */
export function answer(words: readonly string[]): true | Inspection | undefined {
  const startedMs = sinceStartMs();
  const asked = askedBy(words, process.cwd());
  if (asked === undefined) return undefined;
  const inspection = inspect(asked.cacheFolder, asked.question, process.env);
  if (inspection === undefined || inspection.changed.length > 0) return inspection;
  if (isOverdue(inspection.file, Date.now()) || isLive(words)) return inspection;
  const startedAt = new Date();
  const runId = newRunId(startedAt);
  const run = { runId, startedAt, startedMs };
  const tasks = tasksPath(settledPath(asked.cacheFolder, asked.question));
  if (!repeat(inspection.file, words, run, tasks)) return inspection;
  note(asked.cacheFolder, inspection.file, run);
  return true;
}

/** Node loads `performance` when it is first asked for, which takes a millisecond. */
function sinceStartMs(): number {
  return process.uptime() * 1000;
}

interface Run {
  readonly runId: string;
  readonly startedAt: Date;
  readonly startedMs: number;
}

/** A terminal is for its own reporter to write to. */
function isLive(words: readonly string[]): boolean {
  return !words.includes('--json') && isTerminal(2);
}

/** False where what is said to a program can't be read any more. */
function repeat(
  file: SettledFile,
  words: readonly string[],
  { runId, startedAt, startedMs }: Run,
  tasks: string,
): boolean {
  const { hits } = file.head;
  const wallMs = () => Math.round(sinceStartMs() - startedMs);
  if (words.includes('--json')) {
    const plan = readTasks(tasks, file.head.tasks, file.amended());
    if (plan === undefined) return false;
    const at = startedAt.toISOString();
    const first = JSON.stringify({ type: 'runStarted', runId }).slice(0, -1);
    say(1, Buffer.from(`${first},"tasks":`));
    say(1, plan.idsText);
    say(1, Buffer.from(`,"at":${JSON.stringify(at)}}\n`));
    say(1, plan.events);
    const summary = { type: 'summary', ran: 0, hits, failed: 0, skipped: 0, wallMs: wallMs() };
    say(1, Buffer.from(`${JSON.stringify(summary)}\n`));
    return true;
  }
  say(2, file.talk);
  say(1, file.data);
  const what = `0 tasks run, ${hits} ${hits === 1 ? 'hit' : 'hits'}`;
  say(2, Buffer.from(`${what} in ${formatDuration(wallMs())}\n`));
  return true;
}

/** The run is on record like any other; a folder that can't be written to has no records. */
function note(cacheFolder: string, file: SettledFile, { runId, startedAt, startedMs }: Run): void {
  const { head } = file;
  const wallMs = Math.round(sinceStartMs() - startedMs);
  try {
    const line = repetitionLine({ runId, of: head.runId, startedAt, wallMs });
    appendFileSync(join(cacheFolder, 'runs', 'repetitions.log'), line);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT', 'ENOENT'].includes(code)) throw error;
  }
}
