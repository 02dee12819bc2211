"""What does it bring that a conversation is remembered? The same conversations, with and without.

Simulated: the distributions are in lab/affinity/conversations.py, prices and speeds in
lab/affinity/walk.py. The router, its memory and its expectations are the server's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np

from rungwise.config import AffinityConfig, RoutingConfig, WorthConfig
from rungwise.lab.affinity.conversations import Conversations, Habits, draw
from rungwise.lab.affinity.foresight import Foreseen
from rungwise.lab.affinity.walk import COLUMNS, Walk, ladder
from rungwise.lab.calibration.readings import Floats
from rungwise.lab.routing.resampling import Estimate, resamples
from rungwise.policy.choosing import Chooser, EveryRung
from rungwise.policy.difficulty import Difficulty
from rungwise.policy.expected import Expectations
from rungwise.policy.memory import Memory
from rungwise.policy.paying import PayingRungs
from rungwise.policy.router import PolicyRouter
from rungwise.policy.step_types import Typer
from rungwise.policy.table import Table

__all__ = ["FIGURES", "POLICIES", "AffinityFigures", "simulate"]


LEAST = 0.5
"""The confidence that a judged draft must have."""
STRICTER = 0.7
"""With which `off` has about as many right answers as `on`."""
RIGHT_USD = 0.05
"""What `pays` takes a right answer to be worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Policy:
    affinity: AffinityConfig
    least: float = LEAST
    pays: bool = False


_OFF, _ON = AffinityConfig(enabled=False), AffinityConfig()

POLICIES: Mapping[str, _Policy] = {
    "off": _Policy(affinity=_OFF),
    "off, a stricter gate": _Policy(affinity=_OFF, least=STRICTER),
    "on": _Policy(affinity=_ON),
    "on, but for rejections": _Policy(affinity=AffinityConfig(rejections=False)),
    "always stick": _Policy(affinity=AffinityConfig(hard_for_turns=1_000_000, for_s=86_400)),
    "pays, off": _Policy(affinity=_OFF, pays=True),
    "pays, on": _Policy(affinity=_ON, pays=True),
}
"""`off` starts every step as the table says, `on` is as shipped. `always stick`: after a climb a
conversation never goes down again. `pays` chooses by what it foresees, cold prefixes included."""

FIGURES: Mapping[str, tuple[str, str, str, float]] = {
    "cached_share": ("cached, of all prompts' tokens", "cached", "prompt", 1.0),
    "hosted_cached_share": ("cached, of hosted prompts' tokens", "hosted_cached", "hosted", 1.0),
    "usd_per_conversation": ("$ a conversation", "nano", "", 1e-9),
    "usd_per_right": ("$ a right answer", "nano", "right", 1e-9),
    "right_share": ("right", "right", "tasks", 1.0),
    "steps_per_conversation": ("steps", "steps", "", 1.0),
    "climbs_per_conversation": ("climbs", "climbs", "", 1.0),
    "moves_per_conversation": ("moves", "moves", "", 1.0),
    "seconds_per_step": ("s a step", "seconds", "steps", 1.0),
    "seconds_per_conversation": ("s a conversation", "seconds", "", 1.0),
}
"""By key: how it is told, and which sums make it (of COLUMNS): the first for each of the second,
or for each conversation where there is none, times a unit."""
NET = "net_usd_per_conversation"
"""RIGHT_USD for each right answer, less what they cost: what `pays` is after."""
RESAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AffinityFigures:
    """With 95 % intervals over conversations; under the same resamples for every policy."""

    conversations: int
    seed: int
    policies: Mapping[str, Mapping[str, Estimate]]
    accepted: tuple[float, float]
    """Of the judged drafts with affinity on: of the right ones, of the wrong ones."""

    def against(self, policy: str, other: str) -> Mapping[str, Estimate]:
        """How much more the first has of each figure, paired."""
        one, two = self.policies[policy], self.policies[other]
        return {name: one[name] - two[name] for name in one}

    def as_json(self) -> dict[str, object]:
        others = [name for name in self.policies if name != "on"]
        return {
            "conversations": self.conversations,
            "habits": asdict(Habits()),
            "right_usd": RIGHT_USD,
            "gate_accepts": {"right": self.accepted[0], "wrong": self.accepted[1]},
            "policies": {name: _told(row) for name, row in self.policies.items()},
            "on_against": {name: _told(self.against("on", name)) for name in others},
        }

    def as_lines(self) -> list[str]:
        """For the terminal: a line for each figure of each policy, and what `on` changes."""
        lines = [
            f"{self.conversations:,} simulated conversations, seed {self.seed}; of the drafts that "
            f"are right the gate accepts {self.accepted[0]:.0%}, of the wrong ones "
            f"{self.accepted[1]:.0%}",
        ]
        told_as = {key: told for key, (told, *_) in FIGURES.items()}
        told_as[NET] = f"$ a conversation gained, at ${RIGHT_USD} a right answer"
        for key, told in told_as.items():
            form = ".1%" if key.endswith("share") else ".4f" if "usd" in key else ".2f"
            lines.append(told)
            for name, row in self.policies.items():
                line = f"  {name:<26}{row[key].told(form)}"
                if name != "on":
                    line += f"   on: {self.against('on', name)[key].told('+' + form)}"
                lines.append(line)
        return lines


def simulate(
    conversations: int = 10_000, seed: int = 0, progress: Callable[[], object] = lambda: None
) -> AffinityFigures:
    """`progress` is called once for each conversation. Deterministic."""
    told = draw(conversations, seed)
    walks = {name: Walk(told, least=policy.least) for name, policy in POLICIES.items()}
    ended = 0

    def count() -> None:
        nonlocal ended
        ended += 1
        if ended % len(POLICIES) == 0:
            progress()

    for name, policy in POLICIES.items():
        _run(walks[name], policy, told, count)
    return AffinityFigures(
        conversations=conversations,
        seed=seed,
        policies=_estimates({name: walk.sums for name, walk in walks.items()}, seed),
        accepted=walks["on"].accepted,
    )


def _run(walk: Walk, policy: _Policy, told: Conversations, progress: Callable[[], object]) -> None:
    rungs, config = ladder(), RoutingConfig(affinity=policy.affinity)
    memory, expectations = Memory(policy.affinity, walk.unix), Expectations(rungs, unix=walk.unix)
    chooser: Chooser = EveryRung(expectations=expectations)
    if policy.pays:
        difficulty = cast(Difficulty, Foreseen(told, lambda: walk.task))
        worth = WorthConfig(right_usd=RIGHT_USD)
        chooser = PayingRungs(difficulty, expectations, worth, keeps_promise=False)
    router = PolicyRouter(
        typer=Typer(config),
        table=Table(rungs, config.step_types),
        memory=memory,
        chooser=chooser,
    )
    walk.run(router, [memory.learn, expectations.learn], progress)


def _estimates(sums: Mapping[str, Floats], seed: int) -> dict[str, dict[str, Estimate]]:
    """`sums` are [conversations, COLUMNS]."""
    count = len(next(iter(sums.values())))
    wide = np.concatenate([*sums.values(), np.ones((count, 1))], axis=1)
    drawn = resamples(range(count), count=RESAMPLES, seed=seed)
    totals = np.array([np.ones(count) @ wide, *(weight @ wide for weight in drawn.weights())])
    found: dict[str, dict[str, Estimate]] = {}
    for place, name in enumerate(sums):
        mine = totals[:, place * len(COLUMNS) : (place + 1) * len(COLUMNS)]
        found[name] = {
            key: _estimate(_column(mine, above), _column(mine, below, totals[:, -1]), unit)
            for key, (_, above, below, unit) in FIGURES.items()
        }
        net = RIGHT_USD * _column(mine, "right") - 1e-9 * _column(mine, "nano")
        found[name][NET] = _estimate(net, totals[:, -1], 1.0)
    return found


def _column(totals: Floats, name: str, otherwise: Floats | None = None) -> Floats:
    if not name:
        assert otherwise is not None
        return otherwise
    return totals[:, COLUMNS.index(name)]


def _estimate(above: Floats, below: Floats, unit: float) -> Estimate:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(below > 0, unit * above / below, np.nan)
    return Estimate(value=float(ratio[0]), drawn=ratio[1:])


def _told(row: Mapping[str, Estimate]) -> dict[str, object]:
    return {name: estimate.as_json() for name, estimate in row.items()}
