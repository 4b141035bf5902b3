/**
 * Steps of gradient descent on TFJS variables: gradients by autodiff, the update by `adam.ts`.
 * Knows no model, no data and no schedule.
 */
import assert from 'node:assert';
import { type Scalar, tensor, tidy, type Variable, variableGrads } from '@tensorflow/tfjs-core';
import {
  type AdamOptions,
  type AdamState,
  adamStep,
  freshAdamState,
  globalNorm,
  type Parameter,
} from './adam.ts';

export interface TrainedVariable {
  /** Unique among the optimizer's variables. */
  readonly name: string;
  readonly variable: Variable;
  readonly decays: boolean;
}

export interface StepResult {
  readonly loss: number;
  /** Before clipping. */
  readonly gradNorm: number;
}

/** The loss or a gradient is NaN or infinite; the variables are as they were before the step. */
export class NotFiniteError extends Error {
  readonly loss: number;
  readonly gradNorm: number;
  constructor(loss: number, gradNorm: number) {
    super(`the loss is ${loss} and the gradient's norm ${gradNorm}`);
    this.name = 'NotFiniteError';
    this.loss = loss;
    this.gradNorm = gradNorm;
  }
}

/** A part of a step's loss, such as that of a micro-batch. */
export interface LossPart {
  /** Its share of the whole; all shares of a step sum to 1. */
  readonly weight: number;
  readonly lossOf: () => Scalar;
}

export interface Optimizer {
  /** One update from the gradient of `lossOf()`, a mean over the batch. Throws NotFiniteError. */
  step(lossOf: () => Scalar, learningRate: number): Promise<StepResult>;
  /** One update from the gradient of the weighted sum; only one part's tensors are held at a time. */
  stepOver(parts: readonly LossPart[], learningRate: number): Promise<StepResult>;
  /** The trained values, in the order of the variables; not to be changed. */
  values(): readonly Float32Array[];
  setValues(values: readonly Float32Array[]): void;
  /** Values and moments, in an order that `restore` knows. */
  arrays(): readonly Float32Array[];
  /** Continues from what `arrays` gave after `steps` updates. */
  restore(arrays: readonly Float32Array[], steps: number): void;
}

/** Reads the variables' values once; they stay the caller's to dispose of. */
export async function createOptimizer(
  trained: readonly TrainedVariable[],
  options: AdamOptions,
): Promise<Optimizer> {
  const parameters: Parameter[] = await Promise.all(
    trained.map(async ({ name, variable, decays }) => ({
      name,
      decays,
      values: (await variable.data()).slice() as Float32Array,
    })),
  );
  const state = freshAdamState(parameters);
  const stepOver = (parts: readonly LossPart[], learningRate: number) =>
    descend({ trained, parameters, state, options: { ...options, learningRate }, parts });
  return {
    step: (lossOf, learningRate) => stepOver([{ weight: 1, lossOf }], learningRate),
    stepOver,
    values: () => parameters.map((item) => item.values),
    setValues(values) {
      parameters.forEach((item, index) => {
        item.values.set(values[index]!);
      });
      assign(trained, parameters);
    },
    arrays: () => [...parameters.map((item) => item.values), ...state.first, ...state.second],
    restore(arrays, steps) {
      const targets = [...parameters.map((item) => item.values), ...state.first, ...state.second];
      assert.equal(arrays.length, targets.length, 'the checkpoint is of another training');
      targets.forEach((target, index) => {
        target.set(arrays[index]!);
      });
      state.step = steps;
      assign(trained, parameters);
    },
  };
}

async function descend(run: {
  trained: readonly TrainedVariable[];
  parameters: readonly Parameter[];
  state: AdamState;
  options: AdamOptions & { learningRate: number };
  parts: readonly LossPart[];
}): Promise<StepResult> {
  const { loss, gradients } = await accumulate(run.trained, run.parts);
  const norm = globalNorm(gradients);
  if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw new NotFiniteError(loss, norm);
  adamStep(run.parameters, gradients, run.state, run.options);
  assign(run.trained, run.parameters);
  return { loss, gradNorm: norm };
}

/** The weighted sum of the parts' losses and gradients; a single part's are left as they are. */
export async function accumulate(
  trained: readonly TrainedVariable[],
  parts: readonly LossPart[],
): Promise<{ loss: number; gradients: Float32Array[] }> {
  const [first, ...others] = parts;
  assert(first, 'a step needs a loss');
  const sum = await lossAndGradients(trained, first.lossOf);
  if (others.length === 0) return sum;
  sum.loss *= first.weight;
  sum.gradients = sum.gradients.map((gradient) => gradient.map((g) => g * first.weight));
  for (const { weight, lossOf } of others) {
    const { loss, gradients } = await lossAndGradients(trained, lossOf);
    sum.loss += weight * loss;
    gradients.forEach((gradient, index) => {
      const total = sum.gradients[index]!;
      for (let at = 0; at < total.length; at++) total[at]! += weight * gradient[at]!;
    });
  }
  return sum;
}

/** The loss and its gradients in the variables' order, as arrays; leaves no tensor behind. */
export async function lossAndGradients(
  trained: readonly TrainedVariable[],
  lossOf: () => Scalar,
): Promise<{ loss: number; gradients: Float32Array[] }> {
  const variables = trained.map((item) => item.variable);
  const { value, grads } = tidy(() => variableGrads(lossOf, variables));
  const tensors = variables.map((variable) => grads[variable.name]!);
  try {
    const [loss] = await value.data();
    const gradients = await Promise.all(tensors.map((item) => item.data()));
    return { loss: loss!, gradients: gradients as Float32Array[] };
  } finally {
    value.dispose();
    for (const item of tensors) item.dispose();
  }
}

function assign(trained: readonly TrainedVariable[], parameters: readonly Parameter[]): void {
  trained.forEach(({ variable }, index) => {
    const values = tensor(parameters[index]!.values.slice(), variable.shape, 'float32');
    variable.assign(values);
    values.dispose();
  });
}
