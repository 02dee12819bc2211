"""What do agents' conversations look like? Drawn from stated distributions, all from one seed.

A conversation has tasks. Each is a step, and one more for every answer that its user rejects. A
task's difficulty and each rung's skill are on one scale: a draft is right where skill and luck
exceed the difficulty. What a gate reads of a draft is that margin with noise, and what a predictor
sees of a task is its difficulty with noise; both are calibrated on the draws themselves. All of it
is drawn beforehand, so that every policy meets the same tasks with the same luck: what differs
between two policies is what they do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.isotonic import rising
from rungwise.lab.calibration.readings import Bools, Floats, Ints

__all__ = ["RUNGS", "Conversations", "Habits", "draw"]

RUNGS = ("local", "middle", "top")
TRIES = 3
"""Steps that a task can take: a user who rejects two answers to it takes the third."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """Assumed, and not measured anywhere: agents differ more than these."""

    mean_tasks: float = 6.0
    """Geometric."""
    system_tokens: tuple[int, int] = (500, 6000)
    """Log-uniform."""
    asked_tokens: tuple[float, float] = (120.0, 1.0)
    """Of a task: median and log sd; at most 4,000."""
    answer_tokens: tuple[float, float] = (250.0, 0.8)
    pause_s: tuple[float, float] = (40.0, 1.2)
    """Between an answer and the next step."""
    coding: float = 0.5
    """Share of conversations whose step type starts on the middle rung."""
    day_s: float = 86_400.0
    """They begin evenly over so long."""
    skill: tuple[float, float, float] = (0.5, 1.6, 2.8)
    spread: float = 1.0
    """Of difficulty between conversations, sd."""
    drift: tuple[float, float] = (0.8, 0.6)
    """Of difficulty within one: sd, and the correlation of neighbouring tasks."""
    luck: tuple[float, float] = (0.7, 0.4)
    """Sd of what a rung has with a task, and of what a single draft has besides."""
    read: float = 0.8
    """Sd of the noise in what a gate reads of the margin."""
    seen: float = 1.0
    """Sd of the noise in what a predictor sees of the difficulty."""
    rejects: float = 0.4
    """P(the user says so | the answer is wrong)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conversations:
    """`first[i]` to `first[i + 1]` are the tasks of conversation i."""

    first: Ints
    """[conversations + 1]"""
    system: Ints
    """[conversations], tokens."""
    begins_s: Floats
    coding: Bools
    asked: Ints
    """[tasks], tokens."""
    answer: Ints
    """[tasks, TRIES], tokens; whoever writes it."""
    pause_s: Floats
    """[tasks, TRIES], before that step."""
    right: Bools
    """[tasks, TRIES, rungs], of the draft."""
    sure: Floats
    """[tasks, TRIES, rungs]: P(right), as a gate reads the draft."""
    foreseen: Floats
    """[tasks, rungs]: P(right), before anything is drafted."""
    rejected: Bools
    """[tasks, TRIES]: the user would reject it if it were wrong."""

    def __len__(self) -> int:
        return len(self.system)


def draw(count: int, seed: int, habits: Habits = Habits()) -> Conversations:
    rng = np.random.default_rng((seed, count))
    tasks = rng.geometric(1 / habits.mean_tasks, count)
    first = np.concatenate(([0], np.cumsum(tasks)))
    total, rungs = int(first[-1]), len(RUNGS)
    luck = rng.normal(0, habits.luck[0], (total, 1, rungs))
    luck = luck + rng.normal(0, habits.luck[1], (total, TRIES, rungs))
    hard = np.repeat(rng.normal(0, habits.spread, count), tasks) + _drift(tasks, habits, rng)
    margin = np.asarray(habits.skill) + luck - hard[:, None, None]
    right = margin > 0
    read = margin + rng.normal(0, habits.read, margin.shape)
    seen = -hard - rng.normal(0, habits.seen, total)
    low, high = np.log(habits.system_tokens)
    return Conversations(
        first=first,
        system=np.exp(rng.uniform(low, high, count)).astype(np.int64),
        begins_s=rng.uniform(0, habits.day_s, count),
        coding=rng.random(count) < habits.coding,
        asked=np.minimum(_sizes(habits.asked_tokens, (total,), rng), 4000).astype(np.int64),
        answer=_sizes(habits.answer_tokens, (total, TRIES), rng).astype(np.int64),
        pause_s=_sizes(habits.pause_s, (total, TRIES), rng),
        right=right,
        sure=np.stack([_fitted(read[..., k], right[..., k]) for k in range(rungs)], axis=-1),
        foreseen=np.stack([_fitted(seen, right[:, 0, k]) for k in range(rungs)], axis=-1),
        rejected=rng.random((total, TRIES)) < habits.rejects,
    )


def _fitted(z: Floats, right: Bools) -> Floats:
    """P(right) at each z."""
    return rising(z.ravel(), right.ravel()).at(z)


def _sizes(told: tuple[float, float], shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    median, sd = told
    return np.asarray(1 + median * np.exp(rng.normal(0, sd, shape)))


def _drift(tasks: Ints, habits: Habits, rng: np.random.Generator) -> Floats:
    """A stationary autoregression within each conversation, [all tasks]."""
    sd, correlation = habits.drift
    fresh = rng.normal(0, sd, int(tasks.sum()))
    starts = np.zeros(len(fresh), dtype=np.bool_)
    starts[np.cumsum(tasks) - tasks] = True
    drift, rest = 0.0, np.sqrt(1 - correlation**2)
    found = np.empty(len(fresh))
    for i, (new, start) in enumerate(zip(fresh, starts, strict=True)):
        drift = new if start else correlation * drift + rest * new
        found[i] = drift
    return found
