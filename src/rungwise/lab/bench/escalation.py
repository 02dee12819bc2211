"""How much later is an answer that had to climb, than if it had gone straight to its rung?

Every step is asked as `auto`. One that climbed is asked once pinned to the rung that answered, and
once more as `auto`: by then both find every cache warm. What the rungs below took is in the
answer's own record.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.request import urlopen

from rungwise.counted import percentile
from rungwise.lab.bench.load import Asked, ask
from rungwise.lab.intervals import bootstrap_median
from rungwise.lab.steps import Step

__all__ = ["Climbed", "climb_all", "escalation_figures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Climbed:
    """One step that climbed. Seconds: `auto_s` as it was, `straight_s` pinned to its rung;
    `below_s` what each cause on the way took."""

    step_type: str
    auto_s: float
    straight_s: float
    below_s: Mapping[str, float]

    @property
    def added(self) -> float:
        """As a share of the straight answer's latency."""
        return (self.auto_s - self.straight_s) / self.straight_s


async def climb_all(
    port: int,
    steps: Sequence[Step],
    body_of: Callable[[Step, str], bytes],
    *,
    progress: Callable[[], object],
) -> list[Climbed]:
    """One at a time: what is measured is latency. `body_of(step, model)` is a request's body."""
    found: list[Climbed] = []
    for step in steps:
        auto = await _ask(port, body_of(step, "auto"))
        if int(auto.headers["x-rungwise-rungs-tried"]) > 1:
            straight = await _ask(port, body_of(step, auto.headers["x-rungwise-tier"]))
            again = await _ask(port, body_of(step, "auto"))
            found.append(await _climbed(port, step, again, straight))
        progress()
    return found


async def _ask(port: int, body: bytes) -> Asked:
    answered = await ask("127.0.0.1", port, body)
    if answered.status != 200:
        raise RuntimeError(f"the server answered {answered.status}")
    return answered


async def _climbed(port: int, step: Step, auto: Asked, straight: Asked) -> Climbed:
    url = f"http://127.0.0.1:{port}/v1/answers/{auto.headers['x-request-id']}"
    story = json.loads(await asyncio.to_thread(lambda: urlopen(url, timeout=10).read()))
    below: dict[str, float] = {}
    for attempt in story["attempts"]:
        if attempt["state"] == "released":
            continue
        cause = f"{attempt['role']} on {attempt['tier']}"
        took = (attempt["ended_ms"] - attempt["started_ms"]) / 1000
        below[cause] = below.get(cause, 0.0) + took
    return Climbed(
        step_type=step.step_type,
        auto_s=auto.latency_s,
        straight_s=straight.latency_s,
        below_s=below,
    )


def escalation_figures(climbed: Sequence[Climbed], asked: int) -> dict[str, object]:
    """The median added latency with its interval, and whose share of it is whose. Raises
    ValueError where nothing climbed."""
    if not climbed:
        raise ValueError("no step climbed")
    middle, low, high = bootstrap_median([c.added for c in climbed])
    added = sum(c.auto_s - c.straight_s for c in climbed)
    causes = sorted({cause for c in climbed for cause in c.below_s})
    took = {cause: sum(c.below_s.get(cause, 0.0) for c in climbed) for cause in causes}
    return {
        "asked": asked,
        "climbed": len(climbed),
        "added_share_p50": middle,
        "added_share_p50_interval": [low, high],
        "added_share_p95": percentile([c.added for c in climbed], 0.95),
        "added_ms_p50": (percentile([c.auto_s - c.straight_s for c in climbed], 0.5) or 0.0) * 1000,
        "straight_ms_p50": (percentile([c.straight_s for c in climbed], 0.5) or 0.0) * 1000,
        "share_by_cause": {
            **{cause: seconds / added for cause, seconds in took.items()},
            "all else": 1 - sum(took.values()) / added,
        },
    }
