"""What stands in the file of a predictor of difficulty? Numbers only, and where they come from.

For each tier, z is the mix of two predictors on one sketch, and P(acceptable) = sigmoid(z):

    z = intercept + of_words * linear + of_trees * (start + the sum of its trees' leaves)

linear: intercept + the sum over known buckets of weight x value / |values| + the sum over inputs of
weight x (input - middle) / scale, each bounded by BOUND; value = rarity x (1 + log count).
trees: complete and three deep. From a node to its left where the input is at most the threshold.
inputs: the sketch's traits, then one for each step type: 1 where it is that one, else 0.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rungwise.policy.artefact import Part, unpacked
from rungwise.policy.sketch import BUCKETS, TRAITS, VERSION
from rungwise.types import StepType

__all__ = [
    "BOUND",
    "LEAVES",
    "MOST",
    "NARROWEST",
    "NODES",
    "WIDEST",
    "Document",
    "Inputs",
    "Link",
    "Logistic",
    "Mix",
    "Number",
    "Provenance",
    "Spread",
    "Trees",
    "Usual",
    "Words",
]

BOUND = 5.0
"""Scaled inputs go no further: what is far from all that was seen says no more than that."""
NODES, LEAVES = 7, 8

MOST = 1000.0
"""No weight is further from 0: of such numbers no sum overflows, and none that was learned is
nearly as large."""
WIDEST, NARROWEST = 65504.0, 1e-6
"""What an input can be, in half precision, and so how far its middle and scale can lie."""

Number = Annotated[float, Field(ge=-MOST, le=MOST)]
_DAY = r"^\d{4}-\d{2}-\d{2}$"


class Logistic(Part):
    """P = sigmoid(intercept + slope * logit(the P that was foreseen))."""

    intercept: float = Field(ge=-100, le=100)
    slope: float = Field(ge=-100, le=100)


class Link(Part):
    """P(`tier` is right), by whether the draft of `refused` is."""

    refused: str
    tier: str
    right: Logistic
    wrong: Logistic
    count: int = Field(ge=1)


class Words(Part):
    buckets: str
    """[n] <u2, rising."""
    rarity: str
    """[n] <f2, above 0, up to MOST."""
    weights: str
    """[n, tiers] <f2, from -MOST to MOST, as those below."""


class Inputs(Part):
    middle: str
    """[inputs] <f4."""
    scale: str
    """[inputs] <f4, above 0."""
    weights: str
    """[inputs, tiers] <f4."""


class Trees(Part):
    """Of all tiers, those of the first tier first."""

    counts: tuple[int, ...]
    """By tier."""
    inputs: str
    """[trees, NODES] <u2: the root, its children, and theirs."""
    thresholds: str
    """[trees, NODES] <f4."""
    leaves: str
    """[trees, LEAVES] <f4."""


class Mix(Part):
    """What becomes of the two predictors' numbers, for one tier."""

    intercept: Number
    of_words: Number
    of_trees: Number
    linear: Number
    """The linear predictor's intercept."""
    start: Number
    """The trees' first guess."""


class Usual(Part):
    """What a draft used; None is "was not recorded"."""

    tokens: float | None = Field(default=None, ge=0, le=1e9)
    seconds: float | None = Field(default=None, ge=0, le=1e9)
    count: int = Field(ge=1)


class Spread(Part):
    """P(confidence >= bar) of drafts that are right, and of those that are wrong."""

    probability: tuple[float, ...] = Field(min_length=1)
    """[bins], rising: the P that was foreseen, the mean of each bin."""
    bars: tuple[float, ...] = Field(min_length=2)
    """[bars], rising from 0 to 1."""
    of_right: tuple[tuple[float, ...], ...]
    of_wrong: tuple[tuple[float, ...], ...]
    """[bins][bars] both."""
    count: int = Field(ge=1)

    @model_validator(mode="after")
    def _tables(self) -> Spread:
        for name, told in (("probability", self.probability), ("bars", self.bars)):
            if any(b <= a for a, b in pairwise(told)):
                raise ValueError(f"{name}: must rise")
        if self.probability[0] < 0 or self.probability[-1] > 1:
            raise ValueError("probability: P lies between 0 and 1")
        if self.bars[0] != 0 or self.bars[-1] != 1:
            raise ValueError("bars: must go from 0 to 1")
        for name, table in (("of_right", self.of_right), ("of_wrong", self.of_wrong)):
            if len(table) != len(self.probability) or any(len(r) != len(self.bars) for r in table):
                raise ValueError(f"{name}: must have a row for each bin, a number for each bar")
            if any(not 0 <= p <= 1 for row in table for p in row):
                raise ValueError(f"{name}: P lies between 0 and 1")
        return self


class Provenance(Part):
    """Where the numbers come from, and how good they were on steps that they had not seen."""

    data: str
    data_sha256: str
    since: str | None = Field(default=None, pattern=_DAY)
    until: str | None = Field(default=None, pattern=_DAY)
    """The first and the last day, UTC, of the ledger's entries; None: it is of no ledger."""
    rows: int = Field(ge=1)
    groups: int = Field(ge=1)
    date: str
    version: str
    """Of rungwise."""
    seed: int
    folds: int
    validated: dict[str, dict[str, float]]
    """By tier, out of fold: log loss in nats beside that of the tier's own share of right drafts
    alone, AUROC, and how many labels."""


class Document(Part):
    """The file. `tiers` are lowest first; what is by tier is in their order."""

    format: Literal["rungwise-difficulty/1"] = "rungwise-difficulty/1"
    name: str = Field(min_length=1, max_length=80)
    sketch: int
    """The version of the sketch that it reads."""
    tiers: tuple[str, ...] = Field(min_length=1, max_length=32)
    step_types: tuple[StepType, ...]
    words: Words
    inputs: Inputs
    trees: Trees
    mix: tuple[Mix, ...]
    links: tuple[Link, ...] = ()
    usual: dict[str, dict[StepType | Literal["all"], Usual]] = Field(default_factory=dict)
    spreads: dict[str, Spread] = Field(default_factory=dict)
    provenance: Provenance

    @property
    def width(self) -> int:
        """How many inputs there are."""
        return len(TRAITS) + len(self.step_types)

    @model_validator(mode="after")
    def _consistent(self) -> Document:
        if self.sketch != VERSION:
            raise ValueError(f"reads sketches of version {self.sketch}, and these are {VERSION}")
        for name, told in (("tiers", self.tiers), ("step_types", self.step_types)):
            if len(set(told)) != len(told):
                raise ValueError(f"{name}: one is there twice")
        if len(self.mix) != len(self.tiers) or len(self.trees.counts) != len(self.tiers):
            raise ValueError("mix and trees.counts must have one for each tier")
        pairs = [(link.refused, link.tier) for link in self.links]
        named = {name for pair in pairs for name in pair} | set(self.usual) | set(self.spreads)
        if unknown := sorted(named - set(self.tiers)):
            raise ValueError(f"{unknown[0]!r:.60} is not among the tiers")
        if len(set(pairs)) != len(pairs):
            raise ValueError("links: one pair is there twice")
        self._check_words()
        self._check_inputs()
        self._check_trees()
        return self

    def _check_words(self) -> None:
        buckets = unpacked(self.words.buckets, "<u2")[:, 0]
        rarity = unpacked(self.words.rarity, "<f2")[:, 0]
        weights = unpacked(self.words.weights, "<f2", columns=len(self.tiers))
        if not len(buckets) == len(rarity) == len(weights) <= BUCKETS:
            raise ValueError("words: the tables differ in length")
        if (buckets[1:] <= buckets[:-1]).any() or (rarity <= 0).any():
            raise ValueError("words: buckets must rise, and be of some rarity")
        _bounded("words", rarity, weights)

    def _check_inputs(self) -> None:
        middle, scale = (unpacked(t, "<f4") for t in (self.inputs.middle, self.inputs.scale))
        weights = unpacked(self.inputs.weights, "<f4", columns=len(self.tiers))
        if not len(middle) == len(scale) == len(weights) == self.width:
            raise ValueError(f"inputs: {self.width} are read")
        if (scale < NARROWEST).any():
            raise ValueError(f"inputs: a scale is above 0, at least {NARROWEST:g}")
        _bounded("inputs", middle, scale, most=WIDEST)
        _bounded("inputs", weights)

    def _check_trees(self) -> None:
        inputs = unpacked(self.trees.inputs, "<u2", columns=NODES)
        thresholds = unpacked(self.trees.thresholds, "<f4", columns=NODES)
        leaves = unpacked(self.trees.leaves, "<f4", columns=LEAVES)
        if min(self.trees.counts) < 0:
            raise ValueError("trees.counts: a number of trees is not negative")
        if not len(inputs) == len(thresholds) == len(leaves) == sum(self.trees.counts):
            raise ValueError("trees: the tables differ in length")
        if (inputs >= self.width).any():
            raise ValueError(f"trees: only {self.width} inputs are read")
        _bounded("trees", leaves)


def _bounded(name: str, *tables: NDArray[np.float32], most: float = MOST) -> None:
    if any((np.abs(table) > most).any() for table in tables):
        raise ValueError(f"{name}: a number is further from 0 than {most:g}")
