/**
 * The one wording of each event, shared by the plain and the terminal reporter. Knows no colour.
 */
import type { Event, FileDifference, Summary } from '../../pipe/event.ts';
import type { Change } from '../../pipe/fingerprint/change.ts';
import { describeChange } from '../../pipe/fingerprint/explain.ts';
import type { Json, JsonObject } from '../../pipe/json.ts';
import { formatDuration, formatFigure } from '../duration.ts';

/** At most `most` changes in one line, with a count of the others. */
export function changesText(changes: readonly Change[], most = 3): string {
  const shown = changes.slice(0, most).map(describeChange);
  const more = changes.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

const MOST_NAMED = 5;

/** A switch of branches changes thousands of files: the first few, and how many more. */
export function namesText(names: readonly string[]): string {
  if (names.length <= MOST_NAMED + 1) return names.join(', ');
  return `${names.slice(0, MOST_NAMED).join(', ')} and ${names.length - MOST_NAMED} more`;
}

export function failureText(event: Event & { type: 'taskFailed' }): string {
  const lines = [`${event.task}: ${event.message}`];
  if (event.hint !== undefined) lines.push(`  hint: ${event.hint}`);
  if (event.logFile !== undefined) lines.push(`  log: pipe logs ${event.task}`);
  return lines.join('\n');
}

/** `eval: same again (3 files) in 58.1 s`, or every file that differs and where. */
export function checkText({
  task,
  same,
  outputs,
  wallMs,
}: Event & { type: 'taskChecked' }): string {
  const files = outputs.reduce((sum, output) => sum + output.files, 0);
  const fileText = `${files} ${files === 1 ? 'file' : 'files'}`;
  if (same)
    return `${task}: the same again, byte by byte (${fileText}) in ${formatDuration(wallMs)}`;
  const lines = outputs
    .filter(({ differing }) => differing > 0)
    .flatMap(({ output, differing, differences }) => {
      const more = differing - differences.length;
      return [
        ...differences.map((each) => `  ${output}: ${differenceText(each)}`),
        ...(more > 0 ? [`  ${output}: and ${more} more files`] : []),
      ];
    });
  return [`${task}: DIFFERENT from what the store holds`, ...lines].join('\n');
}

function differenceText({ file, how, ...difference }: FileDifference): string {
  if (how !== 'differs') return `${file} is ${how}`;
  const { offset = 0, line = 1, storedBytes = 0, rebuiltBytes = 0 } = difference;
  const sizes =
    storedBytes === rebuiltBytes
      ? `${storedBytes} bytes`
      : `${storedBytes} bytes stored, ${rebuiltBytes} rebuilt`;
  return `${file} differs from byte ${offset} on, in line ${line} (${sizes})`;
}

export function summaryText(summary: Summary): string {
  const { ran, hits, failed, skipped, wallMs } = summary;
  const parts = [
    `${ran} ${ran === 1 ? 'task' : 'tasks'} run`,
    `${hits} ${hits === 1 ? 'hit' : 'hits'}`,
  ];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return `${parts.join(', ')} in ${formatDuration(wallMs)}`;
}

/** `loss 1.23, tokensPerSecond 3.1k` → `loss 1.23 · 3.1k tokens/s`. */
export function valuesText(values: JsonObject): string {
  return Object.entries(values)
    .map(([name, value]) => {
      const figure = typeof value === 'number' ? formatFigure(value) : String(value);
      const rate = /^(.*)PerSecond$/.exec(name);
      return rate === null ? `${name} ${figure}` : `${figure} ${rate[1]}/s`;
    })
    .join(' · ');
}

const LONGEST_VALUE = 40;

/** A param or metric in a table. */
export function valueText(value: Json | undefined): string {
  if (value === undefined) return '–';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text;
}

export interface ProgressClock {
  readonly startedMs: number;
  readonly nowMs: number;
}

/** Time left by the pace so far; nothing before there is a pace. */
export function timeLeftText(done: number, total: number, clock: ProgressClock): string {
  const elapsedMs = clock.nowMs - clock.startedMs;
  if (done <= 0 || done >= total || elapsedMs < 2000) return '';
  return `${formatDuration((elapsedMs / done) * (total - done))} left`;
}
