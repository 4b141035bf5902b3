/**
 * Newline-delimited events on stdout, the summary last. Knows no words for people.
 */
import type { Reporter, Streams } from './reporter.ts';

export function jsonReporter(streams: Streams): Reporter {
  return {
    emit: (event) => streams.out(`${JSON.stringify(event)}\n`),
    repeat: ({ events }) => streams.out(events()),
    close: () => undefined,
  };
}
