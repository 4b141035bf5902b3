/**
 * Ctrl-C and a polite kill as an AbortSignal. A second Ctrl-C ends the process at once; children
 * notice that their parent is gone and end themselves.
 */

/** One Ctrl-C may come twice: from the terminal and from npx, or from `timeout` to us and our group. */
const ECHO_MS = 500;
const LINGER_MS = 100;

export interface Interruption {
  readonly signal: AbortSignal;
  stopListening(): void;
}

export function interruption(): Interruption {
  const controller = new AbortController();
  let firstMs = 0;
  const onSignal = () => {
    if (controller.signal.aborted) {
      if (performance.now() - firstMs > ECHO_MS) process.exit(130);
      return;
    }
    firstMs = performance.now();
    setTimeout(() => undefined, LINGER_MS); // who ends sooner is killed by the echo, code and all
    process.stderr.write('\nstopping…\n');
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    stopListening: () => {
      // The echo may come while the end of an interrupted run is written: it must not cut that off.
      if (controller.signal.aborted) return;
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
