"""Steps of the suite, drafted and labelled, on a scripted tier whose sureness tells the truth."""

import math
from dataclasses import replace

import pytest

from rungwise.lab.calibration.label import draft_and_label, read_pieces, with_reference
from rungwise.lab.chats import chat_of
from rungwise.lab.steps import generate
from rungwise.tiers.scripted import ScriptedTier, say
from rungwise.types import Chat, Message, OutputShape, Piece, Sampling, Tool
from tests.lab.knowing import KnowingTier

pytestmark = pytest.mark.anyio
SIGNALS = ("mean_logprob", "worst_window_logprob")
ASKED = Chat(messages=(Message(role="user", text="?"),))


async def test_drafts_are_read_and_checked() -> None:
    steps = list(generate("calibration", 450))
    tier, done = KnowingTier("t1", steps), list[int]()
    found = await draft_and_label(
        tier, steps, SIGNALS, concurrency=8, progress=lambda: done.append(1)
    )
    items = [item for item in found if item is not None]
    assert len(items) == len(done) == 450 and all(tier.reads)
    assert [item.step_type for item in items] == [step.step_type for step in steps]
    assert 0.7 < sum(item.right for item in items) / 450 < 0.8
    assert all((item.readings["mean_logprob"] > -0.6) or not item.right for item in items)


async def test_no_more_drafts_are_open_than_allowed() -> None:
    steps = list(generate("calibration", 20))
    tier = KnowingTier("t1", steps)
    most = 0

    def watch() -> None:
        nonlocal most
        most = max(most, tier.open)

    await draft_and_label(tier, steps, SIGNALS, concurrency=3, progress=watch)
    assert most <= 3


async def test_as_many_likeliest_tokens_are_asked_for_as_the_signals_need() -> None:
    steps = list(generate("calibration", 1))
    tier = KnowingTier("t1", steps)
    await draft_and_label(tier, steps, ("min_margin",), concurrency=1, progress=lambda: None)
    assert tier.likeliest == [2]


async def test_drafts_without_a_reading_are_none() -> None:
    steps = list(generate("calibration", 9))
    silent = ScriptedTier("t1", say("no idea"))
    found = await draft_and_label(silent, steps, SIGNALS, concurrency=4, progress=lambda: None)
    assert found == [None] * 9


async def test_a_draft_that_was_cut_off_is_wrong() -> None:
    (step,) = generate("calibration", 1)
    cut = ScriptedTier("t1", say(step.answer, logprob=-0.1, finish="length"))
    (found,) = await draft_and_label(cut, [step], SIGNALS, concurrency=1, progress=lambda: None)
    assert found is not None and not found.right


async def test_the_reference_is_asked_the_same_steps() -> None:
    steps = list(generate("calibration", 90))
    found = await draft_and_label(
        KnowingTier("t1", steps), steps, SIGNALS, concurrency=8, progress=lambda: None
    )
    reference = KnowingTier("t3", steps, right=0.5)
    again = await with_reference(reference, steps, found, concurrency=8, progress=lambda: None)
    assert 0.3 < sum(item.reference for item in again if item) / 90 < 0.7
    assert [item and item.right for item in again] == [item and item.right for item in found]
    assert not any(reference.reads), "nothing of it is read"


def test_the_beginning_is_read_at_each_length() -> None:
    pieces = [Piece("x ", logprobs=(-0.1 * n,)) for n in range(10)]
    read = read_pieces(ASKED, pieces, SIGNALS)
    assert read is not None and read.tokens == 10 and set(read.prefixes) == {4, 8}
    assert math.isclose(read.prefixes[4]["mean_logprob"], -0.15)
    assert set(read.readings) == set(SIGNALS) == set(read.prefixes[8])


def test_the_length_is_a_reading_only_where_it_was_asked_for() -> None:
    pieces = [Piece("x ", logprobs=(-0.1,))] * 5
    read = read_pieces(ASKED, pieces, ("log_length", "min_logprob"))
    assert read is not None and read.readings["log_length"] == round(math.log(6), 6)


def test_what_asks_for_tools_a_shape_or_several_answers_is_no_prose() -> None:
    pieces = [Piece('{"a": 1}', logprobs=(-0.1,))]
    tool = Tool(name="f", description="", parameters={})
    for asked, prose in (
        (ASKED, True),
        (replace(ASKED, tools=(tool,)), False),
        (replace(ASKED, shape=OutputShape(schema=None, strict=True)), False),
        (replace(ASKED, sampling=Sampling(n=2)), False),
    ):
        read = read_pieces(asked, pieces, SIGNALS)
        assert read is not None and read.prose is prose


async def test_drafts_say_whether_they_are_prose() -> None:
    steps = list(generate("calibration", 90))
    found = await draft_and_label(
        KnowingTier("t1", steps), steps, SIGNALS, concurrency=8, progress=lambda: None
    )
    expected = [not step.tools and step.response_schema is None for step in steps]
    assert [item and item.prose for item in found] == expected and len(set(expected)) == 2


def test_a_step_becomes_a_chat_with_everything_it_needs() -> None:
    for step in generate("test", 9):
        chat = chat_of(step)
        assert [m.text for m in chat.messages] == [m["content"] for m in step.messages]
        assert len(chat.tools) == len(step.tools)
        assert (chat.shape is not None) is (step.response_schema is not None)
        assert chat.sampling.max_tokens == step.max_tokens
