/**
 * Picks the reporter: JSON when asked, live on a terminal, plain lines elsewhere (a pipe, CI).
 */
import { say } from '../say.ts';
import { jsonReporter } from './json.ts';
import { isColoured, isLive } from './on-terminal.ts';
import { plainReporter } from './plain.ts';
import type { Reporter, Streams } from './reporter.ts';

export async function chooseReporter(json: boolean): Promise<Reporter> {
  if (json) return jsonReporter(inOrder());
  if (!isLive()) return plainReporter(inOrder(), Date.now);
  const { terminalReporter } = await import('./terminal.ts');
  return terminalReporter({
    stream: process.stderr,
    streams: atOnce,
    now: Date.now,
    colour: isColoured(),
    columns: () => process.stderr.columns ?? 80,
  });
}

/** Lines that stay stand between frames that are drawn over: neither may wait. */
const atOnce: Streams = {
  out: (text) => say(1, Buffer.from(text)),
  err: (text) => void process.stderr.write(text),
};

/** Nobody who reads a pipe or a file misses so much. */
const GATHERED_MS = 25;

/** Gathers what is said within a moment: a thousand hits are one write, and none comes before its turn. */
function inOrder(): Streams {
  let waiting: { readonly stream: 1 | 2; text: string } | undefined;
  const flush = () => {
    const said = waiting;
    waiting = undefined;
    if (said !== undefined) say(said.stream, Buffer.from(said.text));
  };
  const to = (stream: 1 | 2) => (text: string) => {
    if (waiting?.stream === stream) {
      waiting.text += text;
      return;
    }
    if (waiting === undefined) setTimeout(flush, GATHERED_MS).unref();
    else flush();
    waiting = { stream, text };
  };
  process.on('exit', flush);
  return { out: to(1), err: to(2) };
}
