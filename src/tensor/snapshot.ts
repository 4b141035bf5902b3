/**
 * Named arrays and a JSON value as one byte string, bit for bit: what a checkpoint of a training
 * holds. Knows no file and no store.
 *
 * Layout: 4 bytes length of the JSON head (little-endian), the head, padding to 4, the arrays.
 */

export interface Snapshot<Meta> {
  readonly meta: Meta;
  readonly arrays: readonly Float32Array[];
}

export function encodeSnapshot<Meta>({ meta, arrays }: Snapshot<Meta>): Uint8Array {
  const head = Buffer.from(JSON.stringify({ meta, lengths: arrays.map((array) => array.length) }));
  const start = bodyStart(head.length);
  const floats = arrays.reduce((sum, array) => sum + array.length, 0);
  const bytes = new Uint8Array(start + 4 * floats);
  new DataView(bytes.buffer).setUint32(0, head.length, true);
  bytes.set(head, 4);
  let at = start;
  for (const array of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += array.byteLength;
  }
  return bytes;
}

/** The inverse of `encodeSnapshot`. Throws a RangeError when the bytes are not a whole snapshot. */
export function decodeSnapshot<Meta>(bytes: Uint8Array): Snapshot<Meta> {
  const headLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(Buffer.from(bytes.subarray(4, 4 + headLength)).toString()) as {
    meta: Meta;
    lengths: number[];
  };
  let at = bodyStart(headLength);
  const arrays = head.lengths.map((length) => {
    // A copy, because floats need an aligned start; `slice` of a Buffer would be none.
    const part = new Uint8Array(bytes.subarray(at, at + 4 * length));
    if (part.length !== 4 * length) throw new RangeError('the snapshot is cut off');
    at += 4 * length;
    return new Float32Array(part.buffer);
  });
  return { meta: head.meta, arrays };
}

function bodyStart(headLength: number): number {
  return 4 + Math.ceil(headLength / 4) * 4;
}
