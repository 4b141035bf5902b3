import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { blockFormat } from '../../../src/lm/gguf/dequantise.ts';

const file = join(import.meta.dirname, '..', '..', 'fixtures', 'gguf', 'formats.json');

interface Case {
  readonly name: string;
  readonly number: number;
  readonly bytes: string;
  readonly values: string;
}

const cases: Case[] = JSON.parse(readFileSync(file, 'utf8'));

it.each(cases)('reads $name to the bit as llama.cpp’s own package does', (given) => {
  const format = blockFormat(given.number);
  expect(format.name).toBe(given.name);
  const bytes = Buffer.from(given.bytes, 'base64');
  const expected = new Float32Array(Uint8Array.from(Buffer.from(given.values, 'base64')).buffer);
  expect(bytes.length % format.blockBytes).toBe(0);
  expect((bytes.length / format.blockBytes) * format.blockElements).toBe(expected.length);
  expect(format.decode?.(bytes)).toEqual(expected);
});

it('names the formats that it can’t read', () => {
  expect(blockFormat(10)).toMatchObject({ name: 'Q2_K', blockBytes: 0 });
  expect(blockFormat(999).name).toBe('of format number 999');
  expect(blockFormat(10).decode).toBeUndefined();
});
