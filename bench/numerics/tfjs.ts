/**
 * The training step of `own.ts` as TFJS's users write it: TFJS's operations, its wasm backend and its
 * own autograd, from the same states and weights shapes. Shares no code with the product.
 */
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

interface Shape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly intermediate: number;
  readonly rotaryShare: number;
  readonly vocab: number;
}
interface Text {
  readonly ids: number[];
  readonly supervisedFrom: number;
}

let step: () => Promise<number>;

const commands: Record<string, (job: never) => Promise<object>> = {
  start: async ({ wasm }: { wasm: string }) => {
    setWasmPaths(join(dirname(wasm), '/'));
    await tf.setBackend('wasm');
    return { tfjs: tf.version_core };
  },
  prepareStep: async ({ shape, texts }: { shape: Shape; texts: Text[] }) => {
    step = prepare(shape, texts);
    return {};
  },
  step: async () => {
    const started = performance.now();
    const value = await step();
    return { value, ms: performance.now() - started };
  },
};

type Block = Record<'qkv' | 'dense' | 'up' | 'down', tf.Tensor2D>;

/** A step from random states at the first memory block: blocks above, head, loss, Adam. */
function prepare(shape: Shape, texts: Text[]): () => Promise<number> {
  const { layers, hidden: c, heads, intermediate, vocab } = shape;
  const first = Math.floor(0.7 * layers);
  const [batch, length] = [texts.length, texts[0]!.ids.length - 1];
  const normal = (rows: number, columns: number) =>
    tf.randomNormal<tf.Rank.R2>([rows, columns], 0, 0.02);
  const blocks: Block[] = Array.from({ length: layers - first }, () => ({
    qkv: normal(c, 3 * c),
    dense: normal(c, c),
    up: normal(c, intermediate),
    down: normal(intermediate, c),
  }));
  const head = normal(c, vocab);
  const memory = {
    up: tf.variable(normal(c, 128)),
    upBias: tf.variable(tf.zeros([128])),
    down: tf.variable(normal(128, c)),
    downBias: tf.variable(tf.zeros([c])),
    scale: tf.variable(tf.ones([c])),
    shift: tf.variable(tf.zeros([c])),
    gate: tf.variable(tf.scalar(1)),
  };
  const states = tf.randomNormal<tf.Rank.R2>([batch * length, c]);
  const rows = texts.flatMap(({ supervisedFrom }, text) =>
    Array.from({ length: length + 1 }, (_, token) => token)
      .filter((token) => token >= Math.max(1, supervisedFrom))
      .map((token) => text * length + token - 1),
  );
  const targets = texts.flatMap(({ ids, supervisedFrom }) =>
    ids.slice(Math.max(1, supervisedFrom)),
  );
  const mask = tf.tensor2d(
    Float32Array.from({ length: length * length }, (_, i) =>
      i % length > Math.floor(i / length) ? -1e9 : 0,
    ),
    [length, length],
  );
  const norm = (x: tf.Tensor2D): tf.Tensor2D => {
    const centred = tf.sub(x, tf.mean(x, 1, true));
    const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), 1, true), 1e-5));
    return tf.div(centred, deviation);
  };
  const gelu = (x: tf.Tensor2D): tf.Tensor2D =>
    tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  const split = (x: tf.Tensor2D, part: number): tf.Tensor4D => {
    const columns = tf.slice(x, [0, part * c], [-1, c]);
    return tf.transpose(tf.reshape(columns, [batch, length, heads, c / heads]), [0, 2, 1, 3]);
  };
  const attend = (x: tf.Tensor2D): tf.Tensor2D => {
    const [query, key, value] = [0, 1, 2].map((part) => split(x, part)) as [
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    const scores = tf.add(tf.mul(tf.matMul(query, key, false, true), Math.sqrt(heads / c)), mask);
    const mixed = tf.matMul(tf.softmax(scores), value) as tf.Tensor4D;
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * length, c]);
  };
  const remember = (h: tf.Tensor2D): tf.Tensor2D => {
    const inner = gelu(tf.add(tf.matMul(h, memory.up as tf.Tensor2D), memory.upBias));
    const update = tf.add(tf.matMul(inner, memory.down as tf.Tensor2D), memory.downBias);
    const normed = tf.add(tf.mul(norm(update as tf.Tensor2D), memory.scale), memory.shift);
    return tf.add(h, tf.mul(normed, memory.gate));
  };
  const picker = tf.cast(tf.oneHot(rows, batch * length), 'float32') as tf.Tensor2D;
  const loss = (): tf.Scalar => {
    let h = states as tf.Tensor2D;
    blocks.forEach(({ qkv, dense, up, down }, index) => {
      const attended = tf.matMul(attend(tf.matMul(norm(h), qkv)), dense);
      const fed = tf.matMul(gelu(tf.matMul(norm(h), up)), down);
      h = tf.add(tf.add(h, attended), fed) as tf.Tensor2D;
      if (index === 0) h = remember(h);
    });
    // A product picks the rows: wasm has no gradient of gather.
    const all = rows.length === batch * length;
    const picked = (all ? h : tf.matMul(picker, h)) as tf.Tensor2D;
    const logits = tf.matMul(norm(picked), head);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(targets, vocab), logits) as tf.Scalar;
  };
  const adam = tf.train.adam(0.001);
  return async () => {
    const value = adam.minimize(loss, true, Object.values(memory))!;
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
