/**
 * Task logs: `logs/<runId>/<task>.log`. Knows no terminal and no event.
 */
import { closeSync, existsSync, openSync } from 'node:fs';
import { sep } from 'node:path';
import type { TaskId } from '../event.ts';
import { isDiskFull, writeWhole } from './atomic-file.ts';
import { fileNameOf } from './cache-layout.ts';
import { inFolder } from './in-folder.ts';
import { namesIn } from './names-in.ts';

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
    of: (runId, task) => logOf(folder, runId, task),
    latest(task) {
      // Names of runs begin with their time, and sort by it.
      const runs = namesIn(folder).filter((each) => /^\d/.test(each));
      const newestFirst = runs.sort().reverse();
      const having = newestFirst.find((run) => logOf(folder, run, task) !== undefined);
      return having && logOf(folder, having, task);
    },
  };
}

const pathOf = (folder: string, runId: string, task: TaskId) =>
  `${folder}${sep}${runId}${sep}${fileNameOf(task)}.log`;

function logOf(folder: string, runId: string, task: TaskId): string | undefined {
  const path = pathOf(folder, runId, task);
  return existsSync(path) ? path : undefined;
}

function openLog(folder: string, runId: string, task: TaskId): TaskLog {
  const path = pathOf(folder, runId, task);
  const file = inFolder(path, () => openSync(path, 'a'));
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
