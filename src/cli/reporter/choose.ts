/**
 * Picks the reporter: JSON when asked, live on a terminal, plain lines elsewhere (a pipe, CI).
 */
import { jsonReporter } from './json.ts';
import { plainReporter } from './plain.ts';
import type { Reporter, Streams } from './reporter.ts';

export async function chooseReporter(json: boolean): Promise<Reporter> {
  const streams: Streams = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  };
  if (json) return jsonReporter(streams);
  const live = process.stderr.isTTY && process.env.CI === undefined && process.env.TERM !== 'dumb';
  if (!live) return plainReporter(streams, Date.now);
  const { terminalReporter } = await import('./terminal.ts');
  return terminalReporter({
    stream: process.stderr,
    streams,
    now: Date.now,
    colour: process.env.NO_COLOR === undefined,
    columns: () => process.stderr.columns ?? 80,
  });
}
