import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openRecordLog } from '../../src/pipe/store/record-log.ts';
import { temporaryFolder } from './temporary.ts';

const fileIn = (folder: string) => join(folder, 'deep', 'records.log');

it('reads nothing where nothing is, and the last word on each name', () => {
  const file = fileIn(temporaryFolder());
  const log = openRecordLog<number>(file);
  expect(log.read()).toEqual(new Map());
  log.append([
    ['a', 1],
    ['b', 2],
  ]);
  openRecordLog<number>(file).append([
    ['a', 3],
    ['b', null],
    ['new\nline', 4],
  ]);
  expect(log.read()).toEqual(
    new Map([
      ['a', 3],
      ['new\nline', 4],
    ]),
  );
});

it('loses the torn line alone, whatever is written after it', () => {
  const file = fileIn(temporaryFolder());
  const log = openRecordLog<string>(file);
  log.append([['kept', 'old']]);
  const before = statSync(file).size;
  log.append([['torn', 'value']]);
  const whole = readFileSync(file);
  for (let length = before; length < whole.length - 1; length += 1) {
    writeFileSync(file, whole);
    truncateSync(file, length);
    log.append([['next', String(length)]]);
    expect(log.read()).toEqual(
      new Map([
        ['kept', 'old'],
        ['next', String(length)],
      ]),
    );
  }
});

it('drops a line with a flipped bit', () => {
  const file = fileIn(temporaryFolder());
  const log = openRecordLog<string>(file);
  log.append([['name', 'value']]);
  const whole = readFileSync(file);
  const blank = whole.indexOf(' '); // between check and line: it says nothing
  for (let at = 1; at < whole.length - 1; at += 1) {
    if (at === blank) continue;
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] as number) ^ 1;
    writeFileSync(file, flipped);
    expect(log.read().size).toBe(0);
  }
});

it('is written anew when most of it does not count', () => {
  const file = fileIn(temporaryFolder());
  const log = openRecordLog<number>(file);
  for (let value = 0; value < 1500; value += 1) log.append([['name', value]]);
  const long = statSync(file).size;
  expect(log.read()).toEqual(new Map([['name', 1499]]));
  expect(statSync(file).size).toBeLessThan(long / 100);
  expect(log.read()).toEqual(new Map([['name', 1499]]));
});
