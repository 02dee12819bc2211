"""Which model, and in what way, for this many requests of this length?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rungwise.weights.candidates import Candidate
from rungwise.weights.fit import Fit, Wanted, can_divide, fit
from rungwise.weights.float16 import BFLOAT16_FROM
from rungwise.weights.memory import GIB, Precision
from rungwise.weights.places import Place

__all__ = ["OLDEST", "Choice", "Way", "best", "choose", "older_word", "way", "ways"]

CPU_BESIDE = int(1.9 * GIB)
"""Beside weights and cache on a CPU, measured: an engine's core and worker, and a front end."""
CPU_MOST = 2_000_000_000
"""Parameters: with more, a CPU writes slower than people read."""
FP8_COMPUTES, FP8_LOADS = (8, 9), (8, 0)
OLDEST = (7, 5)
"""The compute capability that CUDA 13 still knows, which vLLM's wheels are built for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One model on one place, in one precision: `tensor` GPUs share a copy, `copies` stand side
    by side."""

    candidate: Candidate
    place: Place
    fit: Fit
    copies: int

    @property
    def state(self) -> Literal["fits", "close", "no"]:
        return self.fit.state

    @property
    def in_float16(self) -> bool:
        """Where there is no bfloat16."""
        return self.place.capability is not None and self.place.capability < BFLOAT16_FROM

    @property
    def gated(self) -> bool:
        """A licence must be accepted first: for the weights in 16 bit, which 8 is made of."""
        return self.candidate.gated and self.fit.precision != "awq"

    @property
    def requests(self) -> int:
        return self.copies * self.fit.requests

    @property
    def tokens(self) -> int:
        return self.copies * self.fit.tokens


def way(candidate: Candidate, place: Place, wanted: Wanted, precision: Precision) -> Way | None:
    """As few GPUs to a copy as hold it, and as many copies as there is room for; where it fits
    nowhere, as it fails on most of them. None where nothing is known of its memory, or the place
    cannot run the precision."""
    shape = candidate.shape
    if shape is None or not _runs(candidate, place, precision):
        return None
    wanted = _within(candidate, wanted)
    tried: list[Way] = []
    for tensor in (n for n in range(1, max(1, place.gpus) + 1) if can_divide(shape, n)):
        copies = max(1, place.gpus // tensor)
        share = Wanted(
            context=wanted.context,
            concurrency=-(-wanted.concurrency // copies),
            mean=wanted.mean_tokens,
        )
        found = fit(
            shape,
            share,
            place.room,
            gpu_gib=place.gib if place.gpus else 0,
            precision=precision,
            tensor=tensor,
            weights=candidate.weights(precision, tensor),
            overhead=None if place.gpus else CPU_BESIDE,
        )
        tried.append(Way(candidate=candidate, place=place, fit=found, copies=copies))
        if found.state == "fits":
            break
    return min(tried, key=_goodness) if tried else None


def _goodness(tried: Way) -> tuple[int, int]:
    return ("fits", "close", "no").index(tried.state), tried.fit.tensor


def _within(candidate: Candidate, wanted: Wanted) -> Wanted:
    """Not more context than the model has."""
    if candidate.context is None or candidate.context >= wanted.context:
        return wanted
    return Wanted(
        context=candidate.context, concurrency=wanted.concurrency, mean=wanted.mean_tokens
    )


def _runs(candidate: Candidate, place: Place, precision: Precision) -> bool:
    if place.gpus == 0:
        return precision == "bf16"
    known = place.capability
    if known is None or known >= BFLOAT16_FROM:
        return precision != "fp8" or known is None or known >= FP8_LOADS
    return known >= OLDEST and precision != "fp8" and candidate.float16


def older_word(place: Place) -> str:
    """What there is to say of 8 and 16 bit on this GPU; empty where it is at its best."""
    if place.capability is None:
        return (
            "fp8 computes from compute capability 8.9 on (L4, L40S, H100); from 8.0 on it only "
            "saves memory"
        )
    if place.capability >= FP8_COMPUTES:
        return ""
    told = f"(compute capability {'.'.join(map(str, place.capability))})"
    if place.capability >= FP8_LOADS:
        return f"fp8 only saves memory here {told}"
    if place.capability >= OLDEST:
        return (
            f"16 bit is float16 here, which Gemma 2 and 3 do not run in, and fp8 does not run "
            f"{told}"
        )
    return f"nothing runs here {told}: vLLM is built for {OLDEST[0]}.{OLDEST[1]} and later"


def ways(candidates: Iterable[Candidate], place: Place, wanted: Wanted) -> Iterator[Way]:
    """Every model of which something is known, in every precision, in the order given."""
    for candidate in candidates:
        for precision in candidate.precisions:
            if (found := way(candidate, place, wanted, precision)) is not None:
                yield found


def best(found: Sequence[Way], wanted: Wanted) -> Way | None:
    """Of those that fit, and have the context that is wanted: the model with the most parameters
    that compute (in steps of two billion; within one, without a licence to accept first), with as
    few GPUs to a copy as can be, in the most bits, and in 4 only where nothing else fits. None
    where nothing fits."""
    fitting = [
        one
        for one in found
        if one.state == "fits"
        and one.fit.context >= wanted.context
        and one.candidate.repository(one.fit.precision) is not None
        and (one.place.gpus > 0 or _small(one))
    ]
    return max(fitting, key=_rank, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is recommended, and the better one that cannot be had, with the reason."""

    way: Way | None
    passed_over: Way | None = None
    why: str = ""


def choose(found: Sequence[Way], wanted: Wanted, lacks: Callable[[Way], str | None]) -> Choice:
    """The best of those that lack nothing; `lacks` tells in a line what one does."""
    first = best(found, wanted)
    why = lacks(first) if first is not None else None
    if first is None or why is None:
        return Choice(way=first)
    here = best([one for one in found if lacks(one) is None], wanted)
    return Choice(way=here, passed_over=first, why=why)


def _small(found: Way) -> bool:
    return found.candidate.shape is not None and found.candidate.shape.parameters <= CPU_MOST


def _rank(found: Way) -> tuple[int, bool, int, bool, int, int]:
    shape = found.candidate.shape
    linear = shape.linear if shape else 0
    kept, free = found.fit.precision, not found.candidate.gated
    bits = ("awq", "fp8", "bf16").index(kept)
    return round(linear / 2e9), free, linear, kept != "awq", -found.fit.tensor, bits
