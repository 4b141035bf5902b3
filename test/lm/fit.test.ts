/** What fits where: the arithmetic against published sizes, against loaded models, and against the docs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fits, fitTable, NOTE_MODELS, needsOf, PLACES } from '../../src/lm/fit.ts';
import { blockBytes, headParameters, modelParameters } from '../../src/lm/footprint.ts';
import { memoryBlocks } from '../../src/memory/blocks.ts';

const GIB = 2 ** 30;
const configOf = (name: string) => NOTE_MODELS.find((model) => model.name === name)!.config;
const load = { tokens: 1024, length: 256 };

// As their model cards state them.
it.each([
  ['Pythia 70m', 70_426_624],
  ['Pythia 160m', 162_322_944],
  ['Pythia 410m', 405_334_016],
  ['Pythia 1b', 1_011_781_632],
  ['Pythia 1.4b', 1_414_647_808],
  ['Pythia 2.8b', 2_775_208_960],
  ['Pythia 6.9b', 6_857_302_016],
  ['Pythia 12b', 11_846_072_320],
  ['Llama 2 7b', 6_738_415_616],
  ['Llama 2 13b', 13_015_864_320],
])('%s has %i parameters', (name, parameters) => {
  expect(modelParameters(configOf(name))).toBe(parameters);
});

describe('needs', () => {
  it('streams one block to encode, holds the top and the head to train, everything to evaluate', () => {
    const config = configOf('Llama 2 13b');
    const from = memoryBlocks(config.layers).from;
    const { encode, train, evaluate } = needsOf(config, { from, ...load });
    const [block, head] = [blockBytes(config, 0, 1), 4 * headParameters(config)];
    const passing = encode.backend - block;
    expect(passing).toBeGreaterThan(0);
    expect(passing).toBeLessThan(0.5 * GIB);
    expect(train.backend).toBe(12 * (block + passing) + head);
    expect(evaluate.backend).toBe(40 * block + head + passing);
    // What a run of `encode` at this shape may take in all: see docs/decisions/numerics-memory.md.
    expect(encode.backend + encode.process).toBeLessThan(4 * GIB);
  });

  it('asks for less below a later memory', () => {
    const config = configOf('Pythia 410m');
    const early = needsOf(config, { from: 4, ...load }).train.backend;
    expect(needsOf(config, { from: 16, ...load }).train.backend).toBeLessThan(early);
  });
});

describe('fits', () => {
  const [small, , ram] = PLACES as [(typeof PLACES)[0], (typeof PLACES)[0], (typeof PLACES)[0]];
  it('counts tensors of the wasm heap among the memory of the process', () => {
    const full = { backend: ram.backendBytes, process: ram.processBytes - ram.backendBytes };
    expect(fits(full, ram)).toBe(true);
    expect(fits({ ...full, process: full.process + 1 }, ram)).toBe(false);
    expect(fits({ backend: full.backend + 1, process: 0 }, ram)).toBe(false);
  });
  it('counts those of a GPU by themselves', () => {
    expect(fits({ backend: small.backendBytes, process: small.processBytes }, small)).toBe(true);
    expect(fits({ backend: small.backendBytes + 1, process: 0 }, small)).toBe(false);
  });
});

it('is what docs/what-fits.md says', () => {
  const file = join(import.meta.dirname, '..', '..', 'docs', 'what-fits.md');
  const written = /<!-- table -->\n([\s\S]*)\n<!-- end -->/.exec(readFileSync(file, 'utf8'))?.[1];
  const table = fitTable((layers) => memoryBlocks(layers).from);
  expect(written, 'run node tools/write-what-fits.mjs').toBe(table);
});
