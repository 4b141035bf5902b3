/** Numbers as a reader of the report sees them. Knows no result. */

/** A non-breaking blank stands before a percent sign. */
export const PERCENT = '\u00a0%';

export function digits(value: number): string {
  return value.toFixed(3);
}

/** With its sign, a true minus, and no sign where it rounds to zero. */
export function signed(value: number): string {
  const text = Math.abs(value).toFixed(3);
  if (Number(text) === 0) return text;
  return value > 0 ? `+${text}` : `−${text}`;
}

export function pText(p: number): string {
  return p < 0.001 ? '< .001' : p.toFixed(3).replace(/^0/, '');
}

export interface Bounds {
  readonly low: number | null;
  readonly high: number | null;
}

/** `.401–.423` of an estimate; a dash where one page or cluster gives no interval. */
export function rangeText(bounds: Bounds | null | undefined): string {
  if (bounds == null || bounds.low === null || bounds.high === null) return '–';
  return `${digits(bounds.low)}–${digits(bounds.high)}`;
}

/** `−.012 to +.034` of a difference. */
export function signedRange({ low, high }: Bounds): string {
  return low === null || high === null ? '–' : `${signed(low)} to ${signed(high)}`;
}

/** A table's cell: the estimate, and its interval on a line below. */
export function withRange(value: number, bounds: Bounds | null | undefined): string {
  const range = rangeText(bounds);
  return range === '–' ? digits(value) : `${digits(value)}\n${range}`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}${PERCENT}`;
}

export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `a, b and c`. */
export function listText(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
