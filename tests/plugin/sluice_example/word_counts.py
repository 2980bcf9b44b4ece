"""A learner: the class whose words a text has, by counts (naive Bayes)."""

import json
from collections import Counter
from math import log

from sluice.evaluation.learner import Classifier, Learner


class Counts(Classifier):
    def __init__(self, counts):
        self.counts = counts

    def answers(self, rows):
        def score(mine, text):
            total = sum(mine.values()) + 1
            return sum(log((mine.get(word, 0) + 1) / total) for word in text.split())

        ranked = sorted(self.counts.items())
        return [max(ranked, key=lambda each: score(each[1], text))[0] for text in rows.texts]

    def save(self, folder):
        (folder / "counts.json").write_text(json.dumps(self.counts), "utf-8")


class WordCounts(Learner):
    summary, model_summary = "Counts of words by class", "Counts of words by class."
    trained, exact_weights = "counts-1", True

    def train(self, rows, names, seed, advance=None):
        counts = {name: Counter() for name in names}
        weights = [1.0] * len(rows) if rows.weights is None else rows.weights.tolist()
        for text, code, weight in zip(rows.texts, rows.labels.tolist(), weights, strict=True):
            for word in text.split():
                counts[rows.class_names[code]][word] += weight
        return Counts({name: dict(each) for name, each in counts.items()})

    def load(self, folder):
        return Counts(json.loads((folder / "counts.json").read_text("utf-8")))
