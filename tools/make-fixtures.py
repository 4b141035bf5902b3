"""Writes the small random models and the frozen numbers that test/numeric compares with.

PyTorch and Hugging Face Transformers compute every number here; the product needs neither. See
tools/README.md for how to install them and what each number means. Run from the repository's root:

    python tools/make-fixtures.py
"""

import json
import math
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM

ROOT = Path("test/fixtures")
MEMORY_HIDDEN = 12
OPTIMISERS = [
    {"name": "adam", "weightDecay": 0.05, "clip": 10.0},
    {"name": "adamw", "weightDecay": 0.05, "clip": 10.0},
    {"name": "adam", "weightDecay": 0.0, "clip": 0.02},
]
LEARNING_RATE, WARMUP, STEPS = 1e-3, 3, 10
BETAS, EPSILON = (0.9, 0.999), 1e-8


def neox(**changes):
    base = dict(
        hidden_act="gelu",
        hidden_size=32,
        num_attention_heads=4,
        num_hidden_layers=5,
        intermediate_size=88,
        vocab_size=131,
        max_position_embeddings=64,
        rotary_pct=0.25,
        rotary_emb_base=10000,
        use_parallel_residual=True,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
        attention_dropout=0.0,
        hidden_dropout=0.0,
    )
    return GPTNeoXConfig(**{**base, **changes})


def llama(**changes):
    base = dict(
        hidden_act="silu",
        hidden_size=40,
        num_attention_heads=4,
        num_key_value_heads=4,
        num_hidden_layers=5,
        intermediate_size=72,
        vocab_size=139,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
    )
    return LlamaConfig(**{**base, **changes})


FIXTURES = {
    "neox-parallel": (neox(), torch.float32, 1),
    "neox-sequential": (
        neox(
            hidden_size=36,
            num_attention_heads=3,
            num_hidden_layers=7,
            intermediate_size=100,
            rotary_pct=1.0,
            use_parallel_residual=False,
        ),
        torch.float16,
        1,
    ),
    "neox-tanh-nobias": (
        neox(hidden_act="gelu_new", attention_bias=False, rotary_pct=0.5, tie_word_embeddings=True),
        torch.float32,
        1,
    ),
    "llama-mha-tied": (llama(tie_word_embeddings=True), torch.float32, 1),
    "llama-gqa": (llama(num_key_value_heads=2, rope_theta=50000.0), torch.bfloat16, 1),
    "llama-mqa": (llama(num_key_value_heads=1), torch.float32, 2),
}


class Memory(torch.nn.Module):
    """h + gate * LayerNorm(down(GELU(up(h))))"""

    def __init__(self, hidden):
        super().__init__()
        self.up = torch.nn.Linear(hidden, MEMORY_HIDDEN)
        self.down = torch.nn.Linear(MEMORY_HIDDEN, hidden)
        self.norm = torch.nn.LayerNorm(hidden, eps=1e-5)
        self.gate = torch.nn.Parameter(torch.tensor(0.7))

    def forward(self, h):
        return h + self.gate * self.norm(self.down(torch.nn.functional.gelu(self.up(h))))


def randomise(module, generator):
    """Larger than usual, so that every part of the model shows in the logits."""
    with torch.no_grad():
        for name, parameter in sorted(module.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("gate"):
                continue
            if parameter.dim() == 1:
                centre = 1.0 if name.endswith("norm.weight") or "layernorm.weight" in name else 0.0
                parameter.copy_(centre + 0.1 * noise)
            else:
                parameter.copy_(noise * 1.2 / math.sqrt(parameter.shape[1]))


def round_to(model, dtype):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype).float())


def published(model, name):
    """The name in published checkpoints: newer Transformers call GPT-NeoX's head otherwise."""
    return "embed_out.weight" if model.config.model_type == "gpt_neox" and name == "lm_head.weight" else name


def rename_rotary(config):
    """The fields of config.json as published for Pythia and Llama 2; the other fixtures keep the newer form."""
    rotary = config.pop("rope_parameters")
    if config["model_type"] == "gpt_neox":
        config["rotary_pct"] = rotary["partial_rotary_factor"]
        config["rotary_emb_base"] = rotary["rope_theta"]
    else:
        config["rope_theta"] = rotary["rope_theta"]
        config["rope_scaling"] = None


def save_model(model, folder, dtype, shards):
    names = {name: tensor for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        for head in ("lm_head.weight", "embed_out.weight"):
            names.pop(head, None)
    names = {published(model, name): tensor.to(dtype).contiguous() for name, tensor in sorted(names.items())}
    config = model.config.to_dict()
    config = {key: value for key, value in config.items() if key not in ("transformers_version", "_name_or_path")}
    config["torch_dtype"] = str(dtype).split(".")[1]
    if dtype == torch.float32:
        rename_rotary(config)
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    if shards == 1:
        save_file(names, folder / "model.safetensors", metadata={"format": "pt"})
        return
    weight_map = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: tensor for i, (name, tensor) in enumerate(names.items()) if i % shards == shard}
        save_file(part, folder / file, metadata={"format": "pt"})
        weight_map.update({name: file for name in part})
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


def memory_blocks(layers):
    return range(math.floor(0.7 * layers), math.ceil(0.8 * layers))


class Adapted:
    """A frozen model with memories hooked to the outputs of their blocks."""

    def __init__(self, model, memories):
        self.model, self.memories = model, memories
        layers = model.gpt_neox.layers if hasattr(model, "gpt_neox") else model.model.layers
        self.layers = layers

    def logits(self, ids):
        handles = []
        for block, memory in self.memories.items():

            def hook(_module, _inputs, output, memory=memory):
                if isinstance(output, tuple):
                    return (memory(output[0]), *output[1:])
                return memory(output)

            handles.append(self.layers[int(block)].register_forward_hook(hook))
        try:
            return self.model(ids, use_cache=False).logits
        finally:
            for handle in handles:
                handle.remove()


def loss_of(logits, ids, supervised):
    rows = logits[:, :-1][supervised]
    return torch.nn.functional.cross_entropy(rows, ids[:, 1:][supervised])


def learning_rate(step):
    if step < WARMUP:
        return LEARNING_RATE * (step + 1) / WARMUP
    return 0.5 * LEARNING_RATE * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))


def train(adapted, ids, supervised, choice):
    parameters = list(adapted.memories.parameters())
    kind = torch.optim.AdamW if choice["name"] == "adamw" else torch.optim.Adam
    optimiser = kind(parameters, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON, weight_decay=choice["weightDecay"])
    losses, norms, rates = [], [], []
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step)
        optimiser.zero_grad()
        loss = loss_of(adapted.logits(ids), ids, supervised)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, choice["clip"])
        optimiser.step()
        losses.append(loss.item())
        norms.append(norm.item())
        rates.append(learning_rate(step))
    return {**choice, "losses": losses, "gradientNorms": norms, "learningRates": rates}


def write_fixture(name, config, dtype, shards, seed):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(seed)
    config._attn_implementation = "eager"
    kind = GPTNeoXForCausalLM if config.model_type == "gpt_neox" else LlamaForCausalLM
    model = kind(config).float().eval()
    randomise(model, generator)
    round_to(model, dtype)
    save_model(model, folder, dtype, shards)

    batch, length = 3, 11
    ids = torch.randint(3, config.vocab_size, (batch, length), generator=generator)
    supervised = torch.rand((batch, length - 1), generator=generator) < 0.6
    blocks = memory_blocks(config.num_hidden_layers)
    memories = torch.nn.ModuleDict({str(block): Memory(config.hidden_size) for block in blocks})
    randomise(memories, generator)
    start = {key: value.clone() for key, value in memories.state_dict().items()}
    tensors = {f"memory.{key}": value for key, value in start.items()}

    plain = Adapted(model, torch.nn.ModuleDict())
    logits = plain.logits(ids)
    tensors["logits"] = logits
    loss = loss_of(logits, ids, supervised)
    loss.backward()
    for key, parameter in model.named_parameters():
        tensors[f"gradient.{published(model, key)}"] = parameter.grad.clone()
    model.requires_grad_(False)

    adapted = Adapted(model, memories)
    with_memory = adapted.logits(ids)
    tensors["memoryLogits"] = with_memory
    memory_loss = loss_of(with_memory, ids, supervised)
    memory_loss.backward()
    for key, parameter in memories.named_parameters():
        tensors[f"memoryGradient.{key}"] = parameter.grad.clone()

    runs = []
    for number, choice in enumerate(OPTIMISERS):
        memories.load_state_dict(start)
        runs.append(train(adapted, ids, supervised, choice))
        for key, value in memories.state_dict().items():
            tensors[f"trained.{number}.{key}"] = value.clone()

    prompt = ids[:1, :5]
    model.generation_config.eos_token_id = None
    generated = model.generate(
        prompt, max_new_tokens=12, do_sample=False, pad_token_id=0
    )[0, 5:]
    reference = {
        "ids": ids.tolist(),
        "supervised": [[int(r), int(c)] for r, c in supervised.nonzero()],
        "loss": loss.item(),
        "memoryLoss": memory_loss.item(),
        "memoryBlocks": list(blocks),
        "memoryHidden": MEMORY_HIDDEN,
        "memoryNormEpsilon": 1e-5,
        "schedule": {"learningRate": LEARNING_RATE, "warmup": WARMUP, "steps": STEPS},
        "betas": BETAS,
        "epsilon": EPSILON,
        "training": runs,
        "prompt": prompt[0].tolist(),
        "greedy": generated.tolist(),
    }
    (folder / "reference.json").write_text(json.dumps(reference) + "\n")
    tensors = {key: value.detach().contiguous() for key, value in tensors.items()}
    save_file(tensors, folder / "reference.safetensors")


TEXT = """The harbour of Velm lies east of the old mill. Claim: the mill was built in 1804.
A: (a) supports, (b) refutes, (c) not enough info. Determine the factuality of the following claims.
Ships that leave the harbour before noon pass the lighthouse; those that don't, wait for the tide.
"""
SAMPLES = [
    "The mill of Velm was built in 1804.",
    "Claim: ships pass the lighthouse\nA: (a)",
    "  two  blanks, and a tab\tand don't",
    "na\u00efve caf\u00e9 \u2014 \u65e5\u672c \U0001f600",
    "",
]


def write_tokenizers():
    """A byte-level BPE like GPT-NeoX's, and a blank-prefixed BPE with byte fallback and BOS like LLaMA's."""
    neox_tokenizer = Tokenizer(models.BPE())
    neox_tokenizer.normalizer = normalizers.NFC()
    neox_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    neox_tokenizer.decoder = decoders.ByteLevel()
    neox_tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    neox_tokenizer.train_from_iterator([TEXT], trainer)
    save_tokenizer(neox_tokenizer, "tokenizer-neox", {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"})

    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    llama_tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    llama_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    llama_tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1, right=0),
        ]
    )
    trainer = trainers.BpeTrainer(vocab_size=360, special_tokens=special, show_progress=False)
    llama_tokenizer.train_from_iterator(TEXT.split(), trainer)
    llama_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    document = json.loads(llama_tokenizer.to_str())
    # Bytes are ordinary entries of the vocabulary in LLaMA's own file; only three tokens are special.
    document["added_tokens"] = document["added_tokens"][:3]
    llama_tokenizer = Tokenizer.from_str(json.dumps(document))
    save_tokenizer(
        llama_tokenizer,
        "tokenizer-llama",
        {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True, "add_eos_token": False},
    )


def save_tokenizer(tokenizer, name, config):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    document = json.loads(tokenizer.to_str())
    (folder / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    cases = []
    for text in SAMPLES:
        ids = tokenizer.encode(text).ids
        cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True)})
    (folder / "reference.json").write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed, (name, (config, dtype, shards)) in enumerate(FIXTURES.items(), start=11):
        write_fixture(name, config, dtype, shards, seed)
    write_tokenizers()
