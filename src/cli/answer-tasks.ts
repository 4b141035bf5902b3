/**
 * What of an answer needs its tasks: to tell a program of each hit, and to put back views that are
 * missing. Bundled alone, and loaded by the first look only where one of these is called for.
 */
import { dirname } from 'node:path';
import type { Event } from '../pipe/event.ts';
import { putBack } from '../pipe/run/put-back.ts';
import { type Inspection, settledPath, tasksPath } from '../pipe/run/settled.ts';
import type { SettledFile } from '../pipe/run/settled-file.ts';
import { readTasks, type SettledPlan } from '../pipe/run/settled-tasks.ts';
import { viewWarning } from '../pipe/run/view-warning.ts';
import type { Asked } from './question.ts';
import { warningLine, warningOnTerminal } from './reporter/warning-line.ts';

/** What is said of views that were put back, to a person and to a program. */
export interface PutBack {
  readonly line: string;
  readonly lineOnTerminal: string;
  readonly event: Event;
}

/** Undefined where views are not all that is missing, or links will not do. */
export function putViewsBack(inspection: Inspection, asked: Asked): PutBack | undefined {
  const plan = planOf(inspection.file, asked);
  const paths = plan && putBack(inspection, plan);
  if (paths === undefined) return undefined;
  const event = viewWarning(paths, 'deleted', dirname(asked.question.file));
  return { line: warningLine(event), lineOnTerminal: warningOnTerminal(event), event };
}

/** Undefined where the tasks can't be read any more. */
export function planOf(
  file: SettledFile,
  { cacheFolder, question }: Asked,
): SettledPlan | undefined {
  const path = tasksPath(settledPath(cacheFolder, question));
  return readTasks(path, file.head.tasks, file.amended());
}
