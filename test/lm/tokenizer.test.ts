import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../src/lm/tokenizer.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures');

interface Case {
  readonly text: string;
  readonly ids: number[];
  readonly decoded: string;
}

describe.each(['tokenizer-neox', 'tokenizer-llama'])('%s', (name) => {
  const folder = join(fixtures, name);
  const tokenizer = loadTokenizer(folder);
  const cases: Case[] = JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8'));

  it.each(cases)('encodes and decodes $text like the reference', ({ text, ids, decoded }) => {
    expect(tokenizer.encode(text)).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(decoded);
  });
});

it('puts BOS before a text only where the model demands it, and never before a bare one', () => {
  const neox = loadTokenizer(join(fixtures, 'tokenizer-neox'));
  const llama = loadTokenizer(join(fixtures, 'tokenizer-llama'));
  expect(llama.bosId).toBe(1);
  expect(llama.eosId).toBe(2);
  expect(llama.encode('Claim')[0]).toBe(1);
  expect(llama.encode('Claim', { bare: true })).toEqual(llama.encode('Claim').slice(1));
  expect(neox.encode('Claim')).toEqual(neox.encode('Claim', { bare: true }));
  expect(neox.encode('Claim')).not.toContain(neox.bosId);
});

describe('with files of its own', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tokenizer-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('lets add_bos_token overrule the template', () => {
    cpSync(join(fixtures, 'tokenizer-llama'), folder, { recursive: true });
    const config = { bos_token: { content: '<s>' }, add_bos_token: false };
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
    expect(loadTokenizer(folder).encode('Claim')[0]).not.toBe(1);
  });

  it('names a folder without tokenizer.json and says what to do', () => {
    expect(() => loadTokenizer(folder)).toThrow(
      `${folder}: the model folder has no tokenizer.json\n` +
        `  hint: copy the tokenizer.json of the model's repository into ${folder}`,
    );
  });

  it('names a damaged tokenizer.json', () => {
    writeFileSync(join(folder, 'tokenizer.json'), '{"model": ');
    expect(() => loadTokenizer(folder)).toThrow(/tokenizer\.json: is not JSON/);
    writeFileSync(join(folder, 'tokenizer.json'), '{"model": {"type": "None"}}');
    expect(() => loadTokenizer(folder)).toThrow(/tokenizer\.json: is no usable tokenizer/);
  });
});
