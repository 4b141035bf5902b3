/**
 * Task logs: `logs/<runId>/<task>.log`, and `logs/latest/<task>.log` as a link to the newest. Knows
 * no terminal and no event.
 */
import { closeSync, mkdirSync, openSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskId } from '../event.ts';
import { isDiskFull, temporaryName, writeWhole } from './atomic-file.ts';
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
  /** Absolute path of the newest log of the task. */
  latest(task: TaskId): string | undefined;
}

export function openLogs(folder: string): Logs {
  return {
    open: (runId, task) => openLog(folder, runId, task),
    latest(task) {
      const latest = join(folder, 'latest');
      try {
        return join(latest, readlinkSync(join(latest, `${fileNameOf(task)}.log`)));
      } catch (error) {
        if (isAbsence(error)) return undefined;
        throw error;
      }
    },
  };
}

function openLog(folder: string, runId: string, task: TaskId): TaskLog {
  const name = `${fileNameOf(task)}.log`;
  const path = join(folder, runId, name);
  const file = openInRun(folder, runId, path);
  pointTo(join(folder, 'latest', name), join('..', runId, name));
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
    mkdirSync(join(folder, 'latest'), { recursive: true });
    mkdirSync(join(folder, runId), { recursive: true });
    return openSync(path, 'a');
  }
}

function pointTo(link: string, target: string): void {
  const temporary = temporaryName(link);
  symlinkSync(target, temporary);
  renameSync(temporary, link);
}
