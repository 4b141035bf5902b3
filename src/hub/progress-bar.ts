/** How far a download is, on a terminal as a bar that is drawn over, elsewhere as a line a file. */
import type { HubFile } from './wanted-files.ts';

const CELLS = 24;

/** What is written for a file so far; `columns` undefined where there is no terminal. */
export function progressText(
  { path, sizeBytes }: HubFile,
  doneBytes: number,
  kept: boolean,
  columns: number | undefined,
): string {
  const size = `${megabytes(sizeBytes)} MB`;
  if (kept) return `${path}: ${size}, already there\n`;
  const done = doneBytes === sizeBytes;
  if (columns === undefined) return done ? `${path}: ${size}\n` : '';
  const cells = sizeBytes === 0 ? CELLS : Math.floor((CELLS * doneBytes) / sizeBytes);
  const bar = `${'█'.repeat(cells)}${'░'.repeat(CELLS - cells)}`;
  const text = `${bar} ${megabytes(doneBytes)} / ${size}  ${path}`;
  return `\r\u001b[K${text.slice(0, columns - 1)}${done ? '\n' : ''}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
