"""Does a rung say what it lacks for a chat, and nothing that is not known?"""

from __future__ import annotations

from typing import Any

import pytest

from rungwise.config import (
    AnthropicTierConfig,
    EngineConfig,
    OpenAITierConfig,
    ResponsesTierConfig,
    TierConfig,
    VllmTierConfig,
)
from rungwise.tiers.abilities import Abilities, abilities_of
from rungwise.tiers.cards import Card, card_of
from rungwise.types import (
    Chat,
    Image,
    Message,
    OutputShape,
    Sampling,
    Tool,
    ToolChoice,
    Wish,
)

PICTURE = Message(role="user", text="what is it?", images=(Image(url="data:image/png;base64,AA"),))
WORDS = Message(role="user", text="hello")
TOOLS = (Tool(name="look"),)


def chat(*messages: Message, **rest: Any) -> Chat:
    return Chat(messages=messages or (WORDS,), **rest)


def openai(**told: Any) -> TierConfig:
    return OpenAITierConfig(name="t", kind="openai", model="m", api_key_env="KEY", **told)


def card(**told: Any) -> Card:
    return Card.model_validate({"id": "m", "provider": "openai", "api": "chat", **told} | AS_OF)


AS_OF = {"as_of": "2026-11-25"}
FORCED = ToolChoice(mode="required")
SCHEMA = OutputShape(schema={"type": "object"})


@pytest.mark.parametrize(
    ("ability", "asked", "lack"),
    [
        ("images", chat(WORDS, PICTURE), "takes no images"),
        ("tools", chat(tools=TOOLS), "has no tools"),
        ("forced_tools", chat(tools=TOOLS, tool_choice=FORCED), "cannot be made to call a tool"),
        (
            "forced_tools",
            chat(tools=TOOLS, tool_choice=ToolChoice(mode="named", name="look")),
            "cannot be made to call a tool",
        ),
        ("structured", chat(shape=SCHEMA), "cannot keep to a JSON schema"),
        ("json_mode", chat(shape=OutputShape()), "has no JSON mode"),
        ("many", chat(sampling=Sampling(n=3)), "writes one answer, not n=3"),
        ("logprobs", chat(sampling=Sampling(top_logprobs=0)), "gives no log-probabilities"),
    ],
)
def test_what_its_card_says_it_cannot_do_it_lacks(ability: str, asked: Chat, lack: str) -> None:
    assert abilities_of(openai(), card(**{ability: False})).lacks(asked) == lack
    assert abilities_of(openai(), card(**{ability: None})).lacks(asked) is None
    assert abilities_of(openai(), None).lacks(asked) is None


def test_it_lacks_nothing_that_is_not_asked_for() -> None:
    cannot = "images tools forced_tools structured json_mode many logprobs".split()
    able = abilities_of(openai(), card(**dict.fromkeys(cannot, False)))
    assert able.lacks(chat()) is None
    assert able.lacks(chat(tools=TOOLS, tool_choice=ToolChoice(mode="none"))) is None


@pytest.mark.parametrize(
    ("need", "told", "lack"),
    [
        ("images", {"images": False}, "takes no images"),
        ("tools", {"tools": False}, "has no tools"),
        ("structured", {"structured": False}, "cannot keep to a JSON schema"),
        ("thinking", {"thinking": "none"}, "does not think before it answers"),
    ],
)
def test_what_the_caller_needs_it_must_have_though_nothing_uses_it(
    need: Any, told: dict[str, Any], lack: str
) -> None:
    asked, able = chat(wish=Wish(needs=frozenset({need}))), abilities_of(openai(), card(**told))
    assert able.lacks(asked) == lack
    assert able.lacks(chat()) is None
    assert abilities_of(openai(), card()).lacks(asked) is None, "what is not known can be tried"
    assert abilities_of(openai(), None).lacks(asked) is None


def test_a_model_that_thinks_in_any_way_thinks() -> None:
    asked = chat(wish=Wish(needs=frozenset({"thinking"})))
    for way in ("budgeted", "adaptive", "effort"):
        assert abilities_of(openai(), card(thinking=way)).lacks(asked) is None


def test_the_label_questions_of_a_gate_are_never_lacked() -> None:
    asked = chat(sampling=Sampling(top_logprobs=5), labels=("yes", "no"))
    assert Abilities(logprobs=False).lacks(asked) is None


def test_a_chat_that_is_plainly_too_long_is_not_tried() -> None:
    able = abilities_of(openai(context=8192), card(context=1_000_000))
    long = chat(Message(role="user", text="x" * 40_000), sampling=Sampling(max_tokens=2_000))
    assert able.lacks(long) == "has a context of 8,192 tokens, too short for about 12,000"
    assert able.lacks(chat(sampling=Sampling(max_tokens=8193))) is not None


def test_where_it_may_fit_the_upstream_decides() -> None:
    able = abilities_of(openai(context=8192), None)
    borderline = chat(Message(role="user", text="x" * 6 * 8000), sampling=Sampling(max_tokens=192))
    assert able.lacks(borderline) is None


def test_the_section_s_context_wins_over_the_engine_s_and_that_over_the_card_s() -> None:
    def vllm(**told: Any) -> VllmTierConfig:
        return VllmTierConfig(name="t", kind="vllm", model="Qwen/Qwen3-8B", **told)

    known = card_of(vllm())
    engine = EngineConfig(max_model_len=2048)
    assert abilities_of(vllm(), known).context == 40_960
    assert abilities_of(vllm(engine=engine), known).context == 2048
    assert abilities_of(vllm(engine=engine, context=1024), known).context == 1024
    assert abilities_of(vllm(), known).lacks(chat(PICTURE)) == "takes no images"


def test_what_a_protocol_has_no_words_for_no_card_gives_it() -> None:
    claude = AnthropicTierConfig(name="t", kind="anthropic", model="m", api_key_env="KEY")
    responses = ResponsesTierConfig(name="t", kind="responses", model="m", api_key_env="KEY")
    three, read = chat(sampling=Sampling(n=3)), chat(sampling=Sampling(top_logprobs=0))
    for config in (claude, responses):
        assert abilities_of(config, card(many=True)).lacks(three) == "writes one answer, not n=3"
    assert abilities_of(claude, None).lacks(read) == "gives no log-probabilities"
    stopped = chat(sampling=Sampling(stop=("END",)))
    assert abilities_of(responses, None).lacks(stopped) == "knows no stop sequences"
    assert abilities_of(claude, None).lacks(stopped) is None
    assert abilities_of(openai(), None).lacks(stopped) is None


def test_an_engine_of_ones_own_fetches_nothing() -> None:
    local = VllmTierConfig(name="t", kind="vllm", model="./seer")
    far = chat(Message(role="user", images=(Image(url="https://example.com/cat.png"),)))
    lack = "fetches no images: it takes them as data: URLs"
    assert abilities_of(local, None).lacks(far) == lack
    assert abilities_of(local, None).lacks(chat(PICTURE)) is None
    assert abilities_of(openai(), None).lacks(far) is None
