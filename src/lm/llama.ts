/**
 * LLaMA (Touvron et al., 2023): RMSNorms, no biases, fully rotary positions, grouped queries, SwiGLU.
 */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { addResidual } from '../tensor/add.ts';
import { attention, keysValues } from '../tensor/attention.ts';
import { applyNorm, type Norm } from '../tensor/norm.ts';
import { swiGlu } from '../tensor/swiglu.ts';
import { attentionCall, type Block, type BlockCall, project } from './block.ts';
import type { ModelConfig } from './model-config.ts';
import type { ParameterLoader } from './weights/parameters.ts';

export const LLAMA_EMBEDDING = 'model.embed_tokens.weight';
export const LLAMA_HEAD = 'lm_head.weight';

function loadNorm(loader: ParameterLoader, config: ModelConfig, name: string): Norm {
  return {
    scale: loader.vector(`${name}.weight`, config.hidden),
    epsilon: config.normEps,
    trainable: loader.trainable,
  };
}

export function loadLlamaFinalNorm(loader: ParameterLoader, config: ModelConfig): Norm {
  return loadNorm(loader, config, 'model.norm');
}

export function loadLlamaBlock(loader: ParameterLoader, config: ModelConfig, index: number): Block {
  const { hidden, intermediate, heads, kvHeads, headDim } = config;
  const name = `model.layers.${index}`;
  const linear = (parts: string[], inputs: number, outputs: number[]) =>
    loader.linear({ weights: parts.map((part) => `${name}.${part}.weight`), inputs, outputs });
  const norm1 = loadNorm(loader, config, `${name}.input_layernorm`);
  const norm2 = loadNorm(loader, config, `${name}.post_attention_layernorm`);
  const projections = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'];
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const qkv = linear(projections, hidden, widths);
  const output = linear(['self_attn.o_proj'], heads * headDim, [hidden]);
  const gateUp = linear(['mlp.gate_proj', 'mlp.up_proj'], hidden, [intermediate, intermediate]);
  const down = linear(['mlp.down_proj'], intermediate, [hidden]);

  const attend = (x: Tensor2D, call: BlockCall): Tensor2D => {
    const projected = project(call, 'queryKeyValue', qkv, applyNorm(norm1, x)); // (B·T, (H + 2·K)·D)
    const shape = attentionCall(config, call);
    call.keep?.(keysValues(projected, shape));
    return project(call, 'attended', output, attention(projected, shape)); // (B·T, C)
  };
  const feed = (x: Tensor2D, call: BlockCall): Tensor2D => {
    const wide = swiGlu(project(call, 'feedIn', gateUp, applyNorm(norm2, x))); // (B·T, I)
    return project(call, 'feedOut', down, wide); // (B·T, C)
  };
  return (h, call) => {
    const attended = addResidual(h, attend(h, call));
    return addResidual(attended, feed(attended, call));
  };
}
