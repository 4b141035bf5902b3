/**
 * Task logs: `logs/<runId>/<task>.log`. Knows no terminal and no event.
 */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskId } from '../event.ts';
import { isDiskFull, writeWhole } from './atomic-file.ts';
import { fileNameOf } from './cache-layout.ts';
import { isAbsence } from './checked-file.ts';

export interface TaskLog {
  readonly path: string;
  /** On a full disk the log ends there: a task does not fail for want of its log. */
  write(text: string): void;
  /** True once text was lost. */
  isCut(): boolean;
  close(): void;
}

export interface Logs {
  open(runId: string, task: TaskId): TaskLog;
  /** Absolute path of the task's log of that run, if it has one. */
  of(runId: string, task: TaskId): string | undefined;
  /** Absolute path of the newest log of the task. */
  latest(task: TaskId): string | undefined;
}

export function openLogs(folder: string): Logs {
  return {
    open: (runId, task) => openLog(folder, runId, task),
    of(runId, task) {
      const path = join(folder, runId, `${fileNameOf(task)}.log`);
      return existsSync(path) ? path : undefined;
    },
    latest(task) {
      const name = `${fileNameOf(task)}.log`;
      // Names of runs begin with their time, and sort by it.
      const runs = runsIn(folder).filter((each) => /^\d/.test(each));
      runs.sort().reverse();
      return runs.map((run) => join(folder, run, name)).find((path) => existsSync(path));
    },
  };
}

function runsIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

function openLog(folder: string, runId: string, task: TaskId): TaskLog {
  const name = `${fileNameOf(task)}.log`;
  const path = join(folder, runId, name);
  const file = openInRun(folder, runId, path);
  let cut = false;
  return {
    path,
    write(text) {
      if (cut) return;
      try {
        writeWhole(file, Buffer.from(text, 'utf8'));
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        cut = true;
      }
    },
    isCut: () => cut,
    close: () => closeSync(file),
  };
}

/** The folders are there but for the first task of a run. */
function openInRun(folder: string, runId: string, path: string): number {
  try {
    return openSync(path, 'a');
  } catch (error) {
    if (!isAbsence(error)) throw error;
    mkdirSync(join(folder, runId), { recursive: true });
    return openSync(path, 'a');
  }
}
