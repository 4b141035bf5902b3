/**
 * Plain lines on stderr, for pipes and CI: no colour, no cursor movement, long tasks report every
 * ten seconds. Displayed outputs go to stdout.
 */

import type { Event, TaskId } from '../../pipe/event.ts';
import { diagnosticsText } from '../diagnostic-text.ts';
import { formatBytes, formatDuration } from '../duration.ts';
import { TASK_PROGRESS_EVERY_MS } from './pace.ts';
import type { Reporter, Streams } from './reporter.ts';
import { warningLine } from './warning-line.ts';
import {
  changesText,
  checkText,
  failureText,
  namesText,
  summaryText,
  timeLeftText,
  valuesText,
} from './wording.ts';

export function plainReporter(streams: Streams, now: () => number): Reporter {
  const startedMs = new Map<TaskId, number>();
  const saidMs = new Map<TaskId, number>();
  const say = (line: string) => streams.err(`${line}\n`);

  function progress(event: Event & { type: 'taskProgress' }): void {
    const nowMs = now();
    if (nowMs - (saidMs.get(event.task) ?? nowMs) < TASK_PROGRESS_EVERY_MS) {
      if (!saidMs.has(event.task)) saidMs.set(event.task, nowMs);
      return;
    }
    saidMs.set(event.task, nowMs);
    const clock = { startedMs: startedMs.get(event.task) ?? nowMs, nowMs };
    const details = [
      `${event.done}/${event.total} ${event.unit}`,
      valuesText(event.values),
      timeLeftText(event.done, event.total, clock),
    ].filter((text) => text !== '');
    say(`${event.task}: ${details.join(' · ')}`);
  }

  function emit(event: Event): void {
    switch (event.type) {
      case 'taskHit':
        say(
          `${event.task}: hit${event.savedMs > 0 ? ` (saved ${formatDuration(event.savedMs)})` : ''}`,
        );
        for (const note of event.notes) say(`${event.task}: ${note}`);
        return;
      case 'taskStarted':
        startedMs.set(event.task, now());
        saidMs.set(event.task, now());
        say(
          event.attempt > 1
            ? `${event.task}: attempt ${event.attempt}`
            : `${event.task}: running${event.changes.length > 0 ? ` because ${changesText(event.changes)}` : ''}`,
        );
        return;
      case 'taskWaiting':
        say(`${event.task}: waiting for ${event.owner}, which builds the same`);
        return;
      case 'taskNote':
        say(`${event.task}: ${event.text}`);
        return;
      case 'taskProgress':
        progress(event);
        return;
      case 'taskRetry':
        say(
          `${event.task}: attempt ${event.attempt - 1} failed (${event.reason}), again in ${formatDuration(event.delayMs)}`,
        );
        return;
      case 'taskRan':
        say(
          `${event.task}: done in ${formatDuration(event.wallMs)}${memoryText(event.peakRssBytes)}` +
            (event.changedOutputs.length === 0 ? ', outputs unchanged' : ''),
        );
        return;
      case 'taskFailed':
        say(
          event.reason === 'cancelled'
            ? `${event.task}: cancelled`
            : `FAILED ${failureText(event)}`,
        );
        return;
      case 'taskSkipped':
        say(`${event.task}: skipped, since ${event.because} failed`);
        return;
      case 'taskChecked':
        say(checkText(event));
        return;
      case 'taskDecided':
        say(decisionLine(event));
        return;
      case 'display':
        streams.out(event.text.endsWith('\n') ? event.text : `${event.text}\n`);
        return;
      case 'diagnostics':
        say(diagnosticsText(event.diagnostics));
        return;
      case 'warning':
        streams.err(warningLine(event));
        return;
      case 'filesChanged':
        say(
          `changed: ${namesText(event.files)} → ${event.stale.length === 0 ? 'no task is stale' : namesText(event.stale)}` +
            (event.cancelled.length === 0 ? '' : `; cancelled ${namesText(event.cancelled)}`),
        );
        return;
      case 'watching':
        say(`watching ${event.files} files`);
        return;
      case 'summary':
        say(summaryText(event));
        return;
      case 'runStarted':
      case 'taskLog':
      case 'taskMetric':
        return;
    }
  }
  return {
    emit,
    repeat: (said) => {
      const [talk, data] = [said.talk(), said.data()];
      if (talk !== '') streams.err(talk);
      if (data !== '') streams.out(data);
    },
    close: () => undefined,
  };
}

export function decisionLine(event: Event & { type: 'taskDecided' }): string {
  if (event.decision === 'hit') return `${event.task}: hit`;
  if (event.decision === 'unknown')
    return `${event.task}: unknown until ${event.unsettled.join(', ')}`;
  const forecast =
    event.forecastMs === undefined ? '' : ` (about ${formatDuration(event.forecastMs)})`;
  return `${event.task}: run${forecast} because ${changesText(event.changes)}`;
}

/** A command that ends between two looks at its process has no peak that we know. */
function memoryText(peakRssBytes: number): string {
  return peakRssBytes > 0 ? `, peak memory ${formatBytes(peakRssBytes)}` : '';
}
