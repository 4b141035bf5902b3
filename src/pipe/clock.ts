/**
 * A clock that never goes back, in milliseconds since the process started. Node loads `performance`
 * when it is first asked for, which takes a millisecond.
 */
export function monotonicMs(): number {
  return process.uptime() * 1000;
}
