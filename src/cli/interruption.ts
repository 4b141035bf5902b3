/**
 * Ctrl-C and a polite kill as an AbortSignal. A second Ctrl-C ends the process at once; children
 * notice that their parent is gone and end themselves.
 */
export interface Interruption {
  readonly signal: AbortSignal;
  stopListening(): void;
}

export function interruption(): Interruption {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\nstopping…\n');
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    stopListening: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
