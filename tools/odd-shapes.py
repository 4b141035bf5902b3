"""Writes test/fixtures/odd-shapes: models of unusual shapes and what Transformers computes with them.

Logits and the gradient of every weight, at odd lengths and in batches of one. See tools/README.md. Run
from the repository's root:

    python tools/odd-shapes.py
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import GPTNeoXForCausalLM, LlamaForCausalLM

sys.path.insert(0, str(Path(__file__).parent))
make = __import__("make-fixtures")
ROOT = Path("test/fixtures/odd-shapes")


def neox(heads, head_dim, **changes):
    return make.neox(
        hidden_size=heads * head_dim,
        num_attention_heads=heads,
        **{"num_hidden_layers": 2, "intermediate_size": 37, "vocab_size": 53, **changes},
    )


def llama(heads, kv_heads, head_dim, **changes):
    return make.llama(
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_dim,
        **{
            "hidden_size": heads * head_dim,
            "num_hidden_layers": 2,
            "intermediate_size": 37,
            "vocab_size": 53,
            **changes,
        },
    )


# name: (config, batch, length)
SHAPES = {
    "neox-1-head": (neox(1, 6, rotary_pct=1.0), 1, 2),
    "neox-5-heads-sequential": (neox(5, 4, rotary_pct=0.5, use_parallel_residual=False), 1, 17),
    "neox-3-heads-tied": (neox(3, 8, use_parallel_residual=False, tie_word_embeddings=True), 2, 9),
    "neox-7-heads-whole-rotary": (neox(7, 4, rotary_pct=1.0, tie_word_embeddings=True), 1, 33),
    "llama-4-heads-tied": (llama(4, 4, 6, tie_word_embeddings=True), 1, 13),
    "llama-6-heads-share-3": (llama(6, 3, 4), 1, 31),
    "llama-8-heads-share-2": (llama(8, 2, 4, rope_theta=1e6, tie_word_embeddings=True), 5, 3),
    "llama-4-heads-share-1-wide": (llama(4, 1, 10, hidden_size=28), 2, 5),
    "llama-1-block": (llama(2, 1, 12, num_hidden_layers=1), 1, 1 + 64),
}


def write(name, config, batch, length, seed):
    folder = ROOT / name
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(seed)
    config._attn_implementation = "eager"
    config.max_position_embeddings = 128
    kind = GPTNeoXForCausalLM if config.model_type == "gpt_neox" else LlamaForCausalLM
    model = kind(config).float().eval()
    make.randomise(model, generator)
    make.save_model(model, folder, torch.float32, 1)
    ids = torch.randint(0, config.vocab_size, (batch, length), generator=generator)
    logits = model(ids, use_cache=False).logits
    rows = logits[:, :-1].reshape(-1, config.vocab_size)
    loss = torch.nn.functional.cross_entropy(rows, ids[:, 1:].reshape(-1))
    loss.backward()
    tensors = {"logits": logits.detach().contiguous()}
    for key, parameter in model.named_parameters():
        tensors[f"gradient.{make.published(model, key)}"] = parameter.grad.clone()
    save_file(tensors, folder / "reference.safetensors")
    reference = {"ids": ids.tolist(), "loss": loss.item()}
    (folder / "reference.json").write_text(json.dumps(reference) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    shutil.rmtree(ROOT, ignore_errors=True)
    for seed, (name, (config, batch, length)) in enumerate(SHAPES.items(), start=301):
        write(name, config, batch, length, seed)
