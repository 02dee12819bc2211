"""Which rungs should draft, and how sure must each draft be, for the step to pay most?

The objective: the greatest  right_usd * P(right) - cost - second_usd * seconds  over all plans. A
plan is a subsequence of the rungs, lowest first, with a bar for each rung but its last: a draft
whose confidence is under its rung's bar is refused, and the next rung drafts.

The solution. All subsequences are looked at: 63 of six rungs. Say that rung k has drafted, and that
the rest of the plan gains T1 where k is right after all, and T0 where it is wrong. At confidence v,
refusing gains  v T1 + (1 - v) T0  and giving the draft out gains  right_usd * v, so that giving it
out is better from the bar

    b = T0 / (T0 + right_usd - T1)        (0 where T0 <= 0: refusing never pays; never above 1)

on. T1 and T0 come by backward induction: neither depends on what was before k. One thing does:
steps whose lower drafts were refused are harder than others, and a confidence knows nothing of
that. With p, what was foreseen of k when its confidences were calibrated, and q, what is known
once it is reached, the odds of being right are (q / (1 - q)) / (p / (1 - p)) times those that the
confidence says:

    b = T0 (1 - q) p / (T0 (1 - q) p + (right_usd - T1) q (1 - p))

q depends on the bars below, and they on the rest of the plan: bars and q are found in turn, a few
times, each time no worse. A plan of two rungs, where q = p, is solved by the first time.

What this takes for granted: confidences are calibrated, P(right | v) = v; given whether a draft is
right its confidence depends on nothing else; what was refused tells of the rungs above only by
whether the last refused draft was right; costs and seconds do not depend on how hard the step is.
The plan is made with the bars fixed; whoever asks again after each refusal, knowing its
confidence, does better.

Sources: the unification of routing and cascading is arXiv 2410.10347; thresholds from calibrated
confidences that minimise expected cost, arXiv 2605.18796.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "After",
    "Array",
    "Chosen",
    "Prospect",
    "Reach",
    "Rung",
    "Worth",
    "best",
    "best_of_each",
    "promising",
    "prospects",
]

Array: TypeAlias = NDArray[np.float64]
N = TypeVar("N", float, Array)
"""One chat, or many at once."""

ROUNDS = 3
"""Of bars, and what is known once a rung is reached; a plan needs no more than it has bars."""
EQUAL = 1e-12
"""A gain that is larger by less than this share of it is not larger: numbers are rounded."""
_TINY = 1e-30


class Reach(Protocol[N]):
    """How a rung's confidences spread, given the P that was foreseen for its draft."""

    def chance(self, bar: N, probability: N) -> N:
        """P(the draft's confidence is at least `bar`)."""
        ...

    def right(self, bar: N, probability: N) -> N:
        """P(its confidence is at least `bar`, and the draft is right)."""
        ...


After: TypeAlias = Callable[[str, float, str, N], N]
"""(refused, confidence, tier, probability) -> P(`tier` is right), once the draft of `refused` came
out at P = `confidence`; before that it was `probability`. Linear in the confidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What is gained, in US dollars: by a right answer; by a second less of waiting."""

    right_usd: float
    second_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung(Generic[N]):
    """What is foreseen of one rung's draft."""

    tier: str
    right: N
    """P(acceptable), as is known now."""
    nano: N
    """Nano-dollars."""
    seconds: N
    reach: Reach[N]
    prior: N | None = None
    """The same before anything was drafted, where something was."""
    judged: bool = True
    """Whether a confidence of its drafts can be read; else they are given out as they are."""
    promised: float = 0.0
    """The least confidence that is asked for whatever pays; above 1 no draft leaves, but for a
    plan's last."""


@dataclass(frozen=True, slots=True)
class Prospect(Generic[N]):
    """One plan, and what is foreseen of it."""

    rungs: tuple[int, ...]
    """Places among the rungs that were given, rising."""
    bars: tuple[N, ...]
    """Of each of its rungs but the last: what pays. A promise may ask for more."""
    right: N
    nano: N
    seconds: N
    gain: N
    """Nano-dollars."""


Link: TypeAlias = tuple[N, N]
"""P(a rung is right) where a lower one's refused draft is right, and where it is wrong."""


def prospects(
    rungs: Sequence[Rung[N]],
    after: After[N],
    worth: Worth,
    *,
    larger: Callable[[N, float], N],
    singles: bool = False,
) -> list[Prospect[N]]:
    """Every plan, shorter ones first; `singles`: those of one rung alone. After a rung that is not
    judged none goes on. `larger` of two numbers (`max`, or `np.maximum`) is all that is done in
    another way for many chats at once."""
    most = 1 if singles else len(rungs)
    links = _links(rungs, after, larger) if most > 1 else {}
    return [
        _prospect(plan, rungs, links, worth, larger)
        for count in range(1, most + 1)
        for plan in combinations(range(len(rungs)), count)
        if all(rungs[place].judged for place in plan[:-1])
    ]


def _links(
    rungs: Sequence[Rung[N]], after: After[N], larger: Callable[[N, float], N]
) -> dict[tuple[int, int], Link[N]]:
    """By (lower, higher). What was fitted for drafts that are right, and for those that are wrong,
    is moved by as much as makes the two add up to what is known without either: else a draft could
    pay by being refused."""
    found = {}
    for low, high in combinations(range(len(rungs)), 2):
        p, own, tier = rungs[low].right, rungs[high].right, rungs[high].tier
        told = [after(rungs[low].tier, v, tier, own) for v in (1.0, 0.0)]
        by = own - p * told[0] - (1.0 - p) * told[1]
        one, two = (1.0 - larger(1.0 - larger(q + by, 0.0), 0.0) for q in told)
        found[low, high] = (one, two)
    return found


def _prospect(
    plan: tuple[int, ...],
    rungs: Sequence[Rung[N]],
    links: Mapping[tuple[int, int], Link[N]],
    worth: Worth,
    larger: Callable[[N, float], N],
) -> Prospect[N]:
    steps = [rungs[place] for place in plan]
    linked = [links[pair] for pair in pairwise(plan)]
    known = [rung.right for rung in steps]
    bars: list[N] = []
    misses: list[Link[N]] = []
    for again in range(min(len(plan) - 1, ROUNDS)):
        if again:
            known = _known(known[0], linked, misses)
        bars, misses = _bars(steps, linked, known, worth, larger)
    right_nano, second_nano = worth.right_usd * 1e9, worth.second_usd * 1e9
    is_right, is_wrong = known[0], 1.0 - known[0]
    right, nano, seconds = 0.0 * known[0], 0.0 * known[0], 0.0 * known[0]
    for rung, missed, link in zip(steps, misses, linked, strict=False):
        reached = is_right + is_wrong
        nano, seconds = nano + reached * rung.nano, seconds + reached * rung.seconds
        right = right + is_right * (1.0 - missed[0])
        is_right, is_wrong = _on(is_right * missed[0], is_wrong * missed[1], link)
    reached = is_right + is_wrong
    nano, seconds = nano + reached * steps[-1].nano, seconds + reached * steps[-1].seconds
    right = right + is_right
    gain = right_nano * right - nano - second_nano * seconds
    return Prospect(plan, tuple(bars), right, nano, seconds, gain)


def _bars(
    steps: Sequence[Rung[N]],
    linked: Sequence[Link[N]],
    known: Sequence[N],
    worth: Worth,
    larger: Callable[[N, float], N],
) -> tuple[list[N], list[Link[N]]]:
    """The bar of each rung but the last, and how probably its draft is refused that is right, and
    that is wrong; `known` is P(right) of each rung, once it is reached."""
    right_nano, second_nano = worth.right_usd * 1e9, worth.second_usd * 1e9
    last = steps[-1]
    spent = last.nano + second_nano * last.seconds
    rest: Link[N] = (linked[-1][0] * right_nano - spent, linked[-1][1] * right_nano - spent)
    bars: list[N] = []
    misses: list[Link[N]] = []
    for place in reversed(range(len(steps) - 1)):
        rung, q = steps[place], known[place]
        p = rung.right if rung.prior is None else rung.prior
        refusing = larger(rest[1], 0.0) * (1.0 - q) * p
        giving = larger(right_nano - rest[0], 0.0) * q * (1.0 - p)
        bar = refusing / (refusing + giving + _TINY)
        missed = _missed(rung, larger(bar, rung.promised), p, larger)
        bars.insert(0, bar)
        misses.insert(0, missed)
        if place:
            of_right = (1.0 - missed[0]) * right_nano + missed[0] * rest[0]
            of_wrong = missed[1] * rest[1]
            spent = rung.nano + second_nano * rung.seconds
            one, two = linked[place - 1]
            rest = (
                one * of_right + (1.0 - one) * of_wrong - spent,
                two * of_right + (1.0 - two) * of_wrong - spent,
            )
    return bars, misses


def _missed(rung: Rung[N], bar: N, p: N, larger: Callable[[N, float], N]) -> Link[N]:
    if rung.promised > 1:
        return 1.0 + 0.0 * p, 1.0 + 0.0 * p
    sure = rung.reach.right(bar, p)
    wrong = larger(rung.reach.chance(bar, p) - sure, 0.0)
    return (
        larger(1.0 - sure / larger(p, _TINY), 0.0),
        larger(1.0 - wrong / larger(1.0 - p, _TINY), 0.0),
    )


def _known(first: N, linked: Sequence[Link[N]], misses: Sequence[Link[N]]) -> list[N]:
    """P(right) of each rung, once all below it were refused."""
    known, is_right, is_wrong = [first], first, 1.0 - first
    for link, missed in zip(linked, misses, strict=True):
        is_right, is_wrong = _on(is_right * missed[0], is_wrong * missed[1], link)
        known.append(is_right / (is_right + is_wrong + _TINY))
    return known


def _on(refused_right: N, refused_wrong: N, link: Link[N]) -> Link[N]:
    """P(the next rung is reached and right), and reached and wrong."""
    right = refused_right * link[0] + refused_wrong * link[1]
    return right, refused_right + refused_wrong - right


def promising(found: Sequence[Prospect[N]], rungs: Sequence[Rung[N]]) -> list[Prospect[N]]:
    """Those under which no draft leaves that a promise was not asked of, but for the highest
    rung's, and those that nobody judges."""
    top = len(rungs) - 1
    return [p for p in found if p.rungs[-1] == top or not rungs[p.rungs[-1]].judged]


def best(found: Sequence[Prospect[float]]) -> Prospect[float]:
    """The one that gains most; of equal ones the first."""
    top = found[0]
    for prospect in found[1:]:
        if prospect.gain > top.gain + EQUAL * abs(top.gain):
            top = prospect
    return top


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """The best plan of each of many chats."""

    plans: tuple[tuple[int, ...], ...]
    plan: NDArray[np.int64]
    """[chats], places among `plans`."""
    bars: Array
    """[chats, rungs]; NaN for a rung that is not in the plan, or its last."""
    right: Array
    nano: Array
    seconds: Array
    gain: Array
    """[chats]"""


def best_of_each(found: Sequence[Prospect[Array]], rungs: int) -> Chosen:
    """As `best` for each chat; there are so many rungs."""
    gain = np.asarray(found[0].gain)
    plan = np.zeros(gain.shape, np.int64)
    for place, prospect in enumerate(found[1:], start=1):
        better = prospect.gain > gain + EQUAL * np.abs(gain)
        plan, gain = np.where(better, place, plan), np.where(better, prospect.gain, gain)
    bars = np.full((len(plan), rungs), np.nan)
    told = np.empty((3, len(plan)))
    for place, prospect in enumerate(found):
        mine = plan == place
        for rung, bar in zip(prospect.rungs, prospect.bars, strict=False):
            bars[mine, rung] = bar[mine]
        for row, values in zip(
            told, (prospect.right, prospect.nano, prospect.seconds), strict=True
        ):
            row[mine] = np.broadcast_to(values, plan.shape)[mine]
    return Chosen(
        plans=tuple(prospect.rungs for prospect in found),
        plan=plan,
        bars=bars,
        right=told[0],
        nano=told[1],
        seconds=told[2],
        gain=gain,
    )
