/**
 * One way to write an operation with its gradient by hand: TFJS registers no gradients in Node, and
 * those it has are slow on wasm. Knows nothing of any operation.
 */
import { customGrad, type Tensor, tidy } from '@tensorflow/tfjs-core';

/** Keeps tensors of the forward pass for the backward pass. */
export type Save = (tensors: Tensor[]) => void;

export interface Evaluation<T extends Tensor> {
  readonly value: T;
  /** Gradients of the inputs, in their order, from the gradient of the value. */
  readonly gradients: (dy: T, saved: Tensor[]) => Tensor[];
}

/**
 * Evaluates an operation of `inputs` and records its gradient if one is asked for. What `evaluate`
 * allocates beside its value and what it saves is disposed; constants are simply closed over.
 */
export function differentiable<T extends Tensor>(
  inputs: readonly Tensor[],
  evaluate: (save: Save) => Evaluation<T>,
): T {
  const operation = customGrad<T>((...given) => {
    const save = given.at(-1) as unknown as Save;
    const { value, gradients } = evaluate(save);
    return { value, gradFunc: (dy: T, saved: Tensor[]) => tidy(() => gradients(dy, saved)) };
  });
  return operation(...inputs);
}
