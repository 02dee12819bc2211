"""What does a conversation's past change for its caller? And never beyond a cap. Over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rungwise.config import PriceConfig
from rungwise.tiers.scripted import Script, ScriptedTier, say
from tests.served import Answer, Served, served

pytestmark = pytest.mark.anyio

NANO = 2_000_000
"""What an answer of a rung that costs money costs: two tokens at a thousandth of a dollar."""
SURE, DOUBTFUL = say("a sure answer", logprob=-0.01), say("a doubtful answer", logprob=-3.0)
JUDGED = "gates: [{tier: low, calibration: window.json}]\n"
CAPPED = "access: {limits: {caps: [{usd: 0.005, window: ever, of: escalation}]}}\n"


def affinity(settings: str) -> str:
    return f"routing: {{affinity: {{{settings}}}}}\n"


def free(*drafts: Script) -> ScriptedTier:
    return ScriptedTier("low", *drafts, model="small")


def paid(name: str) -> ScriptedTier:
    price = PriceConfig(input=0, output=1000)
    rung = ScriptedTier(name, say("better"), local=False, price=price)
    rung.most = NANO
    return rung


class Talk:
    """One conversation with a server, as agents hold it: everything is sent again at every step."""

    def __init__(self, server: Served, about: str = "What is it?") -> None:
        self._server = server
        self._said: list[dict[str, Any]] = [{"role": "user", "content": about}]

    async def step(self, **more: Any) -> Answer:
        answer = await self._server.ask(messages=self._said, **more)
        self._said.append({"role": "assistant", "content": answer.text})
        return answer

    async def say(self, text: str, **more: Any) -> Answer:
        self._said.append({"role": "user", "content": text})
        return await self.step(**more)


def tried(answer: Answer) -> list[str]:
    return [attempt["tier"] for attempt in answer.attempts]


async def test_a_rejected_answer_starts_the_next_step_above_the_rung_that_gave_it(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, free(SURE), paid("middle"), paid("top")) as server:
        talk = Talk(server)
        assert (await talk.step()).tier == "low"
        second = await talk.say("That is wrong, try again.")
        assert tried(second) == ["middle"]
        assert "the user rejected the last answer: nothing below middle" in second.why["plan"]
        assert tried(await talk.say("Still wrong.")) == ["top"]
        assert tried(await talk.say("No, that is still not right.")) == ["top"]


async def test_a_tool_loop_without_progress_starts_higher(tmp_path: Path) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    looked = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "nothing"},
    ]
    async with served(tmp_path, free(SURE), paid("top")) as server:
        for steps, tier in ((2, "low"), (3, "top")):
            said = [{"role": "user", "content": "Find it."}, *looked * steps]
            assert (await server.ask(messages=said)).tier == tier


async def test_no_rejection_passes_the_callers_ceiling(tmp_path: Path) -> None:
    rungs = (free(SURE), paid("middle"), paid("top"))
    async with served(tmp_path, *rungs) as server:
        talk, headers = Talk(server), {"x-rungwise-ceiling": "middle"}
        await talk.step(headers=headers)
        for _ in range(3):
            answer = await talk.say("That is wrong.", headers=headers)
            assert tried(answer) == ["middle"]


async def test_who_rejects_everything_gets_no_further_than_the_keys_cap_and_is_answered(
    tmp_path: Path,
) -> None:
    rungs = (free(SURE), paid("top"))
    async with served(tmp_path, *rungs, config=CAPPED) as server:
        talk = Talk(server)
        await talk.step()
        answers = [await talk.say("That is wrong, try again.") for _ in range(6)]
        assert [answer.tier for answer in answers] == ["top"] * 2 + ["low"] * 4
        assert "so it starts at low" in answers[-1].why["plan"]
        fresh = Talk(server, "And another one?")
        await fresh.step()
        assert (await fresh.say("Wrong.")).tier == "low", "the cap is the key's"


async def test_a_cap_on_escalation_leaves_what_starts_there_anyway(tmp_path: Path) -> None:
    table = "routing: {step_types: {planning: {start: top}}}\n"
    rungs = (free(SURE), paid("top"))
    async with served(tmp_path, *rungs, config=CAPPED + table) as server:
        talk, headers = Talk(server), {"x-rungwise-step-type": "planning"}
        await talk.step(headers=headers)
        answers = [await talk.say("That is wrong.", headers=headers) for _ in range(4)]
        assert [answer.tier for answer in answers] == ["top"] * 4


async def test_a_conversation_that_climbed_starts_where_it_was_answered_for_some_turns(
    tmp_path: Path,
) -> None:
    low = free(DOUBTFUL)
    config = JUDGED + affinity("hard_for_turns: 2")
    async with served(tmp_path, low, paid("top"), config=config) as server:
        talk = Talk(server)
        steps = [tried(await talk.step())]
        for number in range(8):
            steps.append(tried(await talk.say(f"And number {number}?")))
        climb, there = ["low", "top"], ["top"]
        assert steps == [climb, there, there, climb, there, there, there, there, climb]


async def test_of_two_conversations_only_the_one_that_climbed_is_hard(tmp_path: Path) -> None:
    low = free(DOUBTFUL, SURE)
    async with served(tmp_path, low, paid("top"), config=JUDGED) as server:
        hard, easy = Talk(server), Talk(server, "Is it easy?")
        assert (await hard.step()).tier == "top"
        assert (await easy.step()).tier == "low"
        assert (await hard.say("And then?")).tier == "top"
        assert (await easy.say("And then?")).tier == "low"


async def test_a_pinned_step_is_asked_as_it_is_pinned(tmp_path: Path) -> None:
    low = free(SURE)
    async with served(tmp_path, low, paid("top")) as server:
        talk = Talk(server)
        await talk.step()
        assert tried(await talk.say("That is wrong.", model="low")) == ["low"]


# ---- knobs -----------------------------------------------------------------------------------


async def tier_after_a_climb(folder: Path, settings: str, *, between: bool = False) -> str:
    """Of the second step of a conversation whose first one climbed; `between`: another one's first
    step came in between."""
    low = free(DOUBTFUL, SURE)
    config = JUDGED + affinity(settings)
    async with served(folder, low, paid("top"), config=config) as server:
        talk = Talk(server)
        assert (await talk.step()).tier == "top"
        if between:
            await Talk(server, "Something else?").step()
        return (await talk.say("And then?")).tier


async def tier_after_a_rejection(folder: Path, settings: str) -> str:
    async with served(folder, free(SURE), paid("top"), config=affinity(settings)) as server:
        talk = Talk(server)
        await talk.step()
        return (await talk.say("That is wrong.")).tier


@pytest.mark.parametrize(
    ("settings", "tier"),
    [
        ("enabled: true", "top"),
        ("enabled: false", "low"),
        ("hard_for_turns: 1", "top"),
        ("hard_for_turns: 0", "low"),
        ("for_s: 60", "top"),
        ("for_s: 0.000001", "low"),
    ],
)
async def test_the_knobs_of_affinity(tmp_path: Path, settings: str, tier: str) -> None:
    assert await tier_after_a_climb(tmp_path, settings) == tier


@pytest.mark.parametrize(("conversations", "tier"), [(2, "top"), (1, "low")])
async def test_so_many_conversations_are_remembered(
    tmp_path: Path, conversations: int, tier: str
) -> None:
    told = f"conversations: {conversations}"
    assert await tier_after_a_climb(tmp_path, told, between=True) == tier


@pytest.mark.parametrize(
    ("settings", "tier"),
    [("rejections: true", "top"), ("rejections: false", "low"), ("enabled: false", "low")],
)
async def test_the_knob_of_rejections(tmp_path: Path, settings: str, tier: str) -> None:
    assert await tier_after_a_rejection(tmp_path, settings) == tier
