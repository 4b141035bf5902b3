import { describe, expect, it } from 'vitest';
import { parseDurationMs, parseSizeBytes } from '../../src/pipe/config/quantity.ts';

describe('durations', () => {
  it.each([
    ['90s', 90_000],
    ['2h', 7_200_000],
    ['1h30m', 5_400_000],
    ['1.5min', 90_000],
    ['250ms', 250],
    ['1d 2h', 93_600_000],
  ])('%s', (text, expected) => expect(parseDurationMs(text)).toBe(expected));
  it.each(['', '2', 'h', '2 hours', '-1s', '1s!'])('refuses %j', (text) =>
    expect(parseDurationMs(text)).toBeUndefined(),
  );
});

describe('sizes', () => {
  it.each([
    ['4GiB', 4 * 2 ** 30],
    ['1.5 MiB', 1.5 * 2 ** 20],
    ['10 kB', 10_000],
    ['7B', 7],
  ])('%s', (text, expected) => expect(parseSizeBytes(text)).toBe(expected));
  it.each(['', '4', '4 gigs', '-1B', '4gib'])('refuses %j', (text) =>
    expect(parseSizeBytes(text)).toBeUndefined(),
  );
});
