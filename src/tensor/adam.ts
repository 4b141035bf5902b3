/**
 * Adam as PyTorch defines it, on plain arrays: the same arithmetic on every backend, and a state
 * that a checkpoint can hold bit for bit. Knows no tensor and no model.
 */
import assert from 'node:assert';

export interface AdamOptions {
  /** `adam` adds the decay to the gradient (L2); `adamw` shrinks the weights beside it. */
  readonly kind: 'adam' | 'adamw';
  readonly beta1: number;
  readonly beta2: number;
  /** Added outside of the square root. */
  readonly epsilon: number;
  readonly weightDecay: number;
  /** The gradients' common L2 norm is cut to this; Infinity leaves them alone. */
  readonly clipNorm: number;
}

export interface Parameter {
  readonly name: string;
  /** Updated in place. */
  readonly values: Float32Array;
  readonly decays: boolean;
}

/** First and second moments, one array a parameter, and the number of steps taken. */
export interface AdamState {
  step: number;
  readonly first: readonly Float32Array[];
  readonly second: readonly Float32Array[];
}

export function freshAdamState(parameters: readonly Parameter[]): AdamState {
  const zeros = (): Float32Array[] =>
    parameters.map((item) => new Float32Array(item.values.length));
  return { step: 0, first: zeros(), second: zeros() };
}

/** √Σg² over all arrays. */
export function globalNorm(gradients: readonly Float32Array[]): number {
  let sum = 0;
  for (const gradient of gradients) {
    for (let at = 0; at < gradient.length; at++) sum += gradient[at]! * gradient[at]!;
  }
  return Math.sqrt(sum);
}

/**
 * One update of all parameters in place. `gradients` are in the parameters' order and shapes.
 * Returns the gradients' norm before clipping. Source: torch.optim.Adam, torch.optim.AdamW and
 * torch.nn.utils.clip_grad_norm_ (whose 1e-6 is kept).
 */
export function adamStep(
  parameters: readonly Parameter[],
  gradients: readonly Float32Array[],
  state: AdamState,
  options: AdamOptions & { readonly learningRate: number },
): number {
  assert.equal(gradients.length, parameters.length);
  const norm = globalNorm(gradients);
  const scale = Math.min(1, options.clipNorm / (norm + 1e-6));
  state.step += 1;
  parameters.forEach((parameter, index) => {
    const gradient = gradients[index]!;
    assert.equal(gradient.length, parameter.values.length, parameter.name);
    updateOne(
      parameter,
      { gradient, first: state.first[index]!, second: state.second[index]! },
      {
        ...options,
        scale,
        step: state.step,
      },
    );
  });
  return norm;
}

function updateOne(
  { values, decays }: Parameter,
  { gradient, first, second }: Record<'gradient' | 'first' | 'second', Float32Array>,
  options: AdamOptions & { learningRate: number; scale: number; step: number },
): void {
  const { beta1, beta2, epsilon, learningRate, scale } = options;
  const decay = decays ? options.weightDecay : 0;
  const intoGradient = options.kind === 'adam' ? decay : 0;
  const kept = options.kind === 'adamw' ? 1 - learningRate * decay : 1;
  const stepSize = learningRate / (1 - beta1 ** options.step);
  const rootCorrection = Math.sqrt(1 - beta2 ** options.step);
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    const g = gradient[at]! * scale + intoGradient * value;
    const m = beta1 * first[at]! + (1 - beta1) * g;
    const v = beta2 * second[at]! + (1 - beta2) * g * g;
    first[at] = m;
    second[at] = v;
    values[at] = value * kept - (stepSize * m) / (Math.sqrt(v) / rootCorrection + epsilon);
  }
}
