/** Clocks for long tasks: when to save, and how fast it goes. Nothing timed here enters an artifact. */

/** A function that answers true once `intervalMs` have passed since it last did (or was made). */
export function every(intervalMs: number): () => boolean {
  let last = performance.now();
  return () => {
    const now = performance.now();
    if (now - last < intervalMs) return false;
    last = now;
    return true;
  };
}

/** A function that is told of work done and answers the recent rate a second, smoothed. */
export function tokenRate(): (tokens: number) => number {
  let last = performance.now();
  let rate: number | undefined;
  return (tokens) => {
    const now = performance.now();
    const fresh = (tokens * 1000) / Math.max(now - last, 1e-3);
    last = now;
    rate = rate === undefined ? fresh : 0.9 * rate + 0.1 * fresh;
    return Math.round(rate);
  };
}
