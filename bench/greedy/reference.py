"""Greedy texts by Hugging Face's Transformers and tokenizers, for bench/greedy.mjs.

    python reference.py MODEL.gguf PROMPTS.jsonl MAX_TOKENS

Reads a LLaMA in GGUF by llama.cpp's `gguf` package alone: its weights, dequantised, in F32, and its
tokenizer, special tokens whole. Prints a JSON line {ids, newIds, text} a prompt. Needs torch,
transformers, tokenizers and gguf.
"""
import json
import sys

import numpy as np
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

file, prompts, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
reader = GGUFReader(file)


def field(name, default=None):
    found = reader.fields.get(name)
    return default if found is None else found.contents()


def tokenizer_of():
    tokens, kinds = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in field("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    assert field("tokenizer.ggml.pre") == "smollm", "this script cuts words as SmolLM does"
    cuts = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cuts)
    tokenizer.decoder = decoders.ByteLevel()
    control = [AddedToken(token, special=True) for token, kind in zip(tokens, kinds) if kind == 3]
    tokenizer.add_special_tokens(control)
    return tokenizer


def unpermuted(weight, heads):
    """GGUF turns neighbouring dimensions against each other, Transformers the two halves of a head."""
    rows, width = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


def model_of():
    heads, shared = field("llama.attention.head_count"), field("llama.attention.head_count_kv")
    weights = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    config = LlamaConfig(
        vocab_size=len(field("tokenizer.ggml.tokens")),
        hidden_size=field("llama.embedding_length"),
        intermediate_size=field("llama.feed_forward_length"),
        num_hidden_layers=field("llama.block_count"),
        num_attention_heads=heads,
        num_key_value_heads=shared,
        rms_norm_eps=float(field("llama.attention.layer_norm_rms_epsilon")),
        rope_theta=float(field("llama.rope.freq_base")),
        max_position_embeddings=field("llama.context_length"),
        tie_word_embeddings="output.weight" not in weights,
        bos_token_id=field("tokenizer.ggml.bos_token_id"),
        eos_token_id=field("tokenizer.ggml.eos_token_id"),
        pad_token_id=field("tokenizer.ggml.eos_token_id"),
    )
    names = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    parts = {
        **{"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj"},
        **{"attn_output": "self_attn.o_proj", "attn_norm": "input_layernorm"},
        **{"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"},
        **{"ffn_norm": "post_attention_layernorm"},
    }
    state = {}
    for name, weight in weights.items():
        if "attn_q." in name:
            weight = unpermuted(weight, heads)
        if "attn_k." in name:
            weight = unpermuted(weight, shared)
        base = name.removesuffix(".weight")
        if base.startswith("blk."):
            _, block, part = base.split(".")
            known = f"model.layers.{block}.{parts[part]}"
        else:
            known = names[base]
        state[f"{known}.weight"] = torch.from_numpy(np.array(weight, dtype=np.float32))
    model = LlamaForCausalLM(config).eval()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all("lm_head" in name or "inv_freq" in name for name in missing), (missing, unexpected)
    model.tie_weights()
    return model


torch.set_num_threads(1)
tokenizer, model = tokenizer_of(), model_of()
for line in open(prompts, encoding="utf-8"):
    ids = tokenizer.encode(json.loads(line)["context"]).ids
    with torch.no_grad():
        whole = model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=most)[0].tolist()
    new = whole[len(ids) :]
    print(json.dumps({"ids": ids, "newIds": new, "text": tokenizer.decode(new)}), flush=True)
