"""Is an engine asked for what it will be asked for, and is a failure told for what it is?"""

from __future__ import annotations

import logging
from functools import partial

import pytest

from rungwise.config import EngineConfig
from rungwise.errors import TierError
from rungwise.tiers.local.warming import AT_ONCE, warm_up, warmings
from rungwise.tiers.scripted import Script, ScriptedTier, fail, say
from rungwise.types import Chat

pytestmark = pytest.mark.anyio


def names(engine: EngineConfig) -> list[str]:
    return [warming.name for warming in warmings(engine)]


def test_an_engine_is_warmed_with_what_it_is_able_to() -> None:
    plain = EngineConfig()
    assert names(plain)[0] == "a draft"
    assert "JSON" in names(plain)
    assert "a tool call" not in names(plain)
    assert "a tool call" in names(EngineConfig(tool_parser="hermes"))
    assert "a long prompt again" in names(plain)
    assert "a long prompt again" not in names(EngineConfig(prefix_caching=False))


@pytest.mark.parametrize("most", [1, 3, 64])
def test_no_more_drafts_run_at_once_than_the_engine_takes(most: int) -> None:
    *_, several = warmings(EngineConfig(max_num_seqs=most))
    assert len(several.chats) == min(most, AT_ONCE)


@pytest.mark.parametrize("context", [16, 256, 40_960, None])
def test_the_long_prompt_fits_the_context(context: int | None) -> None:
    long = next(
        warming
        for warming in warmings(EngineConfig(max_model_len=context))
        if warming.name == "a long prompt"
    )
    words = long.chats[0].messages[0].text.split()
    assert 1 <= len(words) <= 200
    assert context is None or len(words) * 4 <= context


async def test_every_draft_is_small_and_runs_to_its_end() -> None:
    asked: list[Chat] = []

    def writing(chat: Chat) -> Script:
        asked.append(chat)
        return say("hi")

    engine = EngineConfig(tool_parser="hermes", max_num_seqs=2)
    await warm_up(ScriptedTier("tier1", writing, local=True), engine)
    assert len(asked) == sum(len(warming.chats) for warming in warmings(engine))
    assert all((chat.sampling.max_tokens or 99) <= 8 for chat in asked)
    assert {chat.stream for chat in asked} == {True, False}


async def test_what_an_engine_cannot_do_is_told_and_keeps_nothing_from_starting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "rungwise.tiers.local.warming")
    tier = ScriptedTier(
        "tier1", lambda chat: fail("rejected", "no grammar") if chat.shape else say("hi")
    )
    await warm_up(tier, EngineConfig())
    assert [r.getMessage() for r in caplog.records] == ["tier1: warming up, JSON: no grammar"]


async def test_an_engine_that_cannot_write_is_not_up() -> None:
    with pytest.raises(TierError, match="broken"):
        await warm_up(ScriptedTier("tier1", lambda _: fail("broken")), EngineConfig())


async def test_an_engine_that_dies_of_a_question_is_not_up() -> None:
    tier = ScriptedTier("tier1", lambda chat: fail("unavailable") if chat.labels else say("hi"))
    with pytest.raises(TierError, match="unavailable"):
        await warm_up(tier, EngineConfig())


async def test_each_adapter_writes_a_draft_that_is_read() -> None:
    asked: list[str] = []

    def writing(name: str, _: Chat) -> Script:
        asked.append(name)
        return say("hi")

    adapters = [(name, ScriptedTier(name, partial(writing, name)).draft) for name in ("law", "tax")]
    await warm_up(ScriptedTier("tier1", say("hi")), EngineConfig(), adapters)
    assert asked == ["law", "tax"]


async def test_an_adapter_that_cannot_write_keeps_nothing_from_starting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "rungwise.tiers.local.warming")
    law = ScriptedTier("law", fail("broken", "no such layer"))
    await warm_up(ScriptedTier("tier1", say("hi")), EngineConfig(), [("law", law.draft)])
    (line,) = (record.getMessage() for record in caplog.records)
    assert line == "tier1: warming up, a draft of law: no such layer"
