"""What is told of a rung's gate? Its calibration, and from which confidence on drafts leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.confidence.calibration import Calibration, read_calibration
from rungwise.config import Config
from rungwise.types import JsonObject

__all__ = ["Gated", "gated_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    tier: str
    model: str
    accept: str
    calibration: Calibration | None
    """None: not calibrated."""

    @property
    def named(self) -> JsonObject:
        """In short."""
        calibration = self.calibration
        return {"accept": self.accept, "calibration": calibration.name if calibration else None}

    @property
    def shown(self) -> JsonObject:
        found = self.calibration
        return {
            "tier": self.tier,
            "model": self.model,
            **self.named,
            "fitted": found.provenance.date if found else None,
            "fitted_on": found.provenance.count if found else None,
            "promise": _promise(found) if found else None,
            "thresholds": _thresholds(found) if found else {},
        }


def gated_of(config: Config) -> Sequence[Gated]:
    """Of a configuration whose gates were made: every calibration can be read."""
    models = {tier.name: tier.shown_model for tier in config.tiers}
    return [
        Gated(
            tier=gate.tier,
            model=models[gate.tier],
            accept=gate.accept,
            calibration=None
            if gate.calibration is None
            else read_calibration(gate.calibration, "correct gates[].calibration"),
        )
        for gate in config.gates
    ]


def _promise(found: Calibration) -> JsonObject:
    promise = found.promise
    return {
        "kind": promise.kind,
        "limit": promise.limit,
        "confidence": promise.confidence,
        "reference": promise.reference,
    }


def _thresholds(found: Calibration) -> JsonObject:
    return {
        step_type.value: {
            "whole": threshold.whole,
            "prefix": threshold.prefix,
            "labels": threshold.labels,
            "pooled": threshold.pooled,
        }
        for step_type, threshold in found.thresholds.items()
    }
