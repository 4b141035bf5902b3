"""Writes test/fixtures/tokenizer-ids.json: what an independent program encodes 10,000 strings to.

The strings come from tools/tokenizer-strings.mjs, the ids from Hugging Face's `tokenizers`; the
file keeps a digest for every 500 strings. Run from the repository's root:

    python tools/tokenizer-fixtures.py

With a GGUF file of a SmolLM model, it encodes the strings as Transformers does with that file, and prints
the digests instead of writing anything:

    python tools/tokenizer-fixtures.py model.gguf
"""

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

COUNT, SEED, PART = 10_000, 20240328, 500
OUT = Path("test/fixtures/tokenizer-ids.json")


def strings():
    command = ["node", "tools/tokenizer-strings.mjs", str(COUNT), str(SEED)]
    lines = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    return [json.loads(line) for line in lines.split("\n") if line]


def digests(texts, encode):
    result = []
    for start in range(0, len(texts), PART):
        digest = hashlib.sha256()
        for text in texts[start : start + PART]:
            ids = encode(text)
            digest.update(struct.pack(f"<{len(ids) + 1}i", len(ids), *ids))
        result.append(digest.hexdigest()[:16])
    return result


def by_tokenizers(path):
    tokenizer = Tokenizer.from_file(str(path))
    return lambda text: tokenizer.encode(text).ids


def by_transformers(path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(Path(path).parent), gguf_file=Path(path).name).backend_tokenizer
    # Transformers passes over `tokenizer.ggml.pre`; this is what SmolLM's own tokenizer.json says.
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return lambda text: tokenizer.encode(text).ids


def write_blanks(folder, texts):
    """A tokenizer whose ids show how words are cut: it knows runs of blanks and cuts digits apart."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|endoftext|>"}) + "\n")


if __name__ == "__main__":
    texts = strings()
    assert len(texts) == COUNT
    if len(sys.argv) > 1:
        print(json.dumps(digests(texts, by_transformers(sys.argv[1]))))
        sys.exit()
    write_blanks(Path("test/fixtures/tokenizer-blanks"), texts[:2000])
    folders = ["models/neox-mini", *(f"test/fixtures/tokenizer-{kind}" for kind in ("blanks", "neox", "llama"))]
    cases = {folder: digests(texts, by_tokenizers(Path(folder) / "tokenizer.json")) for folder in folders}
    OUT.write_text(json.dumps({"count": COUNT, "seed": SEED, "part": PART, "digests": cases}, indent=1) + "\n")
