"""Which threshold suits this tier? Drafts labelled steps, reads each draft, fits, and reports."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from rungwise.confidence.calibration import Calibration, Provenance
from rungwise.confidence.gate import read_draft
from rungwise.contracts import Tier
from rungwise.drafts import collect
from rungwise.errors import ConfigError
from rungwise.lab.chats import chat_of
from rungwise.lab.fit import Labelled, auroc, expected_calibration_error, fit, threshold
from rungwise.lab.steps import Step
from rungwise.types import Piece, StepType

__all__ = ["calibrate", "draft_and_label", "quality"]

PROCEDURE = "Learn-then-Test, fixed sequence, exact binomial; fit and test on disjoint halves"
MINIMUM = 100
"""Fewer labelled drafts than this are refused: no useful promise can be kept with them."""


async def draft_and_label(
    tier: Tier,
    steps: Sequence[Step],
    signals: Sequence[str],
    *,
    concurrency: int,
    progress: Callable[[], object],
) -> list[Labelled]:
    """Draft every step on `tier` and check it. Drafts without a reading are left out."""
    permits = asyncio.Semaphore(concurrency)

    async def one(step: Step) -> Labelled | None:
        async with permits:
            found = await _label(tier, step, signals)
        progress()
        return found

    labelled = await asyncio.gather(*(one(step) for step in steps))
    return [item for item in labelled if item is not None]


async def _label(tier: Tier, step: Step, signals: Sequence[str]) -> Labelled | None:
    chat = chat_of(step)
    drafting = tier.draft(chat, read=True)
    try:
        pieces: list[Piece] = [piece async for piece in drafting]
    finally:
        await drafting.aclose()
    readings = read_draft(chat, pieces, tuple(signals))
    if readings is None:
        return None
    choice = collect(pieces)[0]
    calls = [(call.name, call.arguments) for call in choice.tool_calls]
    return Labelled(
        step_type=StepType(step.step_type),
        readings=readings,
        right=choice.finish != "length" and step.check(choice.text, calls),
    )


def calibrate(
    data: Sequence[Labelled],
    *,
    name: str,
    model: str,
    signals: Sequence[str],
    source: str,
    max_loss: float,
    confidence: float,
    seed: int = 0,
) -> Calibration:
    """Fit on one half, choose the threshold on the other. ConfigError for too little data."""
    if len(data) < MINIMUM:
        raise ConfigError(
            f"{source}: {len(data)} labelled drafts with readings, at least {MINIMUM} are needed; "
            "label more, or check that the tier gives log-probabilities"
        )
    order = np.random.default_rng(seed).permutation(len(data))
    fitting = [data[i] for i in order[::2]]
    testing = [data[i] for i in order[1::2]]
    try:
        model_fit = fit(fitting, signals)
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from None
    chosen = threshold(
        model_fit.probabilities(testing),
        [item.right for item in testing],
        max_loss=max_loss,
        confidence=confidence,
    )
    return Calibration(
        name=name,
        model=model,
        signals=tuple(signals),
        weights=model_fit.weights,
        intercept=model_fit.intercept,
        intercepts=dict(model_fit.intercepts),
        threshold=chosen,
        provenance=Provenance(
            data=source,
            data_sha256=_digest(data),
            count=len(data),
            right=sum(item.right for item in data),
            date=datetime.now(UTC).date().isoformat(),
            seed=seed,
            max_loss=max_loss,
            confidence=confidence,
            procedure=PROCEDURE,
        ),
    )


def quality(calibration: Calibration, data: Sequence[Labelled]) -> dict[str, object]:
    """AUROC per signal and combined, calibration error, coverage and loss on other data."""
    right = [item.right for item in data]
    p = np.array([calibration.probability(item.step_type, item.readings) for item in data])
    types = sorted({item.step_type for item in data})
    accepted = p >= (2.0 if calibration.threshold is None else calibration.threshold)
    wrong = ~np.asarray(right, dtype=bool)
    return {
        "count": len(data),
        "accuracy": float(np.mean(right)),
        "auroc": auroc(p, right),
        "auroc_per_signal": {
            name: auroc([item.readings[name] for item in data], right)
            for name in calibration.signals
        },
        "auroc_per_step_type": {
            t.value: {
                "count": sum(item.step_type == t for item in data),
                "auroc": _auroc_of(calibration, [item for item in data if item.step_type == t]),
            }
            for t in types
        },
        "ece": expected_calibration_error(p, right),
        "brier": float(np.mean((p - np.asarray(right, dtype=np.float64)) ** 2)),
        "accepted_share": float(np.mean(accepted)),
        "loss": float(np.mean(accepted & wrong)),
    }


def _auroc_of(calibration: Calibration, data: Sequence[Labelled]) -> float | None:
    p = [calibration.probability(item.step_type, item.readings) for item in data]
    return auroc(p, [item.right for item in data])


def _digest(data: Sequence[Labelled]) -> str:
    lines = (
        json.dumps([item.step_type.value, _rounded(item.readings), item.right]) for item in data
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _rounded(readings: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in sorted(readings.items())}
