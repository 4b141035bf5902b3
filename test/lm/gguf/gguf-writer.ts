/** Writes GGUF files byte by byte, so that tests can make them wrong in every way. */

export interface TensorSpec {
  readonly name: string;
  /** In the file's order: the fastest first. */
  readonly extents: readonly (number | bigint)[];
  readonly format: number;
  readonly offset: number | bigint;
}

export interface FileSpec {
  readonly magic?: string;
  readonly version?: number;
  readonly tensorCount?: number | bigint;
  readonly pairCount?: number | bigint;
  readonly pairs?: readonly Uint8Array[];
  readonly tensors?: readonly TensorSpec[];
  readonly data?: Uint8Array;
}

export function ggufFile(spec: FileSpec): Buffer {
  const { pairs = [], tensors = [], data = new Uint8Array(0) } = spec;
  const header = Buffer.concat([
    Buffer.from(spec.magic ?? 'GGUF', 'latin1'),
    u32(spec.version ?? 3),
    u64(spec.tensorCount ?? tensors.length),
    u64(spec.pairCount ?? pairs.length),
    ...pairs,
    ...tensors.map(tensorEntry),
  ]);
  const padding = Buffer.alloc((32 - (header.length % 32)) % 32);
  return Buffer.concat([header, padding, data]);
}

function tensorEntry({ name, extents, format, offset }: TensorSpec): Buffer {
  return Buffer.concat([
    text(name),
    u32(extents.length),
    ...extents.map(u64),
    u32(format),
    u64(offset),
  ]);
}

export function textPair(key: string, value: string): Buffer {
  return Buffer.concat([text(key), u32(8), text(value)]);
}

export function numberPair(key: string, value: number): Buffer {
  return Buffer.concat([text(key), u32(4), u32(value)]);
}

export function pairOfKind(key: string, kind: number, value: Uint8Array): Buffer {
  return Buffer.concat([text(key), u32(kind), value]);
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
