/**
 * Durations (`2h`, `90s`) and sizes (`4GiB`) as people write them. Knows no YAML.
 */

const MS_PER_UNIT: { readonly [unit: string]: number } = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const BYTES_PER_UNIT: { readonly [unit: string]: number } = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

const PLAIN = String.raw`\d+(?:\.\d+)?`;
export const DURATION_PATTERN = `^(?:${PLAIN}(?:ms|s|min|m|h|d))(?:\\s*${PLAIN}(?:ms|s|min|m|h|d))*$`;
export const SIZE_PATTERN = `^${PLAIN}\\s*(?:B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$`;

/** Milliseconds of `90s`, `1h 30min`; undefined if it is no duration. */
export function parseDurationMs(text: string): number | undefined {
  if (!new RegExp(DURATION_PATTERN).test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(new RegExp(`(${PLAIN})(ms|s|min|m|h|d)`, 'g'))) {
    total += Number(amount) * MS_PER_UNIT[unit!]!;
  }
  return Math.round(total);
}

/** Bytes of `4GiB`, `500 MB`; undefined if it is no size. */
export function parseSizeBytes(text: string): number | undefined {
  if (!new RegExp(SIZE_PATTERN).test(text)) return undefined;
  const unit = text.replace(/^[\d.\s]+/, '');
  return Math.round(Number.parseFloat(text) * BYTES_PER_UNIT[unit]!);
}
