"""Writes test/fixtures/harness-prompts.json: what EleutherAI's lm-evaluation-harness asks a model, for
the settings that `templates` and `eval` offer too.

Run from the project's root:  python3 tools/harness-fixtures.py > test/fixtures/harness-prompts.json
Needs lm-eval (pip install lm-eval==0.4.13). No model, no data set of the net: the claims are below.
"""

import json
import logging
import os
from importlib.metadata import version

os.environ["HF_DATASETS_OFFLINE"] = "1"
logging.disable(logging.WARNING)

from datasets import Dataset, DatasetDict  # noqa: E402
from lm_eval.api.task import ConfigurableTask  # noqa: E402

INSTRUCTION = "Determine the factuality of the following claims"
WORDS = ["supports", "refutes", "not enough info"]
SHOTS = [
    {"claim": "Roman Atwood is a content creator.", "label": 0},
    {"claim": "Łódź lies in “Spain”.", "label": 1},
    {"claim": "The ferryman's daughter plays the cello.", "label": 2},
    {"claim": "Ice floats on water.", "label": 0},
]
CLAIMS = ["Adrienne Bailon is an accountant.", "Beyoncé sang — twice — in 2016!"]


def description(instruction, letters):
    words = [WORDS[letters.index(letter)] for letter in "abc"]
    candidates = ", ".join(f"({letter}) {word}" for letter, word in zip("abc", words))
    return f"{instruction}\nAnswer candidates: {candidates}"


def task_of(setting, claim, shots):
    letters = setting["letters"]

    def with_choice(doc):
        return {**doc, "target": "abc".index(letters[doc["label"]])}

    data = DatasetDict(
        {
            "test": Dataset.from_list([with_choice({"claim": claim, "label": 0})]),
            "shots": Dataset.from_list([with_choice(doc) for doc in SHOTS]),
        }
    )
    return {
        "task": "memory_of_claims",
        "custom_dataset": lambda **_: data,
        "output_type": "multiple_choice",
        "test_split": "test",
        "fewshot_split": "shots",
        "fewshot_config": {"sampler": "first_n"},
        # The harness puts nothing after a description: it must bring its own delimiter.
        "description": description(setting["instruction"], letters) + setting["fewshotDelimiter"],
        "doc_to_text": "Claim: {{claim}}\nA:",
        "doc_to_choice": ["(a)", "(b)", "(c)"],
        "doc_to_target": "target",
        "target_delimiter": setting["targetDelimiter"],
        "fewshot_delimiter": setting["fewshotDelimiter"],
        "num_fewshot": shots,
        "metric_list": [{"metric": "acc"}, {"metric": "acc_mutual_info"}],
    }


def cases():
    settings = [
        {"instruction": INSTRUCTION, "fewshotDelimiter": "\n", "targetDelimiter": " ", "letters": "abc"},
        {"instruction": INSTRUCTION, "fewshotDelimiter": "\n\n", "targetDelimiter": " ", "letters": "abc"},
        {"instruction": INSTRUCTION, "fewshotDelimiter": "\n", "targetDelimiter": "", "letters": "abc"},
        {"instruction": INSTRUCTION, "fewshotDelimiter": "\n\n", "targetDelimiter": "\n", "letters": "bca"},
        {"instruction": "True or not?", "fewshotDelimiter": " || ", "targetDelimiter": " ", "letters": "cab"},
    ]
    for setting in settings:
        for shots in [0, 1, 4]:
            for claim in CLAIMS:
                task = ConfigurableTask(config=task_of(setting, claim, shots))
                doc = next(iter(task.test_docs()))
                context = task.fewshot_context(doc, shots)
                requests = task.construct_requests(doc, context, metadata=(None, 0, 1))
                asked = [list(request.args) for request in requests]
                assert len({request[0] for request in asked[:3]}) == 1
                yield {
                    **{"setting": setting, "shots": shots, "claim": claim},
                    "context": asked[0][0],
                    "continuations": [own[1] for own in asked[:3]],
                    "unconditional": asked[3:],
                }


print(
    json.dumps(
        {"lm-eval": version("lm-eval"), "shots": SHOTS, "cases": list(cases())},
        ensure_ascii=False,
        indent=1,
    )
)
