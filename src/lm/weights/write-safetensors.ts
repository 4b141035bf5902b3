/**
 * Writes a safetensors file, the same bytes for the same tensors: header keys in the order given,
 * padded with blanks to 8 bytes as the format's own writer does. Knows no model.
 */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { encodeF16 } from './float-formats.ts';

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array;
  readonly dtype: 'F32' | 'F16';
}

/**
 * Replaces `path` only once all bytes are written. Does not flush them to the disk: that is refused to
 * a stage's process, and done by the engine when it takes the output into its store.
 */
export function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  metadata?: Readonly<Record<string, string>>,
): void {
  const header = headerOf(tensors, metadata);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const descriptor = openSync(temporary, 'w');
    try {
      writeAll(descriptor, header);
      for (const tensor of tensors) writeAll(descriptor, bytesOf(tensor));
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function headerOf(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> | undefined,
): Buffer {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const { name, shape, data, dtype } of tensors) {
    const elements = shape.reduce((product, extent) => product * extent, 1);
    if (elements !== data.length) {
      throw new Error(`tensor "${name}" is [${shape}] but has ${data.length} elements`);
    }
    if (name in header) throw new Error(`two tensors are called "${name}"`);
    const end = offset + elements * (dtype === 'F32' ? 4 : 2);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = Buffer.from(JSON.stringify(header), 'utf8');
  const padded = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  padded.writeBigUInt64LE(BigInt(padded.length - 8), 0);
  text.copy(padded, 8);
  return padded;
}

function bytesOf({ data, dtype }: NamedTensor): Uint8Array {
  const values = dtype === 'F32' ? data : encodeF16(data);
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(descriptor, bytes, done);
}
