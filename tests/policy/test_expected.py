"""What a rung's draft is expected to use, before and after some were seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import PriceConfig
from rungwise.policy.expected import USUAL_OUTPUT, Expectations, Prior, tokens_of
from rungwise.policy.memory import Past
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Attempt, Chat, Done, Entry, Image, Message, StepType, ToolCall, Usage

PRICE = PriceConfig(input=1.0, output=2.0, cache_read=0.1, cache_write_5m=1.25, cache_write_1h=2.0)
"""Nano-dollars for a token: 1000, 2000, 100, 1250, 2000."""
CHAT = StepType.OPEN_CHAT


class Engine(ScriptedTier):
    """Priced by its busy time: a nano-dollar for a nanosecond."""

    def cost_nano(self, done: Done) -> int | None:
        return None if done.engine_s is None else round(done.engine_s * 1e9)


def ladder() -> list[ScriptedTier]:
    return [Engine("local"), ScriptedTier("hosted", local=False, price=PRICE)]


def expectations(now: float = 1000.0) -> Expectations:
    return Expectations(ladder(), unix=lambda: now)


def attempt(tier: str = "hosted", **changes: Any) -> Attempt:
    usage = changes.pop("usage", Usage(input=100, output=50))
    own = Attempt(
        tier=tier,
        model="m",
        state="released",
        reason="",
        usage=usage,
        cost_nano=1,
        started_s=1.0,
        first_piece_s=None,
        ended_s=3.0,
    )
    return replace(own, **changes)


def entry(*attempts: Attempt, step_type: StepType = CHAT) -> Entry:
    return Entry(
        id="r",
        at=0.0,
        caller="c",
        route="auto",
        step_type=step_type,
        plan_why="",
        attempts=attempts,
        state="answered",
        first_byte_s=None,
        latency_s=1.0,
    )


def taught(*attempts: Attempt, times: int = 200) -> Expectations:
    told = expectations()
    for _ in range(times):
        told.learn(entry(*attempts))
    return told


def test_before_anything_was_seen_the_predictors_data_is_what_is_known() -> None:
    told = expectations().of("hosted", 1000, CHAT, prior=Prior(output=30.0, seconds=4.0))
    assert told.nano == 1000 * 1000 + 30 * 2000 and told.seconds == 4.0


def test_with_nothing_known_all_rungs_write_the_same_and_time_is_unknown() -> None:
    told = expectations().of("hosted", 1000, CHAT)
    assert told.nano == 1000 * 1000 + USUAL_OUTPUT * 2000 and told.seconds is None


def test_what_was_seen_replaces_what_was_assumed() -> None:
    told = taught(attempt()).of("hosted", 1000, CHAT, prior=Prior(output=999.0, seconds=99.0))
    assert told.nano == pytest.approx(1000 * 1000 + 50 * 2000, rel=0.1)
    assert told.seconds == pytest.approx(2.0, rel=0.2)
    few = taught(attempt(), times=1).of("hosted", 1000, CHAT, prior=Prior(seconds=99.0))
    assert few.seconds is not None and few.seconds > 70


def test_a_step_type_of_its_own_counts_more_than_all_others_once_it_is_known() -> None:
    told = expectations()
    for _ in range(100):
        told.learn(entry(attempt(usage=Usage(input=9, output=10))))
        told.learn(entry(attempt(usage=Usage(input=9, output=500)), step_type=StepType.PLANNING))
    short, long = (told.of("hosted", 0, kind).nano for kind in (CHAT, StepType.PLANNING))
    other = told.of("hosted", 0, StepType.EXTRACTION).nano
    assert short is not None and other is not None and long is not None
    assert short < 100 * 2000 < other < 400 * 2000 < long


def test_what_changes_is_followed() -> None:
    told = taught(attempt(usage=Usage(output=10)))
    for _ in range(300):
        told.learn(entry(attempt(usage=Usage(output=400))))
    assert told.of("hosted", 0, CHAT).nano == pytest.approx(400 * 2000, rel=0.1)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "recalled"},
        {"state": "lost"},
        {"state": "failed"},
        {"state": "left"},
        {"state": "cancelled"},
        {"state": "outrun"},
        {"state": "spilled"},
        {"state": "broken_off"},
        {"role": "judge", "state": "asked"},
        {"tier": "gone"},
    ],
)
def test_what_tells_nothing_of_a_draft_teaches_nothing(changes: dict[str, Any]) -> None:
    told = taught(attempt(**{"usage": Usage(output=9999), **changes}))
    assert told.of("hosted", 1000, CHAT) == expectations().of("hosted", 1000, CHAT)


def test_an_unknown_price_stays_unknown() -> None:
    unpriced = Expectations([ScriptedTier("t", local=False)])
    assert unpriced.of("t", 1000, CHAT, prior=Prior(output=1.0)).nano is None


def test_a_local_rung_costs_its_busy_time_as_far_as_that_is_known() -> None:
    assert expectations().of("local", 0, CHAT).nano is None
    assert expectations().of("local", 0, CHAT, prior=Prior(seconds=2.0)).nano == 2e9
    used = attempt("local", usage=Usage(input=0, output=100), engine_s=0.5)
    told = taught(used).of("local", 0, CHAT).nano
    assert told == pytest.approx(0.5e9, rel=0.1)
    read = taught(used).of("local", 2000, CHAT).nano
    assert told is not None and read is not None and read == pytest.approx(told + 0.5e9, rel=0.1)


def test_a_caller_who_wants_few_tokens_pays_for_few() -> None:
    told = expectations().of("hosted", 0, CHAT, most_output=5)
    assert told.nano == 5 * 2000


# ---- caches ----------------------------------------------------------------------------------


def test_a_warm_prompt_is_read_from_the_cache() -> None:
    told = expectations()
    warm = told.of("hosted", 1000, CHAT, 900, prior=Prior(output=0.0)).nano
    assert warm == 100 * 1000 + 900 * 100
    assert told.of("hosted", 10, CHAT, 900, prior=Prior(output=0.0)).nano == 10 * 100


def test_a_rung_that_never_reads_from_a_cache_has_none() -> None:
    told = taught(attempt(usage=Usage(input=100, output=0)))
    assert told.of("hosted", 1000, CHAT, 900).nano == pytest.approx(1000 * 1000, rel=0.02)
    told.learn(entry(attempt(usage=Usage(input=50, cache_read=50))))
    assert told.of("hosted", 1000, CHAT, 1000).nano == pytest.approx(1000 * 100, rel=0.2)


def test_a_cold_prompt_is_written_to_the_cache_where_that_was_seen() -> None:
    for part, rate in (("cache_write_5m", 1250), ("cache_write_1h", 2000)):
        told = taught(attempt(usage=Usage(output=0, **{part: 100})))
        assert told.of("hosted", 1000, CHAT).nano == pytest.approx(1000 * rate, rel=0.05)


def test_where_a_prefix_is_warm() -> None:
    past = Past(tier="hosted", at=900.0, prompt_tokens=70)
    assert expectations(1000.0).warm("hosted", past) == 70
    assert expectations(1000.0).warm("local", past) == 0
    assert expectations(1000.0).warm("hosted", None) == 0
    assert expectations(1201.0).warm("hosted", past) == 0, "five minutes"
    assert expectations(800.0).warm("hosted", past) == 70, "a clock that was set back"
    assert expectations(599.0).warm("hosted", past) == 0
    assert expectations(9999.0).warm("local", replace(past, tier="local")) == 70


# ---- refusals, sizes -------------------------------------------------------------------------


def test_how_often_a_rungs_drafts_are_refused() -> None:
    told = expectations()
    assert told.refused("local", CHAT) is None
    for _ in range(60):
        told.learn(entry(attempt("local", state="abandoned"), attempt("hosted")))
        told.learn(entry(attempt("local", threshold=0.5)))
    assert told.refused("local", CHAT) == pytest.approx(0.5, abs=0.05)
    assert told.refused("hosted", CHAT) is None, "never judged"


def test_about_how_many_tokens_a_chat_has() -> None:
    call = ToolCall(id="1", name="f", arguments="y" * 40)
    chat = Chat(
        messages=(
            Message(role="user", text="x" * 400, images=(Image(url="data:,"),)),
            Message(role="assistant", tool_calls=(call,)),
        )
    )
    assert tokens_of(chat) == 110 + 1000
    assert tokens_of(chat, Past(tier="t", at=0.0, prompt_tokens=5000)) == 5000


@given(
    st.lists(
        st.tuples(*[st.integers(0, 2**31)] * 6, st.floats(0, 1e6), st.booleans()), max_size=30
    ),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
)
def test_whatever_was_seen_what_is_expected_is_a_cost(
    seen: list[tuple[Any, ...]], size: int, warm: int
) -> None:
    told = expectations()
    for a, b, c, d, e, f, seconds, refused in seen:
        usage = Usage(
            input=a, cache_read=b, cache_write_5m=c, cache_write_1h=d, output=e, reasoning=f
        )
        state = "abandoned" if refused else "released"
        told.learn(entry(attempt(usage=usage, ended_s=1.0 + seconds, state=state)))
    found = told.of("hosted", size, CHAT, warm)
    assert found.nano is not None and found.nano >= 0
    assert found.seconds is None or found.seconds >= 0
