"""What a rung costs, measured on one that writes a script: the arithmetic, not the speed."""

import itertools
from typing import Any

import pytest

from rungwise.lab.bench.rung_figures import (
    STOP,
    energy_figures,
    look_figures,
    prefix_figures,
    stopped_figures,
)
from rungwise.tiers.scripted import Script, ScriptedTier, say
from rungwise.types import Chat, Usage

pytestmark = pytest.mark.anyio

TEXT = "word " * 40


async def test_a_stopped_draft_is_told_by_what_it_wrote() -> None:
    tier = ScriptedTier("tier1", say(TEXT, logprob=-0.1, engine_s=2.0))
    found: Any = await stopped_figures(tier, [1, 3], 64, rounds=2)
    assert [one["concurrency"] for one in found] == [1, 3]
    for one in found:
        assert one["tokens_stopped"] == one["seen_when_stopped"] == STOP < one["tokens_whole"]
        assert one["joules"] is None, "nothing measured them"


async def test_the_drafts_joules_are_set_against_the_counter() -> None:
    counted = itertools.count(step=600)
    tier = ScriptedTier("tier1", say(TEXT, usage=Usage(input=10, output=40), engine_s=0.5))
    (found,) = await energy_figures(tier, lambda: float(next(counted)), [2], 64, rounds=5)
    assert found["drafts"] == 20 and found["prompt_tokens_read_per_written"] == 0.25
    assert found["joules_per_token"] == (600 / 160, 600 / 160, 600 / 160)
    assert found["drafts_joules_over_counter"] == (0, 0, 0)
    (without,) = await energy_figures(tier, lambda: None, [1], 64, rounds=1)
    assert without["joules_per_token"] is None and without["watts"] is None
    assert without["engine_s_over_time"][1:] == (None, None), "of one round no interval is told"


async def test_a_prefix_is_as_long_as_asked_and_new_every_time() -> None:
    heads = set()

    def counting(chat: Chat) -> Script:
        heads.add(chat.messages[0].text)
        return say("yes indeed", usage=Usage(input=len(chat.messages[0].text.split()), output=2))

    tier = ScriptedTier("tier1", counting)
    found = await prefix_figures(tier, 500, rounds=2)
    assert found["prompt_tokens"] == pytest.approx(500, abs=3)
    assert found["cached_tokens"] == {"cold": 0, "warm": 0}
    assert len(heads) == 2 + 5, "two to learn how long a word is, one pair to warm up, four pairs"


async def test_a_look_asks_for_the_likeliest_tokens_of_a_new_prompt() -> None:
    tier = ScriptedTier("tier1", say("yes", logprob=-0.1))
    found: Any = await look_figures(tier, 200, rounds=3)
    assert found["prompt_tokens"] == pytest.approx(200, abs=3)
    assert len(found["added_ms"]) == 3
    assert set(tier.likeliest) == {0, 20}
    texts = [chat.messages[0].text for chat in tier.chats]
    assert len(set(texts)) == len(texts)
