"""Readings in, P(acceptable) out: what `rungwise calibrate` learned, as a small JSON file.

A curve gives z = intercept + intercept[step type] + sum of weight x reading, and P as the sigmoid
of z or from a monotone table. A weight points the way its signal does, so a reading that can only
get worse bounds P from above: that is what lets the gate stop a lost draft with certainty.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rungwise.confidence.signals import SIGNALS
from rungwise.errors import ConfigError
from rungwise.types import StepType

__all__ = [
    "Calibration",
    "Curve",
    "Prefix",
    "Promise",
    "Provenance",
    "Threshold",
    "load_calibration",
    "read_calibration",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Table(_Part):
    """P at rising z, linear between two points and flat outside: an isotonic fit."""

    z: tuple[float, ...] = Field(min_length=1)
    p: tuple[float, ...]

    @model_validator(mode="after")
    def _rising(self) -> Table:
        if len(self.z) != len(self.p):
            raise ValueError("z and p differ in length")
        if list(self.z) != sorted(self.z) or list(self.p) != sorted(self.p):
            raise ValueError("a table must rise")
        if not all(0 <= p <= 1 for p in self.p):
            raise ValueError("p lies between 0 and 1")
        return self

    def at(self, z: float) -> float:
        above = bisect_right(self.z, z)
        if above == 0:
            return self.p[0]
        if above == len(self.z):
            return self.p[-1]
        low, high = self.z[above - 1], self.z[above]
        share = (z - low) / (high - low)
        return self.p[above - 1] + share * (self.p[above] - self.p[above - 1])


class Curve(_Part):
    """One number P from the readings of one draft."""

    weights: dict[str, float]
    """By signal, per unit of its reading."""
    intercept: float
    intercepts: dict[StepType, float] = Field(default_factory=dict)
    """What is added to `intercept` for a step type that the data held enough of."""
    table: Table | None = None

    @model_validator(mode="after")
    def _points_the_right_way(self) -> Curve:
        for name, weight in self.weights.items():
            if name not in SIGNALS:
                raise ValueError(f"no signal is called {name!r}; known: {', '.join(SIGNALS)}")
            if weight * SIGNALS[name].surer < 0:
                raise ValueError(f"the weight of {name} points the wrong way")
        return self

    def probability(self, step_type: StepType, readings: Mapping[str, float | None]) -> float:
        """P for these readings; None for one is "as sure as any". KeyError for a missing one."""
        z = self.intercept + self.intercepts.get(step_type, 0.0)
        for name, weight in self.weights.items():
            if weight == 0.0:
                continue
            reading = readings[name]
            if reading is None:
                return 1.0 if self.table is None else self.table.p[-1]
            z += weight * reading
        if self.table is not None:
            return self.table.at(z)
        return 1.0 / (1.0 + math.exp(-z)) if z > -700 else 0.0


class Prefix(_Part):
    """What the beginning of a draft says, once so many deciding tokens were read."""

    tokens: int = Field(ge=1)
    acceptable: Curve
    """P(the finished draft is acceptable)."""
    recovery: Curve
    """P(the finished draft will reach its threshold)."""


class Threshold(_Part):
    """The least P to accept at, for one step type. None: the data supports no promise."""

    whole: float | None
    prefix: float | None = None
    """The same number where drafts may also leave at their beginning; None: all are held whole."""
    labels: int = Field(ge=0)
    """How many labelled drafts it was chosen on."""
    needed: int = Field(default=0, ge=0)
    """How many more labels would be needed at the least, where there is no threshold."""
    pooled: bool = False
    """True: the promise holds for the thin step types together, mixed as in the data."""


class Promise(_Part):
    """What a threshold keeps, and by which procedure."""

    kind: Literal["loss", "spending"] = "loss"
    limit: float = Field(gt=0, lt=1)
    """loss: the share of all steps that are accepted and wrong though the reference would have
    been right; spending: the share of all steps that climb."""
    confidence: float = Field(gt=0, lt=1)
    reference: str
    procedure: str
    level: float = Field(gt=0, lt=1)
    """1 - confidence, shared out over the step types that are tested."""


class Provenance(_Part):
    """Where the numbers come from."""

    data: str
    data_sha256: str
    count: int = Field(ge=1)
    right: int = Field(ge=0)
    date: str
    seed: int
    compared: dict[str, float] = Field(default_factory=dict)
    """Held-out log loss per draft of each kind of fit, in nats."""


class Calibration(_Part):
    format: Literal["rungwise-calibration/2"] = "rungwise-calibration/2"
    name: str
    model: str
    """The model whose drafts were read, as its tier shows it."""
    revision: str
    """Which weights, and how they are run: see tiers/revision.py."""
    signals: tuple[str, ...] = Field(min_length=1)
    finished: Curve
    prefixes: tuple[Prefix, ...] = ()
    thresholds: dict[StepType, Threshold]
    promise: Promise
    provenance: Provenance

    @model_validator(mode="after")
    def _consistent(self) -> Calibration:
        for curve in (
            self.finished,
            *(c for p in self.prefixes for c in (p.acceptable, p.recovery)),
        ):
            unknown = sorted(set(curve.weights) - set(self.signals))
            if unknown:
                raise ValueError(f"{unknown[0]!r} has a weight, but is not among the signals")
        lengths = [prefix.tokens for prefix in self.prefixes]
        if lengths != sorted(set(lengths)):
            raise ValueError("the prefixes must get longer")
        return self

    def threshold_for(self, step_type: StepType) -> Threshold:
        return self.thresholds.get(step_type, Threshold(whole=None, labels=0))


def read_calibration(path: Path, mend: str) -> Calibration:
    """A calibration, whichever model it is for. Raises ConfigError that ends with the mend."""
    try:
        return Calibration.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {mend}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not a calibration ({_first_fault(error)}); {mend}") from None


def load_calibration(
    path: Path, *, model: str, revision: str, signals: tuple[str, ...] | None = None
) -> Calibration:
    """Read a calibration fitted for this model and revision, and for these signals where they are
    given. Raises ConfigError for any other file."""
    mend = "run `rungwise calibrate` for this tier, or correct gates[].calibration"
    calibration = read_calibration(path, mend)
    if calibration.model != model:
        raise ConfigError(
            f"{path}: fitted on drafts of {calibration.model!r}, but the tier serves {model!r}; "
            + mend
        )
    if calibration.revision != revision:
        raise ConfigError(
            f"{path}: fitted on revision {calibration.revision} of {model!r}, but the tier serves "
            f"{revision}; {mend}"
        )
    if signals is not None and set(signals) != set(calibration.signals):
        raise ConfigError(
            f"{path}: fitted on the signals {', '.join(calibration.signals)}, but the gate names "
            f"{', '.join(signals)}; {mend}, or remove gates[].signals"
        )
    return calibration


def _first_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        return f"{place}: {fault['msg']}" if place else fault["msg"]
    return str(error).splitlines()[0] if str(error) else type(error).__name__
