"""Recorded drafts whose truth is known: P(right) is a formula of their readings."""

from collections.abc import Sequence

import numpy as np

from rungwise.lab.calibration.recorded import Recorded

SIGNALS = ("mean_logprob", "min_logprob")
TYPES = ("extraction", "open_chat", "planning")
LENGTHS = (4, 8)


def draws(
    count: int, seed: int, types: Sequence[str] = TYPES, *, prefixes: bool = False
) -> list[Recorded]:
    """P = sigmoid(4 + 2 x mean + offset); the minimum is a noisy copy of the mean, and a prefix's
    readings a noisier one. Every other draft is long enough for the second prefix."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        place = i % len(types)
        mean = -float(rng.gamma(1.0, 1.2))
        p = 1 / (1 + np.exp(-(4 + 2 * mean + 0.5 * place)))
        lengths = LENGTHS[: 1 + int(rng.random() < 0.5)] if prefixes else ()
        found.append(
            Recorded(
                step_type=types[place],
                readings=_readings(mean, rng),
                right=bool(rng.random() < p),
                prefixes={n: _readings(mean + float(rng.normal(0, 0.3)), rng) for n in lengths},
            )
        )
    return found


def _readings(mean: float, rng: np.random.Generator) -> dict[str, float]:
    return {"mean_logprob": mean, "min_logprob": 2 * mean - float(rng.gamma(1.0, 0.5))}
