"""How good is a curve on drafts that it was not fitted on? Over all, by signal, by step type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.fit import Fitted, direction
from rungwise.lab.calibration.quality import auroc, brier, calibration_error, error_interval
from rungwise.lab.calibration.readings import Sample

__all__ = ["Figures", "TypeFigures", "as_json", "as_lines", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeFigures:
    """Of one step type; `loss` and `accepted_share` are None without a threshold."""

    count: int
    accuracy: float
    auroc: float | None
    ece: float
    brier: float
    accepted_share: float
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    count: int
    accuracy: float
    auroc: float | None
    auroc_per_signal: Mapping[str, float | None]
    ece: float
    ece_interval: tuple[float, float]
    brier: float
    accepted_share: float
    loss: float
    by_step_type: Mapping[str, TypeFigures]


def measure(fitted: Fitted, sample: Sample, thresholds: Mapping[str, float]) -> Figures:
    """`thresholds` are of finished drafts by step type; without one nothing is accepted."""
    readings, right = sample.finished, sample.right
    p = fitted.probabilities(readings)
    least = np.array([thresholds.get(name, 2.0) for name in sample.step_types])
    accepted = p >= least[sample.type_of]
    lost = accepted & sample.lost
    columns = readings.values * direction(readings, right)

    def of_type(number: int) -> TypeFigures:
        rows = sample.type_of == number
        return TypeFigures(
            count=int(rows.sum()),
            accuracy=float(right[rows].mean()),
            auroc=auroc(p[rows], right[rows]),
            ece=calibration_error(p[rows], right[rows]),
            brier=brier(p[rows], right[rows]),
            accepted_share=float(accepted[rows].mean()),
            loss=float(lost[rows].mean()),
        )

    return Figures(
        count=len(sample),
        accuracy=float(right.mean()),
        auroc=auroc(p, right),
        auroc_per_signal={
            name: auroc(columns[:, i], right) for i, name in enumerate(readings.signals)
        },
        ece=calibration_error(p, right),
        ece_interval=error_interval(p, right, sample.group),
        brier=brier(p, right),
        accepted_share=float(accepted.mean()),
        loss=float(lost.mean()),
        by_step_type={
            name: of_type(i)
            for i, name in enumerate(sample.step_types)
            if (sample.type_of == i).any()
        },
    )


def as_json(figures: Figures) -> dict[str, object]:
    """For a measurement's file."""
    found: dict[str, object] = {
        name: getattr(figures, name)
        for name in ("count", "accuracy", "ece", "brier", "auroc", "accepted_share", "loss")
    }
    return {
        **found,
        "ece_interval": list(figures.ece_interval),
        "auroc_per_signal": dict(figures.auroc_per_signal),
        "by_step_type": {
            name: {field: getattr(row, field) for field in TypeFigures.__slots__}
            for name, row in figures.by_step_type.items()
        },
    }


def as_lines(figures: Figures) -> list[str]:
    """For the terminal."""
    low, high = figures.ece_interval
    signals = ", ".join(f"{name} {_told(v)}" for name, v in figures.auroc_per_signal.items())
    return [
        f"{figures.count} drafts, {figures.accuracy:.1%} right",
        f"expected calibration error {figures.ece:.3f} [{low:.3f}, {high:.3f}]",
        f"Brier score {figures.brier:.3f}",
        f"AUROC {_told(figures.auroc)} (by signal: {signals})",
    ]


def _told(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
