/**
 * The first thing that every start loads: says again what an earlier run said, if nothing that it
 * rests on has changed. Bundled alone, so that a run in which nothing happens loads nothing else.
 */
import { appendFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { monotonicMs } from '../pipe/clock.ts';
import type { Event } from '../pipe/event.ts';
import { isPuttingBack, putBack } from '../pipe/run/put-back.ts';
import {
  type Inspection,
  inspect,
  isOverdue,
  settledPath,
  tasksPath,
} from '../pipe/run/settled.ts';
import type { SettledFile } from '../pipe/run/settled-file.ts';
import { readTasks, type SettledPlan } from '../pipe/run/settled-tasks.ts';
import { viewWarning } from '../pipe/run/view-warning.ts';
import { repetitionLine } from '../pipe/store/repetition.ts';
import { newRunId } from '../pipe/store/run-id.ts';
import { formatDuration } from './duration.ts';
import { type Asked, askedBy } from './question.ts';
import { warningLine } from './reporter/warning-line.ts';
import { isTerminal, say } from './say.ts';

export { compiledPath, loadCompiled } from './compiled.ts';

/** True once the question was answered; else what was seen, for whoever answers it. */
export function answer(words: readonly string[]): true | Inspection | undefined {
  const startedMs = monotonicMs();
  const asked = askedBy(words, process.cwd());
  if (asked === undefined) return undefined;
  const inspection = inspect(asked.cacheFolder, asked.question, process.env);
  if (inspection === undefined || !inspection.samePlan) return inspection;
  if (isOverdue(inspection.file, Date.now()) || isLive(words)) return inspection;
  const startedAt = new Date();
  const runId = newRunId(startedAt);
  const run = { runId, startedAt, startedMs };
  const warnings = warningsOf(inspection, asked);
  if (warnings === undefined || !repeat(inspection.file, words, run, { asked, warnings }))
    return inspection;
  note(asked.cacheFolder, inspection.file, run);
  return true;
}

type Warning = Event & { readonly type: 'warning' };

/** Puts back what is missing of the views; undefined where there is more to do. */
function warningsOf(inspection: Inspection, asked: Asked): Warning[] | undefined {
  if (inspection.changed.length === 0) return [];
  const plan = isPuttingBack(inspection) ? planOf(inspection.file, asked) : undefined;
  const paths = plan && putBack(inspection, plan);
  return paths && [viewWarning(paths, 'deleted', dirname(asked.question.file))];
}

function planOf(file: SettledFile, { cacheFolder, question }: Asked): SettledPlan | undefined {
  const path = tasksPath(settledPath(cacheFolder, question));
  return readTasks(path, file.head.tasks, file.amended());
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
  { asked, warnings }: { readonly asked: Asked; readonly warnings: readonly Warning[] },
): boolean {
  const { hits } = file.head;
  const wallMs = () => Math.round(monotonicMs() - startedMs);
  if (words.includes('--json')) {
    const plan = planOf(file, asked);
    if (plan === undefined) return false;
    const at = startedAt.toISOString();
    const first = JSON.stringify({ type: 'runStarted', runId }).slice(0, -1);
    say(1, Buffer.from(`${first},"tasks":`));
    say(1, plan.idsText);
    say(1, Buffer.from(`,"at":${JSON.stringify(at)}}\n`));
    say(1, plan.events);
    for (const warning of warnings) say(1, Buffer.from(`${JSON.stringify(warning)}\n`));
    const summary = { type: 'summary', ran: 0, hits, failed: 0, skipped: 0, wallMs: wallMs() };
    say(1, Buffer.from(`${JSON.stringify(summary)}\n`));
    return true;
  }
  say(2, file.talk);
  say(1, file.data);
  for (const warning of warnings) say(2, Buffer.from(`${warningLine(warning)}\n`));
  const what = `0 tasks run, ${hits} ${hits === 1 ? 'hit' : 'hits'}`;
  say(2, Buffer.from(`${what} in ${formatDuration(wallMs())}\n`));
  return true;
}

/** The run is on record like any other; a folder that can't be written to has no records. */
function note(cacheFolder: string, file: SettledFile, { runId, startedAt, startedMs }: Run): void {
  const { head } = file;
  const wallMs = Math.round(monotonicMs() - startedMs);
  try {
    const line = repetitionLine({ runId, of: head.runId, startedAt, wallMs });
    appendFileSync(join(cacheFolder, 'runs', 'repetitions.log'), line);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT', 'ENOENT'].includes(code)) throw error;
  }
}
