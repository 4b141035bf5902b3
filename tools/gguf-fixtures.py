"""Writes test/fixtures/gguf: small GGUF files and what independent programs make of them.

The `gguf` package of the llama.cpp project dequantises, Transformers computes the logits, `tokenizers`
and `sentencepiece` encode the texts; the product needs none of them. See tools/README.md. Run from the
repository's root:

    python tools/gguf-fixtures.py
"""

import base64
import io
import json
import random
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from gguf import GGMLQuantizationType as Format
from gguf import GGUFReader, GGUFWriter, quants
from gguf.constants import GGML_QUANT_SIZES
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

ROOT = Path("test/fixtures/gguf")
QUANTISED = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
# Where a block keeps its 16-bit scales, in bytes.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}
TEXT = """The harbour of Velm lies east of the old mill. Claim: the mill was built in 1804.
A: (a) supports, (b) refutes, (c) not enough info. Determine the factuality of the following claims.
Ships that leave the harbour before noon pass the lighthouse; those that don't, wait for the tide.
"""
SAMPLES = [
    "The mill of Velm was built in 1804.",
    "Claim: ships pass the lighthouse\nA: (a)",
    "  two  blanks, and a tab\tand don't",
    "na\u00efve caf\u00e9 \u2014 \u65e5\u672c \U0001f600",
    "12345 harbours<|im_end|>and more",
    " leading, trailing ",
    "",
]


def random_blocks(name, count, generator, scale=1.0):
    """Random bytes, with scales that are neither infinite nor NaN; some are subnormal, some negative."""
    _, size = GGML_QUANT_SIZES[Format[name]]
    blocks = generator.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in SCALES[name]:
        values = (generator.standard_normal(count) * scale).astype(np.float16)
        if scale == 1.0:
            values[0] = np.float16(3e-7)
        blocks[:, offset : offset + 2] = values.view(np.uint8).reshape(count, 2)
    return blocks


def write_formats(generator):
    cases = []
    for name in QUANTISED:
        blocks = random_blocks(name, 5, generator)
        values = quants.dequantize(blocks, Format[name]).astype("<f4")
        cases.append(
            {
                "name": name,
                "number": int(Format[name]),
                "bytes": base64.b64encode(blocks.tobytes()).decode(),
                "values": base64.b64encode(values.tobytes()).decode(),
            }
        )
    (ROOT / "formats.json").write_text(json.dumps(cases, indent=1) + "\n")


def permuted(weight, heads):
    """The order of rows that llama.cpp wants: neighbours turn together."""
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def restored(weight, heads):
    rows, width = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(name):
    stem = name.removesuffix(".weight")
    if stem.startswith("model.layers."):
        _, _, block, part = stem.split(".", 3)
        return f"blk.{block}.{NAMES[part]}.weight"
    return f"{NAMES[stem]}.weight"


def heads_of(name, config):
    if name.endswith("q_proj.weight"):
        return config.num_attention_heads
    return config.num_key_value_heads if name.endswith("k_proj.weight") else None


def write_model(file, config, formats, describe, seed):
    """Random weights in the wanted formats; returns a Transformers model of the dequantised weights."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    model = LlamaForCausalLM(config).float().eval()
    writer = GGUFWriter(file, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)
    describe(writer)
    state = {}
    for name, parameter in model.state_dict().items():
        if config.tie_word_embeddings and name == "lm_head.weight":
            continue
        shape = tuple(parameter.shape)
        heads = heads_of(name, config)
        format = formats(gguf_name(name)) if len(shape) == 2 else "F32"
        if len(shape) == 1:
            values = (1 + 0.1 * generator.standard_normal(shape)).astype(np.float32)
        else:
            values = (generator.standard_normal(shape) * 1.2 / np.sqrt(shape[1])).astype(np.float32)
        if heads is not None:
            values = permuted(values, heads)
        if format in ("Q4_K", "Q5_K", "Q6_K"):  # gguf has no quantiser for these
            elements, _ = GGML_QUANT_SIZES[Format[format]]
            data = random_blocks(format, values.size // elements, generator, 0.0002)
            data = data.reshape(shape[0], -1)
        else:
            data = quants.quantize(values, Format[format])
        writer.add_tensor(gguf_name(name), data, raw_dtype=Format[format])
        back = quants.dequantize(data, Format[format]).astype(np.float32).reshape(shape)
        state[name] = torch.from_numpy(np.ascontiguousarray(restored(back, heads) if heads else back))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert len(GGUFReader(file).tensors) == len(state)
    model.load_state_dict(state, strict=not config.tie_word_embeddings)
    model.tie_weights()
    return model


def write_reference(name, model, cases):
    model.generation_config.eos_token_id = None
    ids = [torch.tensor([[5, 90, 17, 200, 33, 8, 251]]), torch.tensor([[40, 2, 61]])]
    texts = []
    with torch.no_grad():
        for row in ids:
            logits = model(row).logits[0].numpy().astype("<f4")
            greedy = model.generate(row, max_new_tokens=10, do_sample=False, pad_token_id=0)[0, row.shape[1] :]
            texts.append(
                {
                    "ids": row[0].tolist(),
                    "logits": base64.b64encode(logits.tobytes()).decode(),
                    "greedy": greedy.tolist(),
                }
            )
    (ROOT / f"{name}.json").write_text(json.dumps({"texts": texts, "tokenizer": cases}, ensure_ascii=False) + "\n")


def byte_level():
    """Like SmolLM's: GPT-2's words, digits one by one, and chat tokens that are taken whole."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    document = json.loads(tokenizer.to_str())
    tokens = sorted(document["model"]["vocab"], key=document["model"]["vocab"].get)
    merges = [" ".join(pair) for pair in document["model"]["merges"]]

    def describe(writer):
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        writer.add_token_list(tokens)
        writer.add_token_types([3 if token in special else 1 for token in tokens])
        writer.add_token_merges(merges)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_add_bos_token(False)

    formats = ["Q4_1", "Q4_0", "Q8_0", "Q5_1", "F16", "BF16", "Q5_0"]
    wide = ["Q4_K", "Q5_K", "Q6_K"]

    def choose(name):
        if name == "token_embd.weight":
            return "Q8_0"
        block = int(name.split(".")[1])
        if "ffn_down" in name:
            return wide[block]
        return formats[(block + len(name)) % len(formats)]

    config = LlamaConfig(
        hidden_size=64,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_hidden_layers=3,
        intermediate_size=256,
        vocab_size=len(tokens),
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        rope_theta=50000.0,
        tie_word_embeddings=True,
    )
    model = write_model(ROOT / "byte-level.gguf", config, choose, describe, 7)
    cases = [{"text": t, "ids": (ids := tokenizer.encode(t).ids), "decoded": tokenizer.decode(ids)} for t in SAMPLES]
    write_reference("byte-level", model, cases)


def sentence_piece():
    """Trained as LLaMA's was: BPE, bytes for unknown characters, a blank before every text."""
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.split("\n") * 4),
        model_writer=trained,
        model_type="bpe",
        vocab_size=420,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        split_digits=True,
        minloglevel=2,
    )
    pieces = sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())
    count = pieces.get_piece_size()

    def kind(id):
        if pieces.is_unknown(id):
            return 2
        return 3 if pieces.is_control(id) else 6 if pieces.is_byte(id) else 1

    def describe(writer):
        writer.add_tokenizer_model("llama")
        writer.add_token_list([pieces.id_to_piece(id) for id in range(count)])
        writer.add_token_scores([pieces.get_score(id) for id in range(count)])
        writer.add_token_types([kind(id) for id in range(count)])
        writer.add_bos_token_id(pieces.bos_id())
        writer.add_eos_token_id(pieces.eos_id())
        writer.add_unk_token_id(pieces.unk_id())

    config = LlamaConfig(
        hidden_size=32,
        num_attention_heads=2,
        num_key_value_heads=1,
        num_hidden_layers=2,
        intermediate_size=48,
        vocab_size=count,
        max_position_embeddings=64,
        rms_norm_eps=1e-6,
        rope_theta=10000.0,
        tie_word_embeddings=False,
    )
    model = write_model(ROOT / "sentence-piece.gguf", config, lambda name: "F16" if "attn" in name else "F32", describe, 8)
    encode = lambda text: [pieces.bos_id(), *pieces.encode(text)]
    cases = [{"text": t, "ids": encode(t), "decoded": pieces.decode(pieces.encode(t))} for t in SAMPLES]
    write_reference("sentence-piece", model, cases)


if __name__ == "__main__":
    torch.set_num_threads(1)
    random.seed(0)
    ROOT.mkdir(parents=True, exist_ok=True)
    write_formats(np.random.default_rng(5))
    byte_level()
    sentence_piece()
