import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { modelAmong } from '../../src/lm/model-place.ts';
import { sourceKind } from '../../src/pipe/graph/source.ts';
import { expandSources } from '../../src/pipe/run/source-files.ts';

const among = (...names: string[]) =>
  modelAmong(
    '/m',
    names.map((name) => ({ name, path: `/m/${name}` })),
  );

it('finds the folder, or the only GGUF file', () => {
  expect(among('config.json', 'model.safetensors')).toBe('/m');
  expect(among('config.json', 'model.gguf')).toBe('/m');
  expect(among('README.md', 'model.gguf')).toBe('/m/model.gguf');
  expect(among('README.md')).toBe('/m');
  expect(() => among('a.gguf', 'b.gguf')).toThrow('holds several GGUF files: a.gguf, b.gguf');
});

it('lets `${path}/*` mean a model that is one file', async () => {
  const root = mkdtempSync(join(tmpdir(), 'place-'));
  try {
    const file = join(root, 'model.gguf');
    writeFileSync(file, 'GGUF');
    expect(sourceKind(root, 'model.gguf/*')).toBe('glob');
    expect(sourceKind(root, 'other.gguf/*')).toBe('missing');
    expect(await expandSources(root, ['model.gguf/*'])).toMatchObject({
      base: root,
      files: [{ path: file, name: 'model.gguf' }],
      missing: [],
    });
  } finally {
    rmSync(root, { recursive: true });
  }
});
