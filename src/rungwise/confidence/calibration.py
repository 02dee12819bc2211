"""Readings in, P(acceptable) out: what `rungwise calibrate` learned, as a small JSON file.

The model is logistic: p = sigmoid(intercept[step type] + sum of weight x reading). Weights are
never negative, so a reading that can only fall gives an upper bound on p that can only fall too:
that is what lets the gate stop a lost draft early, with certainty and not by guess.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rungwise.confidence.logprob import SIGNALS
from rungwise.errors import ConfigError
from rungwise.types import StepType

__all__ = ["Calibration", "Provenance", "load_calibration"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Provenance(_Part):
    """Where the numbers come from."""

    data: str
    data_sha256: str
    count: int = Field(ge=1)
    right: int = Field(ge=0)
    date: str
    seed: int
    max_loss: float
    confidence: float
    procedure: str


class Calibration(_Part):
    format: Literal["rungwise-calibration/1"] = "rungwise-calibration/1"
    name: str
    model: str
    """The model whose drafts were read, as its tier shows it."""
    signals: tuple[str, ...] = Field(min_length=1)
    weights: tuple[float, ...]
    """One per signal, per nat; never negative."""
    intercept: float
    intercepts: dict[StepType, float] = Field(default_factory=dict)
    """What is added to `intercept` for a step type that the data held enough of."""
    thresholds: dict[StepType, float | None] = Field(default_factory=dict)
    """The least p to accept at; None is "the data does not support any"."""
    threshold: float | None
    """The same for every step type without one of its own."""
    provenance: Provenance

    @model_validator(mode="after")
    def _consistent(self) -> Calibration:
        unknown = [name for name in self.signals if name not in SIGNALS]
        if unknown:
            raise ValueError(f"no signal is called {unknown[0]!r}; known: {', '.join(SIGNALS)}")
        if len(self.weights) != len(self.signals):
            raise ValueError("weights and signals differ in length")
        if min(self.weights) < 0:
            raise ValueError("a weight is negative")
        return self

    def probability(self, step_type: StepType, readings: Mapping[str, float]) -> float:
        """P(acceptable). KeyError when a signal has no reading."""
        z = self.intercept + self.intercepts.get(step_type, 0.0)
        for name, weight in zip(self.signals, self.weights, strict=True):
            z += weight * readings[name]
        return 1.0 / (1.0 + math.exp(-z)) if z > -700 else 0.0

    def threshold_for(self, step_type: StepType) -> float | None:
        return self.thresholds.get(step_type, self.threshold)


def load_calibration(path: Path, *, model: str) -> Calibration:
    """Read a calibration fitted for `model`. Raises ConfigError for any other file."""
    mend = "run `rungwise calibrate` for this tier, or correct gates[].calibration"
    try:
        calibration = Calibration.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {mend}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not a calibration ({_first_fault(error)}); {mend}") from None
    if calibration.model != model:
        raise ConfigError(
            f"{path}: fitted on drafts of {calibration.model!r}, but the tier serves {model!r}; "
            + mend
        )
    return calibration


def _first_fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        return f"{place}: {fault['msg']}" if place else fault["msg"]
    return str(error).splitlines()[0] if str(error) else type(error).__name__
