/** TensorBoard's event file, read back by a reader that shares no code with the writer. */
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../src/memory/crc32c.ts';
import { encodeEventFile } from '../../src/memory/event-file.ts';

describe('crc32c', () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
  it.each([
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
    [Buffer.from('123456789'), 0xe3069283],
    [new Uint8Array(0), 0],
  ])('of %s', (data, expected) => {
    expect(crc32c(data)).toBe(expected);
  });
});

describe('an event file', () => {
  const events = [
    { step: 0, values: { loss: 2.5, learning_rate: 1e-3 } },
    { step: 300, values: { loss: -0.125, epoch_loss: Number.NaN } },
    { step: 2 ** 40 + 1, values: {} },
  ];

  it('holds its version, then each step with its scalars', () => {
    const [version, ...read] = readRecords(Buffer.from(encodeEventFile(events))).map(readEvent);
    expect(version).toEqual({ wallTime: 0, step: 0, version: 'brain.Event:2', values: [] });
    expect(read.map(({ step, wallTime }) => [step, wallTime])).toEqual([
      [0, 0],
      [300, 300],
      [2 ** 40 + 1, 2 ** 40 + 1],
    ]);
    expect(read.map(({ values }) => values)).toEqual([
      [
        ['loss', 2.5],
        ['learning_rate', Math.fround(1e-3)],
      ],
      [
        ['loss', -0.125],
        ['epoch_loss', Number.NaN],
      ],
      [],
    ]);
  });

  it('has the same bytes each time', () => {
    expect(encodeEventFile(events)).toEqual(encodeEventFile(events));
  });
});

/** Frames of length, masked checksum, data, masked checksum. */
function readRecords(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  let at = 0;
  while (at < file.length) {
    const length = Number(file.readBigUInt64LE(at));
    expect(file.readUInt32LE(at + 8)).toBe(maskedCrc(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length)).toBe(maskedCrc(data));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** Bit by bit, in big integers: slow, and nothing like the table of the writer. */
function maskedCrc(data: Buffer): number {
  let crc = 0xffffffffn;
  for (const byte of data) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc % 2n ? (crc / 2n) ^ 0x82f63b78n : crc / 2n;
  }
  const plain = crc ^ 0xffffffffn;
  return Number((plain / 2n ** 15n + plain * 2n ** 17n + 0xa282ead8n) % 2n ** 32n);
}

type Field = readonly [number: number, value: bigint | Buffer];

function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value += BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return message.subarray(at - length, at);
  };
  /** By wire type. */
  const readers: Record<number, () => bigint | Buffer> = {
    0: varint,
    1: () => take(8),
    2: () => take(Number(varint())),
    5: () => take(4),
  };
  while (at < message.length) {
    const key = Number(varint());
    fields.push([key >> 3, readers[key & 7]!()]);
  }
  return fields;
}

function readEvent(message: Buffer) {
  const fields = fieldsOf(message);
  const find = (number: number) => fields.find(([field]) => field === number)?.[1];
  const summary = fieldsOf((find(5) as Buffer | undefined) ?? Buffer.alloc(0));
  return {
    wallTime: (find(1) as Buffer).readDoubleLE(),
    step: Number((find(2) as bigint | undefined) ?? 0n),
    ...(find(3) ? { version: String(find(3)) } : {}),
    values: summary.map(([, value]) => {
      const [tag, simple] = fieldsOf(value as Buffer);
      expect([tag![0], simple![0]]).toEqual([1, 2]);
      return [String(tag![1]), (simple![1] as Buffer).readFloatLE()];
    }),
  };
}
