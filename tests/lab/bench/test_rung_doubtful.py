"""What early stops and log-probabilities come to, on a rung that writes a script."""

from collections.abc import Sequence
from typing import Any

import pytest

from rungwise.lab.bench.rung_doubtful import SHARE, doubtful_figures
from rungwise.lab.bench.rung_reading import reading_figures
from rungwise.tiers.scripted import ScriptedTier, say
from rungwise.types import Chat

pytestmark = pytest.mark.anyio

TEXT = "word " * 40


async def test_three_drafts_of_ten_are_given_up_where_told() -> None:
    tier = ScriptedTier("tier1", say(TEXT, logprob=-0.1, engine_s=2.0))
    figures: Any = await doubtful_figures(tier, lambda: None, [5], 40, rounds=5)
    (found,) = figures
    assert found["drafts"] == 100 and "scripted: 6 of every 20" in found["doubtful"]
    assert SHARE == 6 / 20
    assert [one["at_tokens"] for one in found["stopped"]] == [10, 20]
    whole = found["to_the_end"]["tokens_per_draft"]
    for one in found["stopped"]:
        saved = SHARE * (1 - one["at_tokens"] / whole)
        assert one["tokens_saved"] == pytest.approx((saved, saved, saved), abs=0.02)
        assert one["joules_saved"] is None, "nothing counts them"
        assert one["gpu_s_saved"] is not None


async def test_no_prompt_is_asked_twice() -> None:
    tier = ScriptedTier("tier1", say("yes indeed", logprob=-0.1))
    await doubtful_figures(tier, lambda: None, [2], 8, rounds=2)
    texts = [chat.messages[-1].text for chat in tier.chats]
    assert len(set(texts)) == len(texts) == 8 * (1 + 3 * 2)


async def test_reading_is_set_against_not_reading_in_the_same_round() -> None:
    asked: list[bool] = []

    async def bare(prompts: Sequence[Chat], *, concurrency: int, read: bool) -> int:
        asked.append(read)
        assert len(prompts) == 2 * concurrency
        return 100

    figures: Any = await reading_figures(bare, [3], 16, rounds=2)
    (found,) = figures
    assert asked == [True, False, False, True, True, False], "the first pair warms up"
    assert {name: len(rates) for name, rates in found["tokens_per_s"].items()} == {
        "not_read": 2,
        "read": 2,
    }
    assert len(found["read_over_not"]) == 3
