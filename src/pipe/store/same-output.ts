/** When two outputs are one to whoever reads them. Knows no store. */
import type { OutputRecord } from './trace.ts';

export function isSameOutput(
  left: OutputRecord | undefined,
  right: OutputRecord | undefined,
): boolean {
  return left?.digest === right?.digest && left?.executable === right?.executable;
}
