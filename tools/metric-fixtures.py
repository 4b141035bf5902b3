"""Writes test/fixtures/metrics.json: reference values for src/eval from scikit-learn and scipy.

Run from the project's root:  python3 tools/metric-fixtures.py > test/fixtures/metrics.json
Needs numpy, scipy and scikit-learn. Seeded: the same versions write the same file.
"""

import json
import random
import warnings

import numpy
import scipy
import sklearn
from scipy.stats import binomtest, norm, t as student
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score
from sklearn.naive_bayes import MultinomialNB

LABELS = ["SUPPORTS", "REFUTES", "NOT ENOUGH INFO"]
INVALID = "INVALID"
ANSWERS = LABELS + [INVALID]
# UndefinedMetricWarning is a UserWarning of scikit-learn's; zero_division=0 says what we mean.
warnings.simplefilter("ignore", UndefinedMetricWarning)


def label_sets():
    """Random lists of every size and skew, then the shapes that break careless code."""
    rng = random.Random(20240328)
    for size in [1, 2, 3, 5, 8, 13, 40, 200, 1000]:
        for _ in range(12 if size < 200 else 4):
            gold_labels = rng.sample(LABELS, rng.randint(1, 3))
            answers = rng.sample(ANSWERS, rng.randint(1, 4))
            weights = [rng.random() ** 3 + 0.01 for _ in answers]
            gold = [rng.choice(gold_labels) for _ in range(size)]
            yield "random", gold, rng.choices(answers, weights, k=size)
    two = ["SUPPORTS", "REFUTES"] * 50
    yield "all right", two, two
    yield "all wrong", two, two[1:] + two[:1]
    yield "all invalid", two, [INVALID] * 100
    yield "one gold label, never answered", ["SUPPORTS"] * 10, ["REFUTES"] * 10
    yield "one gold label, all right", ["REFUTES"] * 10, ["REFUTES"] * 10
    yield "an answer outside the gold labels", two, ["NOT ENOUGH INFO"] * 100
    yield "every answer is INVALID but one, which is wrong", two, [INVALID] * 99 + ["SUPPORTS"]
    yield "every answer is INVALID but one, which is right", two, ["SUPPORTS"] + [INVALID] * 99
    yield "a label of which one gold question exists, missed", ["REFUTES"] + ["SUPPORTS"] * 60, ["SUPPORTS"] * 61
    yield "a label of which one gold question exists, found", ["REFUTES"] + ["SUPPORTS"] * 60, ["REFUTES"] * 2 + ["SUPPORTS"] * 59
    yield "labels in a circle", LABELS * 20, (LABELS[1:] + LABELS[:1]) * 20
    yield "NOT ENOUGH INFO and INVALID change places", ["NOT ENOUGH INFO"] * 30 + ["SUPPORTS"] * 30, (
        [INVALID] * 30 + ["NOT ENOUGH INFO"] * 30
    )
    yield "thirds that no double holds", LABELS * 7, (["SUPPORTS"] * 7 + ["REFUTES"] * 7 + [INVALID] * 7)
    yield "one invalid answer", LABELS * 3, LABELS * 2 + LABELS[:2] + [INVALID]
    yield "single question, invalid", ["NOT ENOUGH INFO"], [INVALID]
    yield "the note's shape: 3 % answered, all rightly", ["SUPPORTS"] * 1000 + ["REFUTES"] * 1000, (
        ["SUPPORTS"] * 30 + [INVALID] * 970 + ["REFUTES"] * 30 + [INVALID] * 970
    )


def metric_case(name, gold, predicted):
    support = sorted(set(gold))

    def macro(labels):
        return float(f1_score(gold, predicted, labels=labels, average="macro", zero_division=0))

    real = f1_score(gold, predicted, labels=LABELS, average="micro", zero_division=0)
    return {
        "name": name,
        "gold": "".join(str(ANSWERS.index(label)) for label in gold),
        "predicted": "".join(str(ANSWERS.index(label)) for label in predicted),
        "confusion": confusion_matrix(gold, predicted, labels=ANSWERS).tolist(),
        "accuracy": float(accuracy_score(gold, predicted)),
        "f1Micro": float(f1_score(gold, predicted, average="micro", zero_division=0)),
        "f1MicroReal": float(real),
        "f1MacroUnion": macro(None),
        "f1MacroFixed3": macro(LABELS),
        "f1MacroSupport": macro(support),
        # balanced_accuracy_score, without its warning for answers that are no gold label
        "balancedAccuracy": float(
            recall_score(gold, predicted, labels=support, average="macro", zero_division=0)
        ),
        "invalidRate": predicted.count(INVALID) / len(gold),
    }


def mcnemar_cases():
    for first, second in [(0, 0), (0, 1), (1, 1), (3, 9), (9, 3), (0, 20), (60, 90), (700, 800), (5000, 4700)]:
        total = first + second
        p = float(binomtest(first, total, 0.5).pvalue) if total else 1.0
        yield {"onlyFirst": first, "onlySecond": second, "p": p}


def holm_cases():
    """Step by step from Holm's definition: p(i) · (m − i), made monotone, cut at 1."""
    rng = random.Random(7)
    lists = [[], [0.02], [0.01, 0.04, 0.03], [0.5, 0.6, 0.9], [0.01, 0.01, 0.2]]
    lists += [[rng.random() ** 3 for _ in range(12)] for _ in range(3)]
    for values in lists:
        p = numpy.array(values)
        order = numpy.argsort(p, kind="stable")
        stepped = numpy.maximum.accumulate(p[order] * (len(p) - numpy.arange(len(p))))
        adjusted = numpy.empty(len(p))
        adjusted[order] = numpy.minimum(stepped, 1)
        yield {"p": values, "adjusted": adjusted.tolist()}


def naive_bayes_case():
    rng = random.Random(11)
    words = "the a is not was born in city king river never won Prize Café 1984 only film actor".split()
    claims = [" ".join(rng.choices(words, k=rng.randint(2, 9))) + "." for _ in range(120)]
    labels = rng.choices(LABELS, [5, 3, 2], k=120)
    tests = [" ".join(rng.choices(words + ["unseen"], k=rng.randint(1, 9))) for _ in range(30)]
    tests.append("nothing known here, xyzzy")
    counter = CountVectorizer(token_pattern=r"(?u)\w+")
    model = MultinomialNB().fit(counter.fit_transform(claims), labels)
    counts = counter.transform(tests)
    joint = model.predict_joint_log_proba(counts)
    return {
        "claims": [{"claim": claim, "label": label} for claim, label in zip(claims, labels)],
        "classes": model.classes_.tolist(),
        "tests": [
            {"claim": claim, "joint": row.tolist(), "label": label}
            for claim, row, label in zip(tests, joint, model.predict(counts).tolist())
        ],
    }


def distribution_cases():
    for degrees in [1, 1.7, 2, 5, 9, 38.4, 78, 1000]:
        for share in [0.001, 0.025, 0.2, 0.5, 0.8, 0.975, 0.9999]:
            quantile = float(student.ppf(share, degrees))
            yield {"degrees": degrees, "share": share, "quantile": quantile}
    for share in [1e-6, 0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.99999]:
        yield {"degrees": None, "share": share, "quantile": float(norm.ppf(share))}


def quantile_cases():
    values = sorted(random.Random(3).random() for _ in range(37))
    for share in [0, 0.025, 0.1, 0.5, 0.975, 1]:
        yield {"values": values, "share": share, "quantile": float(numpy.quantile(values, share))}


print(
    json.dumps(
        {
            "versions": {
                "numpy": numpy.__version__,
                "scipy": scipy.__version__,
                "scikit-learn": sklearn.__version__,
            },
            "answers": ANSWERS,
            "metrics": [metric_case(*case) for case in label_sets()],
            "mcnemar": list(mcnemar_cases()),
            "holm": list(holm_cases()),
            "naiveBayes": naive_bayes_case(),
            "quantiles": list(quantile_cases()),
            "distributions": list(distribution_cases()),
        },
        separators=(",", ":"),
    )
)
