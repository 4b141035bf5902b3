/**
 * How large one tensor may be: a GPU's driver limits the buffers that it makes and the part of one that
 * an operation may see. Knows no operation; what is larger has to be kept in pieces by whoever makes it.
 */
import { engine } from '@tensorflow/tfjs-core';

const limits = /* @__PURE__ */ new WeakMap<object, number>();

/** Sets the limit of a backend, in bytes. */
export function limitTensors(backend: object, bytes: number): void {
  limits.set(backend, bytes);
}

/** Bytes of the largest tensor on the backend that runs; unlimited as far as we know without a device. */
export function largestTensor(): number {
  return limits.get(engine().backend) ?? Number.POSITIVE_INFINITY;
}
