"""Does a tap ask for what is wanted, and read what comes of it?"""

from __future__ import annotations

import math
import time
from types import SimpleNamespace
from typing import Any

import pytest

from rungwise.tiers.local.busy import BusyClock
from rungwise.tiers.local.vllm_meter import EngineMeter
from rungwise.tiers.local.vllm_routes import Unspoken
from rungwise.tiers.local.vllm_tap import Tap


def tap(*, read: bool = True, top: int | None = None, likeliest: int = 0) -> Tap:
    meter = EngineMeter(model="m", clock=BusyClock(time.perf_counter))
    return Tap(None, meter, read=read, top=top, likeliest=likeliest)


def params(**more: Any) -> Any:
    return SimpleNamespace(n=1, structured_outputs=None, logprobs=None, **more)


def constrained() -> Any:
    wanted = params()
    wanted.structured_outputs = object()
    return wanted


def row(*values: float, sampled: int = 1) -> dict[int, Any]:
    """As vLLM gives it: token 1 is the likeliest, and the sampled one comes first."""
    ranks = {
        i: SimpleNamespace(logprob=value, rank=i, decoded_token=f"t{i}")
        for i, value in enumerate(values, 1)
    }
    return {sampled: ranks.pop(sampled), **ranks}


def output(*rows: dict[int, Any]) -> Any:
    return SimpleNamespace(index=0, token_ids=[next(iter(r)) for r in rows], logprobs=list(rows))


@pytest.mark.parametrize(
    ("read", "top", "likeliest", "asked"),
    [
        (False, None, 0, None),
        (False, None, 5, None),
        (True, None, 0, 0),
        (True, None, 5, 5),
        (False, 3, 0, 3),
        (True, 3, 5, 5),
        (True, 7, 5, 7),
        (False, 0, 5, 0),
    ],
)
def test_no_more_is_asked_than_the_gate_and_the_caller_want(
    read: bool, top: int | None, likeliest: int, asked: int | None
) -> None:
    wanted = params()
    tap(read=read, top=top, likeliest=likeliest).shape(wanted)
    assert wanted.logprobs == asked


def test_exactly_the_labels_are_asked_for_where_the_engine_can() -> None:
    subject, wanted = tap(read=False, top=20), params(logprob_token_ids=None)
    subject.asked = (7, 8)
    subject.shape(wanted)
    assert (wanted.logprob_token_ids, wanted.logprobs) == ([7, 8], 2)
    # the ranks are places in that list, so they say nothing
    shown = subject.shown(output(row(-9.0, -0.1, -math.inf, -3.0, sampled=2)))[0]
    assert [other.text for other in shown.alternatives] == ["t2", "t4", "t1"]


def test_an_older_engine_is_asked_for_the_likeliest_instead() -> None:
    subject, wanted = tap(read=False, top=3), params()
    subject.asked = (7, 8)
    subject.shape(wanted)
    assert wanted.logprobs == 3 and not hasattr(wanted, "logprob_token_ids")
    shown = subject.shown(output(row(-0.1, -1.0, -2.0, -3.0)))[0]
    assert [other.text for other in shown.alternatives] == ["t1", "t2", "t3"]


def test_the_likeliest_come_highest_first_whichever_was_sampled() -> None:
    subject = tap(likeliest=2)
    came = output(row(-0.5, -1.5, -2.5, sampled=2), row(-0.1, -4.0, -5.0, sampled=3))
    assert subject.readings(came) == (-1.5, -5.0)
    assert subject.likeliest(came) == ((-0.5, -1.5), (-0.1, -4.0))
    assert tap().likeliest(came) == tap(read=False, likeliest=2).likeliest(came) == ()


def test_what_is_no_number_or_forbidden_is_no_rival() -> None:
    came = output(row(-0.1, -math.inf, -1e4), row(math.nan, -0.3, -math.inf))
    assert tap(likeliest=3).likeliest(came) == ((-0.1,), (-0.3,))


def test_the_callers_alternatives_are_not_the_gates() -> None:
    shown = tap(top=1, likeliest=3).shown(output(row(-0.5, -1.5, -2.5)))[0]
    assert [other.logprob for other in shown.alternatives] == [-0.5]


def test_forced_tokens_leave_with_their_rivals() -> None:
    subject = tap(likeliest=2)
    subject.shape(constrained())
    came = output(row(0.0, -math.inf), row(-0.5, -1.0), row(0.0, -math.inf))
    readings, likeliest, forced = subject.chosen(subject.readings(came), subject.likeliest(came))
    assert (readings, likeliest, forced) == ((-0.5,), ((-0.5, -1.0),), 2)
    free = tap(likeliest=2)
    free.shape(params())
    assert free.chosen((0.0, -1.0), ((0.0,), (-1.0,))) == ((0.0, -1.0), ((0.0,), (-1.0,)), 0)


def test_rivals_stay_with_their_tokens_through_the_parsers() -> None:
    """A marker of reasoning leaves, and so do its rivals."""
    subject = tap(likeliest=1)
    unspoken = Unspoken(subject, frozenset({2}))
    rows = (row(-0.1, -5.0), row(-0.2, -0.9, sampled=2), row(-0.3, -6.0))
    unspoken.keep(SimpleNamespace(outputs=[output(*rows)]))
    kept = unspoken.take(0)
    assert (kept.readings, kept.likeliest, kept.tokens) == ([-0.1, -0.3], [(-0.1,), (-0.3,)], 3)
