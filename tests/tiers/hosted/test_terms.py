"""Do section and card agree on what holds for a rung, with the section above the card?"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from rungwise.config import AnthropicTierConfig, OpenAITierConfig
from rungwise.tiers.cards import Card, shipped
from rungwise.tiers.hosted.dialects import GEMINI, PLAIN, VLLM
from rungwise.tiers.hosted.terms import Terms, terms_of
from rungwise.tiers.hosted.thinking import effort_of
from rungwise.types import Effort, Thinking

CARD = Card(
    id="m",
    provider="anthropic",
    api="messages",
    sampling=False,
    thinking="budgeted",
    efforts=("low", "high"),
    cache_from=4096,
    as_of=date(2026, 11, 1),
)


def anthropic(**more: Any) -> AnthropicTierConfig:
    given = {"name": "t", "kind": "anthropic", "model": "m", "api_key_env": "K", **more}
    return AnthropicTierConfig.model_validate(given)


def test_the_card_says_what_the_section_leaves_out() -> None:
    found = terms_of(anthropic(), CARD)
    assert (found.tier, found.model) == ("t", "m")
    assert (found.sampling, found.thinks, found.cache_minimum) == (False, "budgeted", 4096)
    assert found.efforts == ("low", "high")


def test_the_section_wins() -> None:
    found = terms_of(
        anthropic(sampling=True, effort="high", max_tokens=9, prompt_cache=False, cache_ttl="1h"),
        CARD,
    )
    assert (found.sampling, found.effort, found.max_tokens) == (True, "high", 9)
    assert (found.prompt_cache, found.cache_ttl) == (False, "1h")


@pytest.mark.parametrize(("told", "together"), [(None, True), (True, True), (False, False)])
def test_tools_and_an_effort_go_together_unless_the_card_says_no(
    told: bool | None, together: bool
) -> None:
    card = CARD.model_copy(update={"tools_with_effort": told})
    assert terms_of(anthropic(), card).tools_with_effort is together
    assert terms_of(anthropic()).tools_with_effort


def test_without_a_card_all_may_be_tried() -> None:
    found = terms_of(anthropic())
    assert (found.sampling, found.thinks, found.efforts) == (None, None, None)
    assert found.draws("high") and found.draws(None)
    assert (found.cache_minimum, found.cache_ttl, found.prompt_cache) == (1024, "5m", True)


def test_the_dialect_is_the_addresss_unless_it_is_named() -> None:
    def at(url: str) -> OpenAITierConfig:
        given = {"name": "t", "kind": "openai", "model": "m", "api_key_env": "K", "base_url": url}
        return OpenAITierConfig.model_validate(given)

    assert (
        terms_of(at("https://generativelanguage.googleapis.com/v1beta/openai/")).dialect is GEMINI
    )
    assert terms_of(at("http://127.0.0.1:1/v1")).dialect is PLAIN
    assert terms_of(at("http://127.0.0.1:1/v1"), dialect="vllm").dialect is VLLM


@pytest.mark.parametrize(
    "card", [c for c in shipped().values() if c.api != "local"], ids=lambda card: card.id
)
def test_every_card_makes_terms(card: Card) -> None:
    found = terms_of(anthropic(model=card.id), card)
    efforts: tuple[Effort, ...] = ("none", "low", "max")
    for effort in efforts:
        assert effort_of(Thinking(effort=effort), None, found.efforts) is not None


@pytest.mark.parametrize(
    ("sampling", "effort", "draws"),
    [
        (True, "high", True),
        (False, None, False),
        (None, None, True),
        (None, "none", True),
        (None, "high", False),
    ],
)
def test_a_model_that_takes_sampling_now_and_then_takes_none_while_it_thinks(
    sampling: bool | None, effort: Effort | None, draws: bool
) -> None:
    found = Terms(tier="t", model="m", thinks="effort", sampling=sampling)
    assert found.draws(effort) is draws
