/** Names of runs. Knows no record. */

/** Sorts by time, to the millisecond; the tail keeps two runs of one moment apart. */
export function newRunId(now: Date): string {
  const time = now.toISOString().slice(0, 23).replace(/[-:.]/g, '');
  const tail = Math.floor(Math.random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0');
  return `${time}-${tail}`;
}
