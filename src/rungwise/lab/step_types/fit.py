"""How is the classifier of step types learned? `python -m rungwise.lab.step_types.fit FILE`.

A multinomial logistic regression, with scikit-learn. What is tested was never seen: neither its
template nor its domain is among what was learned from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rungwise.lab.step_types.prompts import Prompt, prompts
from rungwise.policy.artefact import packed
from rungwise.policy.classifier import (
    BOUND,
    Classifier,
    Document,
    Provenance,
    Trait,
    classifier_of,
)
from rungwise.policy.sketch import BUCKETS, TRAITS, VERSION, Sketch, sketch_of
from rungwise.types import StepType

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["FOLDS", "RIGHT", "Sample", "fit", "held_out", "learn", "least_for", "sample_of"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

FOLDS = 4
"""Of templates, and as many of domains: a fold holds out a quarter of either."""

RIGHT = 0.95
"""Of what it does not abstain from, so many shall be right."""

LEAST_TEMPLATES = 2
"""A bucket counts that is in prompts of so many templates: else a template is learned by heart."""

LEAST_VARIED = 0.05
"""A trait counts that differs from its usual value in so many of the prompts."""

LEAST_KNOWN = 0.2
STRENGTH, WORDS, PLAIN = 1.0, 3.0, 0.3
"""The inverse of the L2 penalty; the scales of words and of traits under it."""

STEP_TYPES = tuple(StepType)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Prompts as columns, [n] each."""

    prompts: Sequence[Prompt]
    sketches: Sequence[Sketch]
    type_of: Rows
    template_fold: Rows
    domain_fold: Rows

    def written(self) -> NDArray[np.bool_]:
        return np.array([prompt.source == "written" for prompt in self.prompts])

    def outside(self, folds: Collection[int]) -> Rows:
        """Of none of these folds, neither by template nor by domain."""
        kept = ~np.isin(self.template_fold, list(folds)) & ~np.isin(self.domain_fold, list(folds))
        return np.flatnonzero(kept)

    def inside(self, fold: int) -> Rows:
        return np.flatnonzero((self.template_fold == fold) & (self.domain_fold == fold))


def sample_of(told: Iterable[Prompt]) -> Sample:
    found = list(told)
    domains = sorted({prompt.domain for prompt in found})
    return Sample(
        prompts=found,
        sketches=[sketch_of(prompt.chat) for prompt in found],
        type_of=np.array([STEP_TYPES.index(prompt.step_type) for prompt in found]),
        template_fold=np.array([int(p.template.rsplit("/", 1)[1]) % FOLDS for p in found]),
        domain_fold=np.array([domains.index(p.domain) % FOLDS for p in found]),
    )


def fit(sample: Sample, *, seed: int, progress: Callable[[], object] = lambda: None) -> Document:
    """The file. Where it abstains is chosen on what was held out. FOLDS + 1 steps of progress."""
    every = frozenset(range(FOLDS))
    p = held_out(sample, every, progress)
    tested = ~np.isnan(p[:, 0]) & sample.written()
    sure, right = p[tested].max(axis=1), p[tested].argmax(axis=1) == sample.type_of[tested]
    least = least_for(sure, right)
    told = [f"{p.step_type.value}\n{p.chat}" for p in sample.prompts]
    document = learn(sample, np.arange(len(told)), least=least)
    progress()
    provenance = Provenance(
        data="prompts made from the templates of lab/step_types/prompts.yaml and from the step "
        "suite: synthetic, English",
        data_sha256=sha256("\n".join(told).encode()).hexdigest(),
        count=len(told),
        templates=len({prompt.template for prompt in sample.prompts}),
        date=date.today().isoformat(),
        seed=seed,
        right_share=round(float(right[sure >= least].mean()), 4),
        answered_share=round(float((sure >= least).mean()), 4),
    )
    return document.model_copy(update={"provenance": provenance})


def held_out(
    sample: Sample, folds: frozenset[int], progress: Callable[[], object] = lambda: None
) -> Floats:
    """[n, step types]: P of what lies inside one of these folds, learned from what lies outside of
    it and of all other folds than these; NaN elsewhere."""
    p = np.full((len(sample.prompts), len(STEP_TYPES)), np.nan)
    others = frozenset(range(FOLDS)) - folds
    for fold in sorted(folds):
        rows = sample.inside(fold)
        p[rows] = foreseen(learn(sample, sample.outside(others | {fold})), sample, rows)
        progress()
    return p


def foreseen(document: Document, sample: Sample, rows: Rows) -> Floats:
    """[rows, step types], by the server's own arithmetic; 0 where it knows hardly any word."""
    classifier: Classifier = classifier_of(document, "held out")
    found = [classifier.probabilities(sample.sketches[row]) for row in rows]
    nothing = np.zeros(len(STEP_TYPES), np.float32)
    return np.array([nothing if p is None else p for p in found], np.float64)


def least_for(sure: Floats, right: NDArray[np.bool_]) -> float:
    """The lowest of 0.50, 0.51 ... at which RIGHT of what is as sure are right; 0.99 where none."""
    for least in np.arange(50, 99) / 100:
        answered = sure >= least
        if answered.any() and right[answered].mean() >= RIGHT:
            return float(least)
    return 0.99


def learn(sample: Sample, rows: Rows, *, least: float = 0.5) -> Document:
    from sklearn.linear_model import LogisticRegression

    buckets = _shared(sample, rows)
    traits = np.array([sample.sketches[row].traits for row in rows], np.float64)
    chosen = np.flatnonzero((traits != np.median(traits, axis=0)).mean(axis=0) >= LEAST_VARIED)
    middle, scale = traits[:, chosen].mean(axis=0), traits[:, chosen].std(axis=0)
    plain = ((traits[:, chosen] - middle) / scale).clip(-BOUND, BOUND) * PLAIN
    model = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3)
    model.fit(_table(sample, rows, buckets, plain), sample.type_of[rows])
    assert len(model.classes_) == len(STEP_TYPES), "every step type must be in the sample"
    words, weights = np.split(model.coef_, [len(buckets)], axis=1)
    return Document(
        sketch=VERSION,
        step_types=STEP_TYPES,
        least=least,
        least_known=LEAST_KNOWN,
        intercepts=_short(model.intercept_),
        traits={
            TRAITS[place]: Trait(
                middle=round(float(middle[i]), 5),
                scale=round(float(scale[i]), 6),
                weights=_short(weights[:, i] * PLAIN),
            )
            for i, place in enumerate(chosen)
        },
        buckets=packed(buckets, "<u2"),
        weights=packed(words.T * WORDS, "<f2"),
        provenance=Provenance(
            data="held out",
            data_sha256="",
            count=len(rows),
            templates=1,
            date="",
            seed=0,
            right_share=0,
            answered_share=0,
        ),
    )


def _short(numbers: Floats) -> tuple[float, ...]:
    return tuple(round(float(number), 5) for number in numbers)


def _shared(sample: Sample, rows: Rows) -> Rows:
    """The buckets that LEAST_TEMPLATES templates have in common, rising."""
    pairs = np.concatenate(
        [
            np.stack((sample.sketches[row].buckets.astype(np.int64), np.full(size, number)))
            for row, number in zip(rows, _numbers(sample, rows), strict=True)
            if (size := len(sample.sketches[row].buckets))
        ],
        axis=1,
    )
    once = np.unique(pairs, axis=1)
    buckets, templates = np.unique(once[0], return_counts=True)
    return np.asarray(buckets[templates >= LEAST_TEMPLATES])


def _numbers(sample: Sample, rows: Rows) -> list[int]:
    found: dict[str, int] = {}
    return [found.setdefault(sample.prompts[row].template, len(found)) for row in rows]


def _table(sample: Sample, rows: Rows, buckets: Rows, traits: Floats) -> csr_matrix:
    """[rows, buckets and traits]. As policy/classifier.py reads a sketch."""
    from scipy.sparse import csr_matrix, hstack

    places = np.full(BUCKETS, -1)
    places[buckets] = np.arange(len(buckets))
    known = [places[sample.sketches[row].buckets] for row in rows]
    known = [found[found >= 0] for found in known]
    sizes = np.array([len(found) for found in known])
    values = np.repeat(WORDS / np.sqrt(np.maximum(1, sizes)), sizes)
    ends = np.concatenate(([0], np.cumsum(sizes)))
    words = csr_matrix((values, np.concatenate(known), ends), shape=(len(rows), len(buckets)))
    return hstack([words, csr_matrix(traits)]).tocsr()


if __name__ == "__main__":
    file, seed = Path(sys.argv[1]), 0
    file.write_text(fit(sample_of(prompts(seed)), seed=seed).model_dump_json() + "\n", "utf-8")
