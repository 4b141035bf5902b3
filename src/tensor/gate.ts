/**
 * Adding an update through one learnt scalar: `h + gate · update`, with its gradients. Knows
 * nothing of where the update comes from.
 */
import { add, mul, type Scalar, sum, type Tensor2D } from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { allocateFloats, onHost, viewFloats } from './host.ts';

/** h and update (N, C), gate (). */
export function addGated(h: Tensor2D, gate: Scalar, update: Tensor2D): Tensor2D {
  return differentiable<Tensor2D>([h, gate, update], (save) => {
    save([gate, update]);
    return {
      value: onHost() ? addLoops(h, gate, update) : add(h, mul(update, gate)),
      gradients: (dy, [gate, update]) => [
        dy.clone(),
        onHost() ? dotLoops(dy, update as Tensor2D) : sum(mul(dy, update!)),
        onHost() ? scaleLoops(dy, gate as Scalar) : mul(dy, gate!),
      ],
    };
  });
}

function addLoops(h: Tensor2D, gate: Scalar, update: Tensor2D): Tensor2D {
  const result = allocateFloats<Tensor2D>(h.shape);
  const [to, base, change] = [viewFloats(result), viewFloats(h), viewFloats(update)];
  const factor = viewFloats(gate)[0]!;
  for (let at = 0; at < to.length; at++) to[at] = base[at]! + factor * change[at]!;
  return result;
}

function scaleLoops(x: Tensor2D, gate: Scalar): Tensor2D {
  const result = allocateFloats<Tensor2D>(x.shape);
  const [to, from] = [viewFloats(result), viewFloats(x)];
  const factor = viewFloats(gate)[0]!;
  for (let at = 0; at < to.length; at++) to[at] = factor * from[at]!;
  return result;
}

/** Σ a·b as a scalar, summed in double precision. */
function dotLoops(a: Tensor2D, b: Tensor2D): Scalar {
  const result = allocateFloats<Scalar>([]);
  const [to, left, right] = [viewFloats(result), viewFloats(a), viewFloats(b)];
  let total = 0;
  for (let at = 0; at < left.length; at++) total += left[at]! * right[at]!;
  to[0] = total;
  return result;
}
