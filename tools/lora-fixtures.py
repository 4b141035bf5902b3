"""Writes what PyTorch computes with LoRA memories on the models of make-fixtures.py.

Run it after make-fixtures.py, with the same packages, from the repository's root:

    python tools/lora-fixtures.py

Into each model's folder: `lora.safetensors` with `lora.BLOCK.MAP.down.weight` (rank, in) and
`….up.weight` (out, rank), `loraGradient.…` of both, and `loraLogits`; `lora.json` with rank and loss.
What one matrix computes in the product (queries, keys and values; LLaMA's gate and up) shares one
`down`; rows of `queryKeyValue.up` are all queries, all keys, all values.
"""

import importlib.util
import json

import torch
from safetensors.torch import load_file, save_file
from transformers import GPTNeoXForCausalLM, LlamaForCausalLM

specification = importlib.util.spec_from_file_location("fixtures", "tools/make-fixtures.py")
fixtures = importlib.util.module_from_spec(specification)
specification.loader.exec_module(fixtures)

RANK = 3


class LowRank(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.down = torch.nn.Linear(inputs, RANK, bias=False)
        self.up = torch.nn.Linear(RANK, outputs, bias=False)

    def forward(self, x):
        return self.up(self.down(x))


def maps_of(config):
    """Columns read and written by each of the product's linear maps."""
    hidden, wide = config.hidden_size, config.intermediate_size
    heads = config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", heads)
    size = hidden // heads
    return {
        "queryKeyValue": (hidden, (heads + 2 * kv_heads) * size),
        "attended": (hidden, hidden),
        "feedIn": (hidden, 2 * wide if config.model_type == "llama" else wide),
        "feedOut": (wide, hidden),
    }


def interleaved(rows, heads):
    """From all queries, all keys, all values to GPT-NeoX's order: by head, then query, key, value."""
    size = rows.shape[-1] // (3 * heads)
    return rows.unflatten(-1, (3, heads, size)).transpose(-3, -2).flatten(-3)


def add_to(module, change):
    """Adds `change(input)` to what the linear module gives."""
    module.register_forward_hook(lambda _module, inputs, output: output + change(inputs[0]))


def attach(layer, maps, config):
    if config.model_type == "gpt_neox":
        heads = config.num_attention_heads
        add_to(layer.attention.query_key_value, lambda x: interleaved(maps["queryKeyValue"](x), heads))
        add_to(layer.attention.dense, maps["attended"])
        add_to(layer.mlp.dense_h_to_4h, maps["feedIn"])
        add_to(layer.mlp.dense_4h_to_h, maps["feedOut"])
        return
    attention, size = layer.self_attn, config.hidden_size // config.num_attention_heads
    queries, keys = config.hidden_size, config.num_key_value_heads * size
    qkv, wide = maps["queryKeyValue"], config.intermediate_size
    add_to(attention.q_proj, lambda x: qkv(x)[..., :queries])
    add_to(attention.k_proj, lambda x: qkv(x)[..., queries : queries + keys])
    add_to(attention.v_proj, lambda x: qkv(x)[..., queries + keys :])
    add_to(attention.o_proj, maps["attended"])
    add_to(layer.mlp.gate_proj, lambda x: maps["feedIn"](x)[..., :wide])
    add_to(layer.mlp.up_proj, lambda x: maps["feedIn"](x)[..., wide:])
    add_to(layer.mlp.down_proj, maps["feedOut"])


def write_lora(name, config, dtype, seed):
    folder = fixtures.ROOT / name
    generator = torch.Generator().manual_seed(seed)
    config._attn_implementation = "eager"
    kind = GPTNeoXForCausalLM if config.model_type == "gpt_neox" else LlamaForCausalLM
    model = kind(config).float().eval()
    fixtures.randomise(model, generator)
    fixtures.round_to(model, dtype)
    model.requires_grad_(False)

    reference = json.loads((folder / "reference.json").read_text())
    ids = torch.tensor(reference["ids"])
    expected = load_file(folder / "reference.safetensors")["logits"]
    assert torch.allclose(model(ids, use_cache=False).logits, expected, atol=1e-5), f"{name} is another model"
    supervised = torch.zeros(ids.shape[0], ids.shape[1] - 1, dtype=torch.bool)
    for text, position in reference["supervised"]:
        supervised[text, position] = True

    layers = model.gpt_neox.layers if config.model_type == "gpt_neox" else model.model.layers
    memories = torch.nn.ModuleDict()
    for block in reference["memoryBlocks"]:
        maps = torch.nn.ModuleDict({key: LowRank(*shape) for key, shape in maps_of(config).items()})
        attach(layers[block], maps, config)
        memories[str(block)] = maps
    fixtures.randomise(memories, torch.Generator().manual_seed(seed + 100))
    with torch.no_grad():
        for parameter in memories.parameters():
            parameter.mul_(0.5)

    logits = model(ids, use_cache=False).logits
    loss = fixtures.loss_of(logits, ids, supervised)
    loss.backward()
    tensors = {"loraLogits": logits}
    for key, parameter in memories.named_parameters():
        tensors[f"lora.{key}"] = parameter
        tensors[f"loraGradient.{key}"] = parameter.grad
    tensors = {key: value.detach().contiguous() for key, value in tensors.items()}
    save_file(tensors, folder / "lora.safetensors")
    (folder / "lora.json").write_text(json.dumps({"rank": RANK, "loss": loss.item()}) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed, (name, (config, dtype, _shards)) in enumerate(fixtures.FIXTURES.items(), start=11):
        write_lora(name, config, dtype, seed)
