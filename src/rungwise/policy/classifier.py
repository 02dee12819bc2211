"""What kind of step does a chat look like, and how sure is that? Learned, as a file of numbers.

A multinomial logistic regression on the sketch: z = intercepts + the sum of the weights of its
known buckets / sqrt(how many are known) + the sum of weight x (trait - middle) / scale, where that
is bounded, for each step type, and P = softmax(z). It abstains under the probability that its file
states, and where it knows hardly any of the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rungwise.policy.artefact import Part, read_artefact, unpacked
from rungwise.policy.difficulty_file import MOST, NARROWEST, WIDEST, Number
from rungwise.policy.sketch import BUCKETS, TRAITS, VERSION, Sketch
from rungwise.types import StepType

__all__ = [
    "BOUND",
    "Classifier",
    "Document",
    "Provenance",
    "Trait",
    "classifier_of",
    "load_classifier",
]

BOUND = 3.0
"""A trait that is far from all that was seen says no more than this."""

MEND = "correct routing.classifier, or fit another with `python -m rungwise.lab.step_types.fit`"


class Provenance(Part):
    """Where the numbers come from, and how good they were on templates that they had not seen."""

    data: str
    data_sha256: str
    count: int = Field(ge=1)
    templates: int = Field(ge=1)
    date: str
    seed: int
    right_share: float = Field(ge=0, le=1)
    """Of those that it did not abstain from."""
    answered_share: float = Field(ge=0, le=1)


class Trait(Part):
    middle: float = Field(ge=-WIDEST, le=WIDEST)
    scale: float = Field(ge=NARROWEST, le=WIDEST)
    weights: tuple[Number, ...]


class Document(Part):
    """The file. What is by step type is in their order."""

    format: Literal["rungwise-step-types/1"] = "rungwise-step-types/1"
    sketch: int
    """The version of the sketch that it reads."""
    step_types: tuple[StepType, ...] = Field(min_length=2)
    least: float = Field(ge=0, lt=1)
    """It abstains where no step type is as probable as this."""
    least_known: float = Field(ge=0, le=1)
    """It abstains where a smaller share of the sketch's buckets is known to it."""
    intercepts: tuple[Number, ...]
    traits: dict[str, Trait]
    """Those that count."""
    buckets: str
    """[n] <u2, rising."""
    weights: str
    """[n, step types] <f2, from -MOST to MOST."""
    provenance: Provenance

    @model_validator(mode="after")
    def _consistent(self) -> Document:
        if self.sketch != VERSION:
            raise ValueError(f"reads sketches of version {self.sketch}, and these are {VERSION}")
        if len(set(self.step_types)) != len(self.step_types):
            raise ValueError("step_types: one is there twice")
        size = len(self.step_types)
        if unknown := sorted(set(self.traits) - set(TRAITS)):
            raise ValueError(f"traits: a sketch has no {unknown[0]!r:.60}")
        by_trait = (trait.weights for trait in self.traits.values())
        if any(len(told) != size for told in (self.intercepts, *by_trait)):
            raise ValueError(f"intercepts and traits need {size} numbers, one for each step type")
        buckets = self.table("buckets")
        if not len(buckets) or (np.diff(buckets[:, 0]) <= 0).any():
            raise ValueError("buckets: must rise, and not be empty")
        if buckets[-1, 0] >= BUCKETS:
            raise ValueError(f"buckets: there are only {BUCKETS}")
        weights = self.table("weights")
        if len(weights) != len(buckets):
            raise ValueError("weights: not one row for each bucket")
        if (np.abs(weights) > MOST).any():
            raise ValueError(f"weights: a number is further from 0 than {MOST:g}")
        return self

    def table(self, name: Literal["buckets", "weights"]) -> NDArray[np.float32]:
        """Raises ValueError."""
        try:
            if name == "buckets":
                return unpacked(self.buckets, "<u2")
            return unpacked(self.weights, "<f2", columns=len(self.step_types))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classifier:
    name: str
    """Short, with a digest of its numbers."""
    step_types: tuple[StepType, ...]
    least: float
    least_known: float
    places: NDArray[np.uint16]
    """[BUCKETS], which row of `weights`; 0 is of no known bucket."""
    weights: NDArray[np.float32]
    """[1 + known buckets, step types]; the first row is 0."""
    chosen: NDArray[np.intp]
    """[traits that count], their places in TRAITS."""
    middle: NDArray[np.float32]
    scale: NDArray[np.float32]
    traits: NDArray[np.float32]
    """[traits that count, step types], their weights."""
    intercepts: NDArray[np.float32]

    def likeliest(self, sketch: Sketch) -> tuple[StepType, float] | None:
        """With its probability; None where it abstains."""
        p = self.probabilities(sketch)
        if p is None:
            return None
        best = int(p.argmax())
        probability = float(p[best])
        return (self.step_types[best], probability) if probability >= self.least else None

    def probabilities(self, sketch: Sketch) -> NDArray[np.float32] | None:
        """[step types]; None where it knows hardly any of the words, or a number came out as
        none."""
        places = self.places[sketch.buckets]
        places = places[places > 0]
        known = len(places)
        if known == 0 or known < self.least_known * len(sketch.buckets):
            return None
        z = self.weights[places].sum(axis=0) / np.float32(known) ** 0.5
        traits = (sketch.traits[self.chosen] - self.middle) / self.scale
        z = z + traits.clip(-BOUND, BOUND) @ self.traits + self.intercepts
        if not np.isfinite(z).all():
            return None
        p = np.exp(z - z.max())
        return np.asarray(p / p.sum())


def load_classifier(path: Path) -> Classifier:
    """Raises ConfigError for anything that is no such file."""
    told, name = read_artefact(path, Document, mend=MEND)
    return classifier_of(told, name)


def classifier_of(told: Document, name: str) -> Classifier:
    size = len(told.step_types)
    buckets = told.table("buckets")[:, 0].astype(np.int64)
    places = np.zeros(BUCKETS, np.uint16)
    places[buckets] = np.arange(1, len(buckets) + 1)
    traits = {TRAITS.index(name): trait for name, trait in told.traits.items()}
    return Classifier(
        name=name,
        step_types=told.step_types,
        least=told.least,
        least_known=told.least_known,
        places=places,
        weights=np.vstack((np.zeros((1, size), np.float32), told.table("weights"))),
        chosen=np.array(list(traits), np.intp),
        middle=np.array([trait.middle for trait in traits.values()], np.float32),
        scale=np.array([trait.scale for trait in traits.values()], np.float32),
        traits=np.array([t.weights for t in traits.values()], np.float32).reshape(-1, size),
        intercepts=np.array(told.intercepts, np.float32),
    )
