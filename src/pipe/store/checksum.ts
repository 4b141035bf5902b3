/**
 * CRC-32: against torn writes and flipped bits, not against an enemy. Loaded on every start.
 */

type Crc32 = (bytes: Uint8Array, start: number) => number;

let crc32: Crc32 | undefined;

export function checksum(bytes: Uint8Array): number {
  crc32 ??= quickCrc32() ?? process.getBuiltinModule('node:zlib').crc32;
  return crc32(bytes, 0);
}

/** "123456789": the check value that every description of CRC-32 gives. */
const SAMPLE = Buffer.from('313233343536373839', 'hex');
const SAMPLE_CRC = 0xcbf43926;

/**
 * The function below `zlib.crc32`, since loading Node's zlib takes longer than all the rest. It is
 * not public: used on Node 20 alone, and only if it knows the check value.
 */
function quickCrc32(): Crc32 | undefined {
  if (!process.versions.node.startsWith('20.')) return undefined;
  try {
    const { binding } = process as unknown as {
      binding?: (name: 'zlib') => { readonly crc32?: Crc32 };
    };
    const found = binding?.('zlib').crc32;
    return found?.(SAMPLE, 0) === SAMPLE_CRC ? found : undefined;
  } catch {
    return undefined; // refused, as under the permission model: the public way serves as well
  }
}
