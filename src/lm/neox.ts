/**
 * GPT-NeoX (Black et al., 2022; the Pythia models): LayerNorms with shifts, biases everywhere, partly
 * rotary positions, attention and feed-forward in parallel or one after the other.
 */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { addResidual } from '../tensor/add.ts';
import { attention, keysValues } from '../tensor/attention.ts';
import { gelu } from '../tensor/gelu.ts';
import { applyNorm, type Norm } from '../tensor/norm.ts';
import { attentionCall, type Block, type BlockCall, project } from './block.ts';
import type { ModelConfig } from './model-config.ts';
import type { ParameterLoader } from './weights/parameters.ts';

export const NEOX_EMBEDDING = 'gpt_neox.embed_in.weight';
export const NEOX_HEAD = 'embed_out.weight';

export function loadNeoxNorm(loader: ParameterLoader, config: ModelConfig, name: string): Norm {
  return {
    scale: loader.vector(`${name}.weight`, config.hidden),
    shift: loader.vector(`${name}.bias`, config.hidden),
    epsilon: config.normEps,
    trainable: loader.trainable,
  };
}

export function loadNeoxFinalNorm(loader: ParameterLoader, config: ModelConfig): Norm {
  return loadNeoxNorm(loader, config, 'gpt_neox.final_layer_norm');
}

export function loadNeoxBlock(loader: ParameterLoader, config: ModelConfig, index: number): Block {
  const { hidden, intermediate } = config;
  const name = `gpt_neox.layers.${index}`;
  const linear = (part: string, inputs: number, output: number, bias = true, order?: Int32Array) =>
    loader.linear({
      weights: [`${name}.${part}.weight`],
      ...(bias ? { biases: [`${name}.${part}.bias`] } : {}),
      inputs,
      outputs: [output],
      ...(order ? { order } : {}),
    });
  const order = queryKeyValueOrder(config);
  const norm1 = loadNeoxNorm(loader, config, `${name}.input_layernorm`);
  const norm2 = loadNeoxNorm(loader, config, `${name}.post_attention_layernorm`);
  const qkv = linear('attention.query_key_value', hidden, 3 * hidden, config.attentionBias, order);
  const dense = linear('attention.dense', hidden, hidden, config.attentionBias);
  const up = linear('mlp.dense_h_to_4h', hidden, intermediate);
  const down = linear('mlp.dense_4h_to_h', intermediate, hidden);
  const kind = config.activation === 'gelu-tanh' ? 'tanh' : 'erf';

  const attend = (x: Tensor2D, call: BlockCall): Tensor2D => {
    const projected = project(call, 'queryKeyValue', qkv, applyNorm(norm1, x)); // (B·T, 3·C)
    const shape = attentionCall(config, call);
    call.keep?.(keysValues(projected, shape));
    return project(call, 'attended', dense, attention(projected, shape)); // (B·T, C)
  };
  const feed = (x: Tensor2D, call: BlockCall): Tensor2D => {
    const wide = gelu(project(call, 'feedIn', up, applyNorm(norm2, x)), kind); // (B·T, I)
    return project(call, 'feedOut', down, wide); // (B·T, C)
  };
  return (h, call) => {
    const attended = addResidual(h, attend(h, call));
    return addResidual(attended, feed(config.parallelResidual ? h : attended, call));
  };
}

/** The checkpoint interleaves query, key and value by head; ours are all queries, all keys, all values. */
function queryKeyValueOrder({ heads, headDim }: ModelConfig): Int32Array {
  const order = new Int32Array(3 * heads * headDim);
  for (let part = 0; part < 3; part++) {
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < headDim; i++) {
        order[(part * heads + head) * headDim + i] = (head * 3 + part) * headDim + i;
      }
    }
  }
  return order;
}
