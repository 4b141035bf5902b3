/**
 * Live progress on a terminal: finished tasks stay as lines, running ones have a bar below them that
 * is redrawn in place; at the end a table of what ran, failed or was skipped. Colour follows NO_COLOR.
 */
import { stripVTControlCharacters, styleText } from 'node:util';
import type { Event, TaskId } from '../../pipe/event.ts';
import { diagnosticsText } from '../diagnostic-text.ts';
import { formatBytes, formatDuration } from '../duration.ts';
import { formatTable } from '../table.ts';
import { openCanvas } from './canvas.ts';
import { hitLines } from './hit-lines.ts';
import { TERMINAL_FRAME_MS } from './pace.ts';
import { decisionLine } from './plain.ts';
import type { Reporter, Streams } from './reporter.ts';
import { warningOnTerminal } from './warning-line.ts';
import {
  changesText,
  checkText,
  failureText,
  namesText,
  summaryText,
  timeLeftText,
  valuesText,
} from './wording.ts';

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const BAR_CELLS = 20;

interface Running {
  readonly startedMs: number;
  progress?: Event & { type: 'taskProgress' };
  waitingFor?: string;
}

interface Finished {
  readonly task: TaskId;
  readonly what: string;
  readonly wallMs: number;
  readonly memory: string;
}

export interface TerminalOptions {
  readonly stream: NodeJS.WriteStream;
  readonly streams: Streams;
  readonly now: () => number;
  readonly colour: boolean;
  readonly columns: () => number;
}

export function terminalReporter({
  stream,
  streams,
  now,
  colour,
  columns,
}: TerminalOptions): Reporter {
  const canvas = openCanvas(stream);
  const running = new Map<TaskId, Running>();
  /** Of each task the last: in a watch a build may be taken over by the next. */
  const finished = new Map<TaskId, Finished>();
  let frame = 0;
  /** A task that ends within a frame is never drawn. */
  let isDrawn = false;
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(style, text) : text;

  function keep(line: string): void {
    canvas.clear();
    streams.err(`${line}\n`);
    redraw();
  }

  /** Whole lines that were coloured before. */
  function keepText(lines: string): void {
    canvas.clear();
    streams.err(colour ? lines : stripVTControlCharacters(lines));
    redraw();
  }

  /** What was on the screen before a line was put there; what is new waits for its frame. */
  function redraw(): void {
    if (isDrawn) draw();
  }

  function draw(): void {
    isDrawn = running.size > 0;
    if (!isDrawn) {
      canvas.clear();
      return;
    }
    const width = Math.max(...[...running.keys()].map((task) => task.length));
    canvas.draw(
      [...running].map(([task, state]) => runningLine(task.padEnd(width), state)).join('\n'),
    );
  }

  function runningLine(task: string, state: Running): string {
    const nowMs = now();
    const spinner = paint('cyan', SPINNER[frame % SPINNER.length] ?? '·');
    if (state.waitingFor !== undefined)
      return `${spinner} ${task}  waiting for ${state.waitingFor}`;
    const elapsed = formatDuration(nowMs - state.startedMs);
    const progress = state.progress;
    if (progress === undefined) return `${spinner} ${task}  ${elapsed}`;
    const { done, total, unit, values } = progress;
    const details = [
      `${done}/${total} ${unit}`,
      valuesText(values),
      timeLeftText(done, total, { startedMs: state.startedMs, nowMs }) || elapsed,
    ].filter((text) => text !== '');
    const line = `${task}  ${bar(done, total)} ${details.join(' · ')}`;
    return `${spinner} ${line.slice(0, Math.max(20, columns() - 3))}`;
  }

  function bar(done: number, total: number): string {
    const filled = total > 0 ? Math.min(BAR_CELLS, Math.floor((done / total) * BAR_CELLS)) : 0;
    return paint('cyan', '█'.repeat(filled)) + paint('dim', '░'.repeat(BAR_CELLS - filled));
  }

  function end(task: TaskId, what: string, wallMs: number, memory = ''): void {
    running.delete(task);
    finished.delete(task);
    finished.set(task, { task, what, wallMs, memory });
  }

  const timer = setInterval(() => {
    frame += 1;
    draw();
  }, TERMINAL_FRAME_MS);
  timer.unref();

  function emit(event: Event): void {
    switch (event.type) {
      case 'taskHit':
        running.delete(event.task);
        finished.delete(event.task);
        keepText(hitLines(event));
        return;
      case 'taskStarted':
        running.set(event.task, { startedMs: now() });
        if (event.changes.length > 0 && event.attempt === 1)
          keep(paint('dim', `  ${event.task} because ${changesText(event.changes)}`));
        return;
      case 'taskWaiting':
        running.set(event.task, { startedMs: now(), waitingFor: event.owner });
        return;
      case 'taskProgress': {
        const state = running.get(event.task);
        if (state !== undefined) state.progress = event;
        return;
      }
      case 'taskNote':
        keep(`  ${event.task}: ${event.text}`);
        return;
      case 'taskRetry':
        keep(
          `${paint('yellow', '↻')} ${event.task} attempt ${event.attempt - 1} failed (${event.reason}), again in ${formatDuration(event.delayMs)}`,
        );
        return;
      case 'taskRan':
        end(
          event.task,
          event.changedOutputs.length === 0 ? 'ran, outputs unchanged' : 'ran',
          event.wallMs,
          event.peakRssBytes > 0 ? formatBytes(event.peakRssBytes) : '',
        );
        keep(`${paint('green', '✔')} ${event.task} ${formatDuration(event.wallMs)}`);
        return;
      case 'taskFailed':
        if (event.reason === 'cancelled') {
          end(event.task, 'cancelled', 0);
          return;
        }
        end(event.task, `failed (${event.reason})`, 0);
        keep(`${paint('red', '✖')} ${failureText(event)}`);
        return;
      case 'taskSkipped':
        end(event.task, `skipped, since ${event.because} failed`, 0);
        return;
      case 'taskChecked':
        end(event.task, event.same ? 'checked, the same' : 'checked, DIFFERENT', event.wallMs);
        keep(`${event.same ? paint('green', '✔') : paint('red', '✖')} ${checkText(event)}`);
        return;
      case 'taskDecided':
        keep(decisionLine(event));
        return;
      case 'display':
        canvas.clear();
        streams.out(event.text.endsWith('\n') ? event.text : `${event.text}\n`);
        return;
      case 'diagnostics':
        keep(diagnosticsText(event.diagnostics));
        return;
      case 'warning':
        keepText(warningOnTerminal(event));
        return;
      case 'filesChanged':
        for (const task of event.cancelled) running.delete(task);
        keep(
          `${paint('cyan', '→')} ${namesText(event.files)} changed: ${event.stale.length === 0 ? 'no task is stale' : namesText(event.stale)}` +
            (event.cancelled.length === 0 ? '' : `; cancelled ${namesText(event.cancelled)}`),
        );
        return;
      case 'watching':
        keep(paint('dim', `watching ${event.files} files; Ctrl-C ends`));
        return;
      case 'summary':
        running.clear();
        draw();
        if (event.ran + event.failed + event.skipped > 0) streams.err(`\n${summaryTable()}\n`);
        streams.err(`${summaryText(event)}\n`);
        finished.clear();
        return;
      case 'runStarted':
      case 'taskLog':
      case 'taskMetric':
        return;
    }
  }

  function summaryTable(): string {
    const rows = [...finished.values()].map(({ task, what, wallMs, memory }) => [
      task,
      what,
      wallMs > 0 ? formatDuration(wallMs) : '',
      memory,
    ]);
    return formatTable([['task', 'what', 'time', 'peak memory'], ...rows], '  ');
  }

  return {
    emit,
    repeat: (said) => {
      const [lines, data] = [said.live(), said.data()];
      if (lines !== '') keepText(lines);
      if (data !== '') streams.out(data);
    },
    close: () => {
      clearInterval(timer);
      canvas.end();
    },
  };
}
