import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ModelFileError } from '../../src/lm/model-file-error.ts';
import { decodeBF16, decodeF16, encodeF16 } from '../../src/lm/weights/float-formats.ts';
import { ParameterLoader } from '../../src/lm/weights/parameters.ts';
import { openWeights } from '../../src/lm/weights/safetensors.ts';
import { writeSafetensors } from '../../src/lm/weights/write-safetensors.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weights-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = (): string => join(folder, 'model.safetensors');

/** A file of this header and this many bytes of data. */
function writeRaw(header: unknown, dataBytes: number): void {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path(), Buffer.concat([length, text, Buffer.alloc(dataBytes)]));
}

function refusal(run: () => unknown): ModelFileError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ModelFileError);
    return error as ModelFileError;
  }
  throw new Error('was accepted');
}

const floats = (dtype: string, from: number, to: number, shape: number[]) => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

describe('reading what was written', () => {
  it('gives every float32 back, and its shape', () => {
    fc.assert(
      fc.property(fc.array(fc.float32Array({ maxLength: 20 }), { maxLength: 5 }), (arrays) => {
        const tensors = arrays.map((data, i) => {
          return { name: `t${i}`, shape: [data.length], data, dtype: 'F32' as const };
        });
        writeSafetensors(path(), tensors, { format: 'pt' });
        const source = openWeights(folder);
        expect(source.names()).toEqual(tensors.map(({ name }) => name));
        for (const { name, shape, data } of tensors) {
          expect(source.shape(name)).toEqual(shape);
          expect(source.read(name)).toEqual(data);
        }
      }),
    );
  });

  it('writes the same bytes for the same tensors', () => {
    const tensors = [
      { name: 'a', shape: [2, 1], data: Float32Array.of(1, 2), dtype: 'F16' as const },
      { name: 'b', shape: [1], data: Float32Array.of(3), dtype: 'F32' as const },
    ];
    writeSafetensors(path(), tensors);
    const first = readFileSync(path());
    writeSafetensors(path(), tensors);
    expect(readFileSync(path())).toEqual(first);
    expect(openWeights(folder).read('a')).toEqual(Float32Array.of(1, 2));
  });

  it('refuses to write a tensor whose shape lies, and leaves no file', () => {
    const tensors = [{ name: 'a', shape: [3], data: new Float32Array(2), dtype: 'F32' as const }];
    expect(() => writeSafetensors(path(), tensors)).toThrow('is [3] but has 2 elements');
    expect(() => readFileSync(path())).toThrow('ENOENT');
  });
});

describe('16-bit floats', () => {
  it('decodes every half, and encodes it to itself', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const values = decodeF16(halves);
    const again = encodeF16(values);
    for (let i = 0; i < 65536; i++) {
      if (!Number.isNaN(values[i]!)) expect(again[i]).toBe(i);
    }
    expect(values[0x3c00]).toBe(1);
    expect(values[0x0001]).toBe(2 ** -24);
    expect(values[0x7bff]).toBe(65504);
    expect(values[0xfc00]).toBe(-Infinity);
    expect(values[0x7e00]).toBeNaN();
  });

  it('rounds to the nearest half, ties to even', () => {
    const inputs = [
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      1 + 2 ** -11 + 2 ** -20,
      65519.99,
      65520,
      2 ** -25,
    ];
    const expected = [1, 1 + 2 ** -9, 1 + 2 ** -10, 65504, Infinity, 0];
    expect([...decodeF16(encodeF16(Float32Array.from(inputs)))]).toEqual(expected);
  });

  it('reads bfloat16 as the upper half of a float32', () => {
    expect([...decodeBF16(Uint16Array.of(0x3f80, 0xc049, 0x0000))]).toEqual([1, -3.140625, 0]);
  });
});

describe('a damaged file is refused, by name', () => {
  const cases: [string, () => void, string][] = [
    ['an empty file', () => writeFileSync(path(), ''), 'is truncated: only 0 bytes long'],
    [
      'a header length of exabytes',
      () => writeFileSync(path(), Buffer.alloc(16, 255)),
      'claims a header of 18446744073709551615 bytes',
    ],
    [
      'a header that ends after the file',
      () => {
        const bytes = Buffer.alloc(20);
        bytes.writeBigUInt64LE(100n);
        writeFileSync(path(), bytes);
      },
      'is truncated: its header would end at byte 108 of 20',
    ],
    ['a header that is no JSON', () => writeRaw('{"a":', 0), 'has a header that is not JSON'],
    ['a header that is a list', () => writeRaw([], 0), 'has a header that is no JSON object'],
    [
      'a tensor beyond the end',
      () => writeRaw({ a: floats('F32', 0, 4e12, [1e12]) }, 8),
      'is truncated: tensor "a" ends at byte',
    ],
    [
      'a shape that does not fit its bytes',
      () => writeRaw({ a: floats('F32', 0, 8, [3]) }, 8),
      'tensor "a" is F32 [3], 12 bytes, but spans 8',
    ],
    [
      'overlapping tensors',
      () => writeRaw({ a: floats('F32', 0, 8, [2]), b: floats('F32', 4, 12, [2]) }, 12),
      'tensor "b" overlaps the tensor before it',
    ],
    [
      'a hole',
      () => writeRaw({ a: floats('F32', 0, 4, [1]), b: floats('F32', 8, 12, [1]) }, 12),
      'tensor "b" leaves a hole before it',
    ],
    [
      'surplus bytes',
      () => writeRaw({ a: floats('F32', 0, 4, [1]) }, 7),
      'has 3 bytes after its last tensor',
    ],
    [
      'negative offsets',
      () => writeRaw({ a: floats('F32', -4, 0, [1]) }, 4),
      'tensor "a" has the offsets [-4,0]',
    ],
    [
      'a shape that is no list',
      () => writeRaw({ a: { dtype: 'F32', shape: '1', data_offsets: [0, 4] } }, 4),
      'tensor "a" has the shape "1"',
    ],
    ['a missing entry', () => writeRaw({ a: null }, 0), 'tensor "a" has no dtype'],
  ];
  it.each(cases)('%s', (_what, write, message) => {
    write();
    const error = refusal(() => openWeights(folder));
    expect(error.message).toContain(message);
    expect(error.file).toBe(path());
  });

  it('an unsupported dtype, once that tensor is read', () => {
    writeRaw({ a: floats('I64', 0, 8, [1]) }, 8);
    const error = refusal(() => openWeights(folder).read('a'));
    expect(error.message).toContain('tensor "a" is I64');
    expect(error.hint).toBe('supported are F32, F16 and BF16');
  });

  it('any truncation of a good file', () => {
    const data = Float32Array.of(1, 2, 3);
    writeSafetensors(path(), [{ name: 'a', shape: [3], data, dtype: 'F32' }]);
    const whole = readFileSync(path());
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path(), whole.subarray(0, length));
      expect(refusal(() => openWeights(folder)).file).toBe(path());
    }
  });

  it('a folder without weights', () => {
    const error = refusal(() => openWeights(folder));
    expect(error.message).toContain('holds neither model.safetensors nor');
    expect(error.file).toBe(folder);
  });

  it('a tensor that is not there', () => {
    writeSafetensors(path(), []);
    expect(refusal(() => openWeights(folder).read('x')).message).toContain('has no tensor "x"');
  });
});

it.each([NaN, Infinity])('names the tensor and the element that is %s', (wrong) => {
  const data = Float32Array.of(1, 2, wrong);
  writeSafetensors(path(), [{ name: 'a', shape: [3], data, dtype: 'F32' }]);
  const loader = new ParameterLoader(folder, openWeights(folder), false);
  const error = refusal(() => loader.readShaped('a', [3]));
  expect(error.message).toContain(`tensor "a" holds ${wrong} (element 2 of 3)`);
  expect(error.file).toBe(path());
});

describe('shards', () => {
  const index = (map: Record<string, string>): void => {
    const text = JSON.stringify({ weight_map: map });
    writeFileSync(join(folder, 'model.safetensors.index.json'), text);
  };
  const shard = (file: string, name: string): void => {
    const tensor = { name, shape: [1], data: Float32Array.of(5), dtype: 'F32' as const };
    writeSafetensors(join(folder, file), [tensor]);
  };

  it('are read as one', () => {
    shard('one.safetensors', 'a');
    shard('two.safetensors', 'b');
    index({ a: 'one.safetensors', b: 'two.safetensors' });
    const source = openWeights(folder);
    expect(source.names()).toEqual(['a', 'b']);
    expect(source.fileOf('b')).toBe(join(folder, 'two.safetensors'));
    expect([...source.read('b')]).toEqual([5]);
  });

  it('must all be there', () => {
    shard('one.safetensors', 'a');
    index({ a: 'one.safetensors', b: 'two.safetensors' });
    const error = refusal(() => openWeights(folder));
    expect(error.file).toBe(join(folder, 'two.safetensors'));
    expect(error.message).toContain('cannot be opened (ENOENT)');
  });

  it('must hold what the index says', () => {
    shard('one.safetensors', 'a');
    index({ z: 'one.safetensors' });
    expect(refusal(() => openWeights(folder)).message).toContain('places "z" in one.safetensors');
  });

  it('may not lie outside of the folder', () => {
    mkdirSync(join(folder, 'sub'));
    index({ a: '../one.safetensors' });
    expect(refusal(() => openWeights(folder)).message).toContain('no file name');
  });
});
