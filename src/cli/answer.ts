/**
 * The first thing that every start loads: says again what an earlier run said, if nothing that it
 * rests on has changed. Bundled alone, so that a run in which nothing happens loads nothing else.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from '../pipe/clock.ts';
import { type Inspection, inspect, isOverdue, isPuttingBack } from '../pipe/run/settled.ts';
import type { SettledFile } from '../pipe/run/settled-file.ts';
import { repetitionLine } from '../pipe/store/repetition.ts';
import { newRunId } from '../pipe/store/run-id.ts';
import type * as AnswerTasks from './answer-tasks.ts';
import { formatDuration } from './duration.ts';
import { type Asked, askedBy } from './question.ts';
import { isColoured, isLive } from './reporter/on-terminal.ts';
import { say } from './say.ts';

export { compiledPath, loadCompiled } from './compiled.ts';

/** True once the question was answered; else what was seen, for whoever answers it. */
export function answer(words: readonly string[]): true | Inspection | undefined {
  const startedMs = monotonicMs();
  const asked = askedBy(words, process.cwd());
  if (asked === undefined) return undefined;
  const inspection = inspect(asked.cacheFolder, asked.question, process.env);
  if (inspection === undefined || !inspection.samePlan) return inspection;
  if (isOverdue(inspection.file, Date.now())) return inspection;
  const startedAt = new Date();
  const runId = newRunId(startedAt);
  const run = { runId, startedAt, startedMs };
  const warnings = warningsOf(inspection, asked);
  if (warnings === undefined) return inspection;
  if (words.includes('--json')) {
    if (!repeatToProgram(inspection.file, run, { asked, warnings })) return inspection;
  } else repeatToPerson(inspection.file, run, warnings);
  note(asked.cacheFolder, inspection.file, run);
  return true;
}

/** Puts back what is missing of the views; undefined where there is more to do. */
function warningsOf(inspection: Inspection, asked: Asked): AnswerTasks.PutBack[] | undefined {
  if (inspection.changed.length === 0) return [];
  const done = isPuttingBack(inspection)
    ? answerTasks().putViewsBack(inspection, asked)
    : undefined;
  return done && [done];
}

function answerTasks(): typeof AnswerTasks {
  const { createRequire } = process.getBuiltinModule('node:module');
  return createRequire(import.meta.filename)('./answer-tasks.cjs') as typeof AnswerTasks;
}

interface Run {
  readonly runId: string;
  readonly startedAt: Date;
  readonly startedMs: number;
}

type Warnings = readonly AnswerTasks.PutBack[];

/** False where what is said to a program can't be read any more. */
function repeatToProgram(
  file: SettledFile,
  { runId, startedAt, startedMs }: Run,
  { asked, warnings }: { readonly asked: Asked; readonly warnings: Warnings },
): boolean {
  const plan = answerTasks().planOf(file, asked);
  if (plan === undefined) return false;
  const { hits } = file.head;
  const first = JSON.stringify({ type: 'runStarted', runId }).slice(0, -1);
  say(1, Buffer.from(`${first},"tasks":`));
  say(1, plan.idsText);
  say(1, Buffer.from(`,"at":${JSON.stringify(startedAt.toISOString())}}\n`));
  say(1, plan.events);
  for (const { event } of warnings) say(1, Buffer.from(`${JSON.stringify(event)}\n`));
  const wallMs = sinceMs(startedMs);
  const summary = { type: 'summary', ran: 0, hits, failed: 0, skipped: 0, wallMs };
  say(1, Buffer.from(`${JSON.stringify(summary)}\n`));
  return true;
}

function repeatToPerson(file: SettledFile, { startedMs }: Run, warnings: Warnings): void {
  const { hits } = file.head;
  const isShown = isLive();
  say(2, isShown ? painted(file.live) : file.talk);
  say(1, file.data);
  for (const { line, lineOnTerminal } of warnings) {
    say(2, isShown ? painted(Buffer.from(lineOnTerminal)) : Buffer.from(line));
  }
  const what = `0 tasks run, ${hits} ${hits === 1 ? 'hit' : 'hits'}`;
  say(2, Buffer.from(`${what} in ${formatDuration(sinceMs(startedMs))}\n`));
}

/** Without its colours where nobody wants them. */
function painted(text: Buffer): Buffer {
  if (isColoured()) return text;
  const { stripVTControlCharacters } = process.getBuiltinModule('node:util');
  return Buffer.from(stripVTControlCharacters(text.toString()));
}

const sinceMs = (startedMs: number) => Math.round(monotonicMs() - startedMs);

/** The run is on record like any other; a folder that can't be written to has no records. */
function note(cacheFolder: string, file: SettledFile, { runId, startedAt, startedMs }: Run): void {
  const { head } = file;
  const wallMs = sinceMs(startedMs);
  try {
    const line = repetitionLine({ runId, of: head.runId, startedAt, wallMs });
    appendFileSync(join(cacheFolder, 'runs', 'repetitions.log'), line);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT', 'ENOENT'].includes(code)) throw error;
  }
}
