"""PyTorch's side of bench/numerics.mjs: told what to do line by line, answers with one JSON line each.

Two ways: `naive` is the research note's (full forward at every step and every prompt, logits of every
position), `cached` uses what we use (stored trunk states, shared prefixes, only the supervised positions
at the head). The model is GPT-NeoX in plain PyTorch with its fused operations, the leanest that we could
write; it reads the same weights as ours, so that losses and scores can be compared.
"""
import json
import math
import random
import re
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))


def read_tensors(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        flat = torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=start)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


def attend(query, key, value, mask):
    """Attention, also for PyTorch before 2.0, which has no fused one."""
    if hasattr(F, "scaled_dot_product_attention"):
        if mask is None:
            return F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    if mask is None:
        mask = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool).tril()
    scores = (query @ key.transpose(-1, -2)) / math.sqrt(query.shape[-1])
    return scores.masked_fill(~mask, -math.inf).softmax(-1) @ value


class Memory:
    def __init__(self, path):
        self.values = {}
        for name, value in read_tensors(path).items():
            _, block, rest = name.split(".", 2)
            parameter = value.clone().requires_grad_(True)
            self.values.setdefault(int(block), {})[rest] = parameter

    def parameters(self):
        return [value for layer in self.values.values() for value in layer.values()]

    def apply(self, block, h):
        layer = self.values.get(block)
        if layer is None:
            return h
        inner = F.gelu(F.linear(h, layer["up.weight"], layer["up.bias"]))
        update = F.linear(inner, layer["down.weight"], layer["down.bias"])
        normed = F.layer_norm(update, update.shape[-1:], layer["norm.weight"], layer["norm.bias"], 1e-5)
        return h + layer["gate"] * normed


class Neox:
    def __init__(self, shape, folder):
        self.shape = shape
        self.w = read_tensors(folder + "/model.safetensors")
        self.size = shape["hidden"] // shape["heads"]
        self.dims = int(self.size * shape["rotaryShare"])
        self.first = math.floor(shape["layers"] * 70 / 100)

    def angles(self, start, count):
        inverse = 10000 ** (-torch.arange(0, self.dims, 2).float() / self.dims)
        angle = torch.outer(torch.arange(start, start + count).float(), inverse)
        angle = torch.cat([angle, angle], -1)
        return angle.cos(), angle.sin()

    def turn(self, x, angles):
        cosine, sine = angles
        head, rest = x[..., : self.dims], x[..., self.dims :]
        half = self.dims // 2
        turned = torch.cat([-head[..., half:], head[..., :half]], -1)
        return torch.cat([head * cosine + turned * sine, rest], -1)

    def norm(self, name, h):
        w = self.w
        return F.layer_norm(h, h.shape[-1:], w[name + ".weight"], w[name + ".bias"], 1e-5)

    def linear(self, name, h):
        return F.linear(h, self.w[name + ".weight"], self.w[name + ".bias"])

    def block(self, index, h, past=None, keep=None):
        name = f"gpt_neox.layers.{index}."
        texts, length, width = h.shape
        heads = self.shape["heads"]
        qkv = self.linear(name + "attention.query_key_value", self.norm(name + "input_layernorm", h))
        qkv = qkv.view(texts, length, heads, 3 * self.size).transpose(1, 2)
        query, key, value = qkv.chunk(3, -1)
        before = 0 if past is None else past[0].shape[2]
        angles = self.angles(before, length)
        query, key = self.turn(query, angles), self.turn(key, angles)
        if keep is not None:
            keep[index] = (key, value)
        if past is None:
            mixed = attend(query, key, value, None)
        else:
            key = torch.cat([past[0].expand(texts, -1, -1, -1), key], 2)
            value = torch.cat([past[1].expand(texts, -1, -1, -1), value], 2)
            mask = torch.ones(length, before + length, dtype=torch.bool).tril(before)
            mixed = attend(query, key, value, mask)
        mixed = mixed.transpose(1, 2).reshape(texts, length, width)
        attended = self.linear(name + "attention.dense", mixed)
        wide = F.gelu(self.linear(name + "mlp.dense_h_to_4h", self.norm(name + "post_attention_layernorm", h)))
        return h + attended + self.linear(name + "mlp.dense_4h_to_h", wide)

    def blocks(self, h, start, end, memory=None, past=None, keep=None):
        for index in range(start, end):
            h = self.block(index, h, past[index] if past else None, keep)
            if memory is not None:
                h = memory.apply(index, h)
        return h

    def embed(self, ids):
        return self.w["gpt_neox.embed_in.weight"][ids]

    def head(self, h):
        return F.linear(self.norm("gpt_neox.final_layer_norm", h), self.w["embed_out.weight"])


def tensor_of(rows):
    length = max(len(row) for row in rows)
    return torch.tensor([row + [0] * (length - len(row)) for row in rows])


def labels_of(texts, length):
    """The next token of every supervised position, and -100 for the others, as Transformers has it."""
    labels = torch.full((len(texts), length), -100)
    for index, text in enumerate(texts):
        for token in range(max(1, text["supervisedFrom"]), len(text["ids"])):
            labels[index, token - 1] = text["ids"][token]
    return labels


class Trainer:
    def __init__(self, model, memory):
        self.model, self.memory = model, memory
        self.adam = torch.optim.Adam(memory.parameters(), lr=0.001, weight_decay=0.05)

    def naive(self, texts):
        model = self.model
        ids = tensor_of([text["ids"][:-1] for text in texts])
        h = model.blocks(model.embed(ids), 0, model.shape["layers"], self.memory)
        logits = model.head(h)
        labels = labels_of(texts, ids.shape[1])
        return self.finish(F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.view(-1)))

    def cached(self, texts, states):
        model = self.model
        length = max(len(text["ids"]) for text in texts) - 1
        h = torch.zeros(len(texts), length, model.shape["hidden"])
        for index, state in enumerate(states):
            used = min(length, state.shape[0])
            h[index, :used] = state[:used]
        h = model.blocks(h, model.first, model.shape["layers"], self.memory)
        labels = labels_of(texts, length).view(-1)
        chosen = labels >= 0
        logits = model.head(h.view(-1, h.shape[-1])[chosen])
        return self.finish(F.cross_entropy(logits, labels[chosen]))

    def finish(self, loss):
        self.adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.memory.parameters(), 10)
        self.adam.step()
        return loss.item()


def trunk_of(model, texts, batch=16):
    """States that enter the first memory, by text; texts of one length run together, as ours do."""
    states = [None] * len(texts)
    by_length = {}
    for index, text in enumerate(texts):
        by_length.setdefault(len(text["ids"]), []).append(index)
    with torch.no_grad():
        for group in by_length.values():
            for start in range(0, len(group), batch):
                part = group[start : start + batch]
                h = model.blocks(model.embed(tensor_of([texts[i]["ids"] for i in part])), 0, model.first)
                for row, index in enumerate(part):
                    states[index] = h[row].clone()
    return states


@torch.no_grad()
def ask_naive(model, group, memory, claims=4, rows_each=3):
    """Every prompt with every answer through the whole model, logits of every position, four claims at a
    time. With rows_each=1 a prompt runs once, with the first answer only: less than the scores need, but
    what a script does that reads one letter's logits."""
    total = 0.0
    for start in range(0, len(group), claims):
        part = group[start : start + claims]
        rows = [(q["context"], tail) for q in part for tail in q["continuations"][:rows_each]]
        ids = tensor_of([context + tail for context, tail in rows])
        logits = model.head(model.blocks(model.embed(ids), 0, model.shape["layers"], memory))
        scores = F.log_softmax(logits, -1)
        for row, (context, tail) in enumerate(rows):
            for at, token in enumerate(tail):
                total += scores[row, len(context) + at - 1, token].item()
    return total


def common(a, b):
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return length


@torch.no_grad()
def ask_cached(model, group, memories, rows_at_once=48):
    """The group's common prefix once, what lies below the first memory once for all candidates, and only
    the positions that are read at the head. Returns each candidate's sum."""
    layers, split = model.shape["layers"], model.first + 1
    first = group[0]["context"]
    shared = min(min(common(first, q["context"]), len(q["context"]) - 1) for q in group)
    lower, uppers = {}, []
    h = model.blocks(model.embed(torch.tensor([first[:shared]])), 0, split, keep=lower)
    for memory in memories:
        keep = {}
        start = h if memory is None else memory.apply(model.first, h)
        model.blocks(start, split, layers, memory, keep=keep)
        uppers.append(keep)
    totals = [0.0] * len(memories)
    each = len(group[0]["continuations"])
    for begin in range(0, len(group), rows_at_once // each):
        part = group[begin : begin + rows_at_once // each]
        rows = [q["context"][shared:] + tail[:-1] for q in part for tail in q["continuations"]]
        ids = tensor_of(rows)
        places, targets = {}, []
        for row, (question, tail) in enumerate((q, tail) for q in part for tail in q["continuations"]):
            for at, token in enumerate(tail):
                owner = row - row % each
                while group_row(part, owner, each)[1][:at] != tail[:at]:
                    owner += 1
                place = owner * ids.shape[1] + len(question["context"]) - shared + at - 1
                targets.append((places.setdefault(place, len(places)), token))
        below = model.blocks(model.embed(ids), 0, split, past=lower)
        picked = torch.tensor(list(places))
        where = torch.tensor([place for place, _ in targets])
        tokens = torch.tensor([token for _, token in targets])
        for index, memory in enumerate(memories):
            start = below if memory is None else memory.apply(model.first, below)
            top = model.blocks(start, split, layers, memory, past=uppers[index])
            scores = F.log_softmax(model.head(top.view(-1, top.shape[-1])[picked]), -1)
            totals[index] += scores[where, tokens].sum().item()
    return totals


def group_row(part, row, each):
    question = part[row // each]
    return question, question["continuations"][row % each]


def timed(work):
    started, before = time.perf_counter(), time.process_time()
    result = work()
    cpu = time.process_time() - before
    return {**result, "ms": 1000 * (time.perf_counter() - started), "cpuMs": 1000 * cpu}


def epoch_batches(texts, candidate, rng):
    wanted = {"doc": ["doc"], "temp": ["temp"], "doctemp": ["doc", "temp"]}[candidate]
    order = [index for index, text in enumerate(texts) if text["source"] in wanted]
    rng.shuffle(order)
    return [order[start : start + 4] for start in range(0, len(order), 4)]


class Bench:
    def start(self, job):
        config = torch.__config__.show()
        blas = re.search(r"BLAS_INFO=(\w+)", config)
        level = re.search(r"CPU capability usage: (\w+)", config)
        return {
            "torch": torch.__version__,
            "blas": blas.group(1) if blas else "unknown",
            "level": level.group(1) if level else "unknown",
            "threads": torch.get_num_threads(),
        }

    def open(self, job):
        self.model = Neox(job["shape"], job["folder"])
        return {}

    def memory(self, folder, name):
        return Memory(f"{folder}/{name}/memory.safetensors")

    def prepareStep(self, job):
        self.open(job)
        self.texts = job["texts"]
        self.states = trunk_of(self.model, self.texts) if job["way"] == "cached" else None
        self.trainer = Trainer(self.model, self.memory(job["folder"], "temp"))
        return {}

    def step(self, job):
        if job["way"] == "cached":
            return timed(lambda: {"value": self.trainer.cached(self.texts, self.states)})
        return timed(lambda: {"value": self.trainer.naive(self.texts)})

    def prepareEval(self, job):
        self.open(job)
        self.memories = [None] + [self.memory(job["folder"], name) for name in ("doc", "temp", "doctemp")]
        return {}

    def eval(self, job):
        memories = self.memories[: job["candidates"]]
        if job["way"] == "cached":
            return timed(lambda: {"value": ask_cached(self.model, job["group"], memories)[-1]})
        rows = 1 if job["way"] == "one row" else 3
        ask = lambda: [ask_naive(self.model, job["group"], memory, rows_each=rows) for memory in memories]
        return timed(lambda: {"value": ask()[-1]})

    def experiment(self, job):
        return timed(lambda: self.run(job))

    def run(self, job):
        self.open(job)
        model, texts, cached = self.model, job["texts"], job["way"] == "cached"
        started = time.perf_counter()
        states = trunk_of(model, texts) if cached else None
        encoded = time.perf_counter()
        memories = [None]
        for name in ("doc", "temp", "doctemp"):
            trainer = Trainer(model, self.memory(job["folder"], name))
            rng = random.Random(0)
            for _ in range(job["epochs"]):
                for batch in epoch_batches(texts, name, rng):
                    chosen = [texts[index] for index in batch]
                    if cached:
                        trainer.cached(chosen, [states[index] for index in batch])
                    else:
                        trainer.naive(chosen)
            memories.append(trainer.memory)
        trained = time.perf_counter()
        value = 0.0
        for group in job["groups"]:
            if cached:
                value += ask_cached(model, group, memories)[0]
            else:
                value += [ask_naive(model, group, memory) for memory in memories][0]
        done = time.perf_counter()
        return {
            "encodeMs": 1000 * (encoded - started),
            "trainMs": 1000 * (trained - encoded),
            "evalMs": 1000 * (done - trained),
            "value": value,
        }

    def peak(self, job):
        with open("/proc/self/status") as file:
            return {"peakMiB": int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) / 1024}


bench = Bench()
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps(getattr(bench, job["command"])(job)), flush=True)
