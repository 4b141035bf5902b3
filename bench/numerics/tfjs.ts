/**
 * The training step of `own.ts` as TFJS's users write it: TFJS's operations, its wasm backend and its
 * own autograd, on the same weights. Two ways: `naive` runs the whole model at every step and masks
 * the loss of all positions; `cached` is given the states below the first memory, and only the
 * supervised positions reach the head. Shares no code with the product.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

interface Shape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly rotaryShare: number;
  readonly vocab: number;
}
interface Text {
  readonly ids: number[];
  readonly supervisedFrom: number;
}
interface Job {
  readonly shape: Shape;
  readonly folder: string;
  readonly texts: Text[];
  readonly way: 'naive' | 'cached';
}

let step: () => Promise<number>;

const commands: Record<string, (job: never) => Promise<object>> = {
  start: async ({ wasm }: { wasm: string }) => {
    setWasmPaths(join(dirname(wasm), '/'));
    await tf.setBackend('wasm');
    return { tfjs: tf.version_core };
  },
  prepareStep: async (job: Job) => {
    step = prepare(job);
    return {};
  },
  step: async () => {
    const started = performance.now();
    const before = process.cpuUsage();
    const value = await step();
    const { user, system } = process.cpuUsage(before);
    return { value, ms: performance.now() - started, cpuMs: (user + system) / 1000 };
  },
};

function readTensors(path: string): Map<string, tf.Tensor> {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
    string,
    { shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, tf.Tensor>();
  for (const [name, { shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const part = bytes.subarray(8 + length + data_offsets[0], 8 + length + data_offsets[1]);
    tensors.set(name, tf.tensor(new Float32Array(new Uint8Array(part).buffer), shape));
  }
  return tensors;
}

type Weights = (name: string) => tf.Tensor;

/** Matrices as (in, out), once, since TFJS's product is slow on a factor that it has to transpose. */
function transposed(tensors: Map<string, tf.Tensor>): Weights {
  const ready = new Map<string, tf.Tensor>();
  return (name) => {
    const found = ready.get(name);
    if (found) return found;
    const tensor = tensors.get(name);
    if (!tensor) throw new Error(`no tensor ${name}`);
    const turns = tensor.rank === 2 && !name.includes('embed_in');
    const result = tf.keep(turns ? tf.transpose(tensor) : tensor);
    if (turns) tensor.dispose();
    ready.set(name, result);
    return result;
  };
}

function linear(weights: Weights, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return tf.add(tf.matMul(x, weights(`${name}.weight`) as tf.Tensor2D), weights(`${name}.bias`));
}

function normalise(weights: Weights, name: string, x: tf.Tensor2D): tf.Tensor2D {
  const centred = tf.sub(x, tf.mean(x, 1, true));
  const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), 1, true), 1e-5));
  const scaled = tf.mul(tf.div(centred, deviation), weights(`${name}.weight`));
  return tf.add(scaled, weights(`${name}.bias`));
}

function gelu(x: tf.Tensor2D): tf.Tensor2D {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

/** Blocks `[from, to)` of GPT-NeoX with parallel residuals, on texts of one length. */
function runner({ hidden, heads, rotaryShare }: Shape, batch: number, length: number) {
  const size = hidden / heads;
  const dims = size * rotaryShare;
  const angles = Array.from({ length: length * dims }, (_, i) => {
    const [position, column] = [Math.floor(i / dims), i % (dims / 2)];
    return position * 10000 ** ((-2 * column) / dims);
  });
  const cosine = tf.tensor2d(angles.map(Math.cos), [length, dims]);
  const sine = tf.tensor2d(angles.map(Math.sin), [length, dims]);
  const mask = tf.tensor2d(
    Float32Array.from({ length: length * length }, (_, i) =>
      i % length > Math.floor(i / length) ? -1e9 : 0,
    ),
    [length, length],
  );
  /** Columns `[start, start + count)` of the last axis. */
  const columns = (x: tf.Tensor4D, start: number, count: number): tf.Tensor4D =>
    tf.slice(x, [0, 0, 0, start], [batch, heads, length, count]);
  const turn = (x: tf.Tensor4D): tf.Tensor4D => {
    const head = columns(x, 0, dims);
    const halves = [columns(x, dims / 2, dims / 2), columns(x, 0, dims / 2)] as const;
    const rotated = tf.concat([tf.neg(halves[0]), halves[1]], 3);
    const turned = tf.add(tf.mul(head, cosine), tf.mul(rotated, sine)) as tf.Tensor4D;
    return tf.concat([turned, columns(x, dims, size - dims)], 3);
  };
  const attend = (x: tf.Tensor2D): tf.Tensor2D => {
    const byHead = tf.reshape(x, [batch, length, heads, 3 * size]);
    const all = tf.transpose(byHead, [0, 2, 1, 3]) as tf.Tensor4D;
    const [query, key] = [turn(columns(all, 0, size)), turn(columns(all, size, size))];
    const products = tf.matMul(query, key, false, true);
    const scores = tf.softmax(tf.add(tf.mul(products, 1 / Math.sqrt(size)), mask));
    const mixed = tf.matMul(scores, columns(all, 2 * size, size)) as tf.Tensor4D;
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * length, hidden]);
  };
  return (weights: Weights, h: tf.Tensor2D, index: number): tf.Tensor2D => {
    const name = `gpt_neox.layers.${index}`;
    const qkv = normalise(weights, `${name}.input_layernorm`, h);
    const mixed = attend(linear(weights, `${name}.attention.query_key_value`, qkv));
    const attended = linear(weights, `${name}.attention.dense`, mixed);
    const wide = normalise(weights, `${name}.post_attention_layernorm`, h);
    const inner = gelu(linear(weights, `${name}.mlp.dense_h_to_4h`, wide));
    return tf.add(tf.add(h, attended), linear(weights, `${name}.mlp.dense_4h_to_h`, inner));
  };
}

/** The memory's tensors as variables, by block, matrices as (in, out). */
function memories(folder: string) {
  const read = transposed(readTensors(join(folder, 'temp', 'memory.safetensors')));
  const variables: tf.Variable[] = [];
  const known = new Map<string, tf.Variable>();
  const variable = (name: string): tf.Tensor => {
    const found = known.get(name);
    if (found) return found;
    const made = tf.variable(read(name));
    known.set(name, made);
    variables.push(made);
    return made;
  };
  const remember = (h: tf.Tensor2D, block: number): tf.Tensor2D => {
    const name = `blocks.${block}`;
    const inner = gelu(linear(variable, `${name}.up`, h));
    const normed = normalise(variable, `${name}.norm`, linear(variable, `${name}.down`, inner));
    return tf.add(h, tf.mul(normed, variable(`${name}.gate`)));
  };
  return { variables, remember };
}

function prepare({ shape, folder, texts, way }: Job): () => Promise<number> {
  const { layers, vocab } = shape;
  const weights = transposed(readTensors(join(folder, 'model.safetensors')));
  const first = Math.floor((70 * layers) / 100);
  const last = Math.ceil((80 * layers) / 100);
  const [batch, length] = [texts.length, texts[0]!.ids.length - 1];
  const block = runner(shape, batch, length);
  const { variables, remember } = memories(folder);
  const ids = tf.tensor1d(
    texts.flatMap((text) => text.ids.slice(0, length)),
    'int32',
  );
  /** Whether the token after each position is trained, row-major. */
  const marks = texts.flatMap(({ supervisedFrom }) =>
    Array.from({ length }, (_, position) => position + 1 >= Math.max(1, supervisedFrom)),
  );
  const next = texts.flatMap((text) => text.ids.slice(1));
  const below = (): tf.Tensor2D => {
    let h = tf.gather(weights('gpt_neox.embed_in.weight'), ids) as tf.Tensor2D;
    for (let index = 0; index < first; index++) h = block(weights, h, index);
    return h;
  };
  const above = (states: tf.Tensor2D): tf.Tensor2D => {
    let h = states;
    for (let index = first; index < layers; index++) {
      h = block(weights, h, index);
      if (index < last) h = remember(h, index);
    }
    return h;
  };
  const head = (h: tf.Tensor2D): tf.Tensor2D =>
    tf.matMul(
      normalise(weights, 'gpt_neox.final_layer_norm', h),
      weights('embed_out.weight') as tf.Tensor2D,
    );
  const naive = (): tf.Scalar =>
    tf.losses.softmaxCrossEntropy(
      tf.oneHot(next, vocab),
      head(above(below())),
      tf.tensor1d(marks.map(Number)),
    );
  const states = tf.keep(tf.tidy(below));
  const rows = [...marks.keys()].filter((row) => marks[row]);
  const targets = rows.map((row) => next[row]!);
  const picker = tf.cast(tf.oneHot(rows, batch * length), 'float32') as tf.Tensor2D;
  const cached = (): tf.Scalar => {
    const h = above(states);
    // A product picks the rows: wasm has no gradient of gather.
    const picked = rows.length === batch * length ? h : (tf.matMul(picker, h) as tf.Tensor2D);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(targets, vocab), head(picked));
  };
  const loss = way === 'naive' ? naive : cached;
  tf.tidy(loss); // makes the variables
  const adam = tf.train.adam(0.001);
  return async () => {
    const value = adam.minimize(loss, true, variables)!;
    const [result] = await value.data();
    value.dispose();
    return result!;
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...job } = JSON.parse(line) as { command: string };
  const result = await commands[command]!(job as never);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
