"""Does a small sentence encoder tell more? Mean-pooled vectors, and logistic regression on them.

For a folder as transformers reads it, such as all-MiniLM-L6-v2 (22M parameters, Apache-2.0). Too
slow for a server's plan without a GPU: some milliseconds a prompt. It is here to know what is given
up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.predictors.boosted import boosted_traits
from rungwise.lab.predictors.candidate import Candidate, Scores, Side, gains
from rungwise.lab.predictors.logistic import fit_linear

__all__ = ["embedded", "encoded", "encoded_and_boosted"]

LONGEST = 256
"""Tokens."""
BATCH = 32


def embedded(texts: Sequence[str], folder: Path, progress: Callable[[], object]) -> Floats:
    """[texts, width], of length 1."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).float()
    model.eval()
    order = np.argsort([len(text) for text in texts], kind="stable")
    found = np.zeros((len(texts), int(model.config.hidden_size)))
    for rows in np.array_split(order, max(1, len(texts) // BATCH)):
        batch = tokenizer(
            [texts[row] for row in rows],
            padding=True,
            truncation=True,
            max_length=LONGEST,
            return_tensors="pt",
        )
        with torch.inference_mode():
            states = model(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        pooled = (states * mask).sum(1) / mask.sum(1)
        found[rows] = torch.nn.functional.normalize(pooled, dim=1).double().numpy()
        progress()
    return found


def encoded(vectors: Floats) -> Candidate:
    """[steps of the set, width]: P(right) of either model, and their difference."""

    def learn(known: Side) -> Scores:
        features = 8.0 * vectors[known.rows]
        weak, strong = (
            fit_linear(features, known.right[:, tier], known.weight, freedom=0.1) for tier in (0, 1)
        )

        def scores(side: Side) -> Floats:
            told = 8.0 * vectors[side.rows]
            return gains(weak.of(told), strong.of(told))

        return scores

    return learn


def encoded_and_boosted(vectors: Floats) -> Candidate:
    """The mean of it and of trees on traits."""

    def learn(known: Side) -> Scores:
        both = encoded(vectors)(known), boosted_traits(known)

        def scores(side: Side) -> Floats:
            return np.asarray(sum(told(side) for told in both) / 2)

        return scores

    return learn
