/**
 * Guards the wasm heap: TFJS does not look whether an allocation found room, and aborts the process
 * some time after the heap's end at 4 GiB was passed. Knows the allocator, and no operation.
 */
import { engine } from '@tensorflow/tfjs-core';

/** Below the end by what fragments cost, and scratch memory. */
export const HEAP_BYTES = 3.75 * 2 ** 30;

/** What tensors may take on the backend that runs; unlimited as far as we know where it isn't wasm. */
export function heapLimit(): number {
  return engine().backendName === 'wasm' ? HEAP_BYTES : Number.POSITIVE_INFINITY;
}

/** There is no room on the heap; nothing was allocated. */
export class HeapBudgetError extends Error {}

interface WasmBackend {
  readonly wasm: { _malloc: (bytes: number) => number; _free: (address: number) => void };
}

/** Makes every allocation of the backend fail with a HeapBudgetError before the budget is passed. */
export function guardHeap(backend: object, budgetBytes: number = HEAP_BYTES): void {
  const { wasm } = backend as WasmBackend;
  // At its first call the module puts another function in its own place, and in the guard's.
  wasm._free(wasm._malloc(16));
  const allocate = wasm._malloc;
  wasm._malloc = (bytes) => {
    const held = engine().state.numBytes;
    if (held + bytes > budgetBytes) throw new HeapBudgetError(messageOf(bytes, held, budgetBytes));
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) throw new HeapBudgetError(messageOf(bytes, held, budgetBytes));
    return address;
  };
}

function messageOf(bytes: number, held: number, budget: number): string {
  const [more, now, most] = [bytes, held, budget].map((value) => (value / 2 ** 30).toFixed(2));
  return (
    `the wasm backend holds ${now} GiB and would need ${more} GiB more, of ${most} at most: ` +
    'take a smaller batch or shorter texts, or a backend with a GPU'
  );
}
