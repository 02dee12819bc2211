"""How does what was learned become a calibration file, and what is in one that is there?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from rungwise.confidence.calibration import (
    Calibration,
    Curve,
    Prefix,
    Promise,
    Provenance,
    Table,
    Threshold,
)
from rungwise.errors import ConfigError
from rungwise.lab.calibration.calibrate import Calibrated, Options, recovery
from rungwise.lab.calibration.fit import Fitted
from rungwise.lab.calibration.isotonic import Rising
from rungwise.lab.calibration.promise import Chosen
from rungwise.lab.calibration.recorded import Recorded, digest
from rungwise.lab.calibration.threshold_report import how_drawn, ways_tested
from rungwise.types import StepType

__all__ = ["Origin", "artefact", "curve_of", "fitted_of", "write_artefact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whose drafts they were, and where the labels come from."""

    model: str
    revision: str
    source: str
    reference: str
    """Which rung the loss is counted against."""


def artefact(
    name: str,
    calibrated: Calibrated,
    items: Sequence[Recorded],
    signals: Sequence[str],
    options: Options,
    origin: Origin,
) -> Calibration:
    """Step types and signals must be ones that the gate knows (ValidationError else)."""
    aim, recovers = options.aim, recovery(calibrated, options.seed)
    return Calibration(
        name=name,
        model=origin.model,
        revision=origin.revision,
        signals=tuple(signals),
        finished=curve_of(calibrated.finished.best),
        prefixes=tuple(
            Prefix(
                tokens=length, acceptable=curve_of(acceptable), recovery=curve_of(recovers[length])
            )
            for length, acceptable in sorted(calibrated.acceptable.items())
        ),
        thresholds={
            StepType(name): _threshold(chosen, early=name in calibrated.early)
            for name, chosen in calibrated.chosen.items()
        },
        promise=Promise(
            kind=aim.kind,
            limit=aim.limit,
            confidence=aim.confidence,
            reference=origin.reference,
            procedure=_procedure(calibrated),
            level=calibrated.level,
        ),
        provenance=Provenance(
            data=origin.source,
            data_sha256=digest(items),
            count=len(items),
            right=sum(item.right for item in items),
            date=datetime.now(UTC).date().isoformat(),
            seed=options.seed,
            compared={kind: round(v, 6) for kind, v in calibrated.finished.losses.items()},
        ),
    )


def _procedure(calibrated: Calibrated) -> str:
    return (
        "Learn-then-Test (arXiv 2110.01052): fixed sequence, exact binomial p-values, Bonferroni "
        f"over {calibrated.tests} sequences (one for each step type, for {ways_tested(calibrated)}"
        f"); fitted and tested on disjoint parts{how_drawn(calibrated)}"
    )


def _threshold(chosen: Chosen, *, early: bool) -> Threshold:
    return Threshold(
        whole=chosen.threshold,
        prefix=chosen.threshold if early else None,
        labels=chosen.labels,
        needed=chosen.needed,
        pooled=chosen.pooled,
    )


def curve_of(fitted: Fitted) -> Curve:
    """What the gate reads. Signals and step types must be ones that it knows (ValidationError)."""
    table = fitted.table
    return Curve(
        weights=dict(fitted.weights),
        intercept=fitted.intercept,
        intercepts={StepType(name): value for name, value in fitted.intercepts.items()},
        table=None if table is None else Table(z=tuple(table.z), p=tuple(table.p)),
    )


def fitted_of(curve: Curve) -> Fitted:
    """The same curve, for many drafts at once."""
    table = curve.table
    return Fitted(
        weights=curve.weights,
        intercept=curve.intercept,
        intercepts={step_type.value: value for step_type, value in curve.intercepts.items()},
        table=None if table is None else Rising(z=np.array(table.z), p=np.array(table.p)),
    )


def write_artefact(path: Path, calibration: Calibration) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(calibration.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
