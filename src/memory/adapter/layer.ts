/**
 * One memory layer: `h + gate · LayerNorm(down(GELU(up(h))))`, added to a block's output. Knows no
 * block, no optimizer and no file.
 */
import assert from 'node:assert';
import {
  type Scalar,
  scalar,
  type Tensor1D,
  type Tensor2D,
  tensor,
  tidy,
  type Variable,
  variable,
} from '@tensorflow/tfjs-core';
import { addGated } from '../../tensor/gate.ts';
import { gelu } from '../../tensor/gelu.ts';
import { applyLinear } from '../../tensor/linear.ts';
import { applyNorm } from '../../tensor/norm.ts';
import { type Rng, seededRng } from '../../tensor/rng.ts';
import type { AdapterConfig } from './config.ts';

/** A layer's parameters by name, as a file holds them: linear weights are (out, in) as in PyTorch. */
export type LayerValues = ReadonlyMap<string, { shape: number[]; data: Float32Array }>;

export interface MemoryLayer {
  readonly config: AdapterConfig;
  /** In a fixed order; linear weights are (in, out) here, ready for `x · W`. */
  readonly variables: ReadonlyMap<string, Variable>;
  /** Maps h (N, C) to (N, C), with gradients of h and of the variables. */
  readonly apply: (h: Tensor2D) => Tensor2D;
  dispose(): void;
}

/** Each parameter's shape, PyTorch's way, in a fixed order: 259 C + 129 floats at the note's size. */
export function layerShapes({ width, hidden, norm }: AdapterConfig): Map<string, number[]> {
  const normShapes: [string, number[]][] = [
    ['norm.weight', [width]],
    ['norm.bias', [width]],
  ];
  return new Map<string, number[]>([
    ['up.weight', [hidden, width]],
    ['up.bias', [hidden]],
    ['down.weight', [width, hidden]],
    ['down.bias', [width]],
    ...(norm ? normShapes : []),
    ['gate', []],
  ]);
}

/** Starting values as `nn.Linear` draws them: uniform within ±1/√fan-in, weights and biases alike. */
export function initialValues(config: AdapterConfig, seed: number, purpose: string): LayerValues {
  const rng = seededRng(seed, purpose);
  const values = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, shape] of layerShapes(config)) {
    values.set(name, { shape, data: initial(name, shape, { config, rng }) });
  }
  return values;
}

function initial(
  name: string,
  shape: readonly number[],
  { config, rng }: { config: AdapterConfig; rng: Rng },
): Float32Array {
  const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
  if (name === 'gate') return data.fill(config.gateInit);
  if (name.startsWith('norm.')) return data.fill(name === 'norm.weight' ? 1 : 0);
  const bound = 1 / Math.sqrt(name.startsWith('up.') ? config.width : config.hidden);
  return data.map(() => (2 * rng.uniform() - 1) * bound);
}

/** Puts a layer on the backend. `values` must have the shapes of `layerShapes`. */
export function createLayer(config: AdapterConfig, values: LayerValues): MemoryLayer {
  const variables = new Map<string, Variable>();
  for (const [name, shape] of layerShapes(config)) {
    const given = values.get(name);
    assert.deepEqual(given?.shape, shape, `shape of ${name}`);
    variables.set(name, variableOf(given!));
  }
  return {
    config,
    variables,
    apply: (h) => applyLayer(config, variables, h),
    dispose: () => {
      for (const item of variables.values()) item.dispose();
    },
  };
}

/** The layer's present values, PyTorch's way. */
export async function layerValues({ config, variables }: MemoryLayer): Promise<LayerValues> {
  const values = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, shape] of layerShapes(config)) {
    const data = (await variables.get(name)!.data()).slice() as Float32Array;
    values.set(name, {
      shape,
      data: shape.length === 2 ? transposedValues(data, shape[1]!) : data,
    });
  }
  return values;
}

function applyLayer(
  config: AdapterConfig,
  variables: ReadonlyMap<string, Variable>,
  h: Tensor2D, // (N, C)
): Tensor2D {
  const get = <T>(name: string): T => variables.get(name) as unknown as T;
  const linear = (name: string, x: Tensor2D): Tensor2D =>
    applyLinear({ weight: get(`${name}.weight`), bias: get(`${name}.bias`), trainable: true }, x);
  return tidy(() => {
    const inner = gelu(linear('up', h)); // (N, hidden)
    const update = linear('down', inner); // (N, C)
    const normed = config.norm
      ? applyNorm(
          {
            scale: get<Tensor1D>('norm.weight'),
            shift: get<Tensor1D>('norm.bias'),
            epsilon: config.normEps,
            trainable: true,
          },
          update,
        )
      : update;
    return addGated(h, get<Scalar>('gate'), normed); // (N, C)
  });
}

function variableOf({ shape, data }: { shape: number[]; data: Float32Array }): Variable {
  return tidy(() => {
    if (shape.length === 0) return variable(scalar(data[0]!, 'float32'), true);
    if (shape.length === 1) return variable(tensor(data.slice(), shape, 'float32'), true);
    const [rows, columns] = shape as [number, number];
    return variable(
      tensor(transposedValues(data, rows, columns), [columns, rows], 'float32'),
      true,
    );
  });
}

/** The transpose of `data` (rows, columns). */
function transposedValues(
  data: Float32Array,
  rows: number,
  columns = data.length / rows,
): Float32Array {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = data[row * columns + column]!;
    }
  }
  return result;
}
