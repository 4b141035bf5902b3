/**
 * TensorBoard's event files: scalars over steps, as TFRecords of `Event` messages (tensorflow's
 * core/util/event.proto and core/framework/summary.proto). Knows no training.
 *
 * An event's `wall_time` is its step in seconds since 1970 and not the time of day: the same training
 * must give the same bytes. So TensorBoard's axes STEP and RELATIVE both count steps.
 */
import { crc32c } from './crc32c.ts';

export interface ScalarEvent {
  readonly step: number;
  /** By tag, such as `loss`. */
  readonly values: Readonly<Record<string, number>>;
}

/** TensorBoard only reads files whose names hold `tfevents`. */
export const EVENT_FILE = 'events.out.tfevents.0.pipe';

export function encodeEventFile(events: readonly ScalarEvent[]): Uint8Array {
  const version = Buffer.concat([double(1, 0), text(3, 'brain.Event:2')]);
  return Buffer.concat([record(version), ...events.map((event) => record(eventMessage(event)))]);
}

function eventMessage({ step, values }: ScalarEvent): Buffer {
  const scalars = Object.entries(values).map(([tag, value]) =>
    bytes(1, Buffer.concat([text(1, tag), float(2, value)])),
  );
  return Buffer.concat([double(1, step), whole(2, step), bytes(5, Buffer.concat(scalars))]);
}

/** Length (8 bytes), its checksum, the data, its checksum; all little-endian. */
function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, checksum(length), data, checksum(data)]);
}

/** TFRecord stores checksums masked, so that data which holds checksums itself does no harm. */
function checksum(data: Buffer): Buffer {
  const crc = crc32c(data);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  const result = Buffer.alloc(4);
  result.writeUInt32LE(masked);
  return result;
}

// --- Protocol buffers: each field is its number and wire type, then its value ---

const VARINT = 0;
const EIGHT_BYTES = 1;
const COUNTED = 2;
const FOUR_BYTES = 5;

function double(field: number, value: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeDoubleLE(value);
  return Buffer.concat([key(field, EIGHT_BYTES), body]);
}

function float(field: number, value: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeFloatLE(value);
  return Buffer.concat([key(field, FOUR_BYTES), body]);
}

function whole(field: number, value: number): Buffer {
  return Buffer.concat([key(field, VARINT), varint(value)]);
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function bytes(field: number, body: Buffer): Buffer {
  return Buffer.concat([key(field, COUNTED), varint(body.length), body]);
}

function key(field: number, wireType: number): Buffer {
  return varint(field * 8 + wireType);
}

/** Seven bits a byte, lowest first; the top bit says that more follow. */
function varint(value: number): Buffer {
  const result: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) result.push((rest % 128) + 128);
  return Buffer.from([...result, rest]);
}
