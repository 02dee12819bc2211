"""Is a draft at a hosted API never billed more than was said before?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import (
    AnthropicTierConfig,
    HostedTierConfig,
    OpenAITierConfig,
    PriceConfig,
    PricesConfig,
)
from rungwise.tiers.cards import Card
from rungwise.tiers.hosted.anthropic import AnthropicTier
from rungwise.tiers.hosted.hosted import HostedTier
from rungwise.tiers.hosted.openai import OpenAITier
from rungwise.tiers.price_book import PriceBook
from rungwise.tiers.size import most_tokens
from rungwise.types import CacheMark, Chat, Done, Image, Message, Sampling, Usage

PRICE = PriceConfig(input=1, output=1000, cache_read=0.1, cache_write_5m=1.25, cache_write_1h=2)


def openai(**told: Any) -> HostedTierConfig:
    told = {"price": PRICE, "model": "m", "base_url": "http://127.0.0.1:9"} | told
    return OpenAITierConfig(name="t", kind="openai", api_key_env="KEY", **told)


def claude(**told: Any) -> HostedTierConfig:
    told = {"price": PRICE, "model": "m", "base_url": "http://127.0.0.1:9"} | told
    return AnthropicTierConfig(name="t", kind="anthropic", api_key_env="KEY", **told)


def tier(config: HostedTierConfig, card: Card | None = None) -> HostedTier:
    if isinstance(config, AnthropicTierConfig):
        return AnthropicTier(config, card=card)
    assert isinstance(config, OpenAITierConfig)
    return OpenAITier(config, card=card)


def asks(most: int | None = 0, *, text: str = "hello", n: int = 1, **message: Any) -> Chat:
    told = Message(role="user", text=text, **message)
    return Chat(messages=(told,), sampling=Sampling(max_tokens=most, n=n))


def card(**told: Any) -> Card:
    whole = {"id": "m", "provider": "openai", "api": "chat", "as_of": "2026-11-25"}
    return Card.model_validate(whole | told)


def output_of(nano: int | None) -> int:
    """PRICE has a million nano-dollars for a token of output; no prompt here costs as much."""
    assert nano is not None
    return nano // 1_000_000


@pytest.mark.parametrize(
    ("config", "of_card", "asked", "output"),
    [
        (openai(), None, 10, 10),
        (openai(max_tokens=50), None, 10, 10),
        (openai(max_tokens=50), card(max_output=70), None, 50),
        (openai(), card(max_output=70), None, 70),
        (claude(prompt_cache=False), card(max_output=70), None, 4096),
        (claude(max_tokens=50), None, None, 50),
    ],
)
def test_an_answer_is_as_long_as_its_limit_at_most(
    config: HostedTierConfig, of_card: Card | None, asked: int | None, output: int
) -> None:
    chat = asks(asked)
    found = tier(config, of_card).most_nano(chat)
    prompt = tier(config).most_nano(asks(1))
    assert prompt is not None
    assert output_of(found) - output_of(prompt) == output - 1


def test_without_any_limit_there_is_no_bound() -> None:
    assert tier(openai()).most_nano(asks(None)) is None
    assert tier(openai(), card(max_output=None)).most_nano(asks(None)) is None


def test_each_of_several_answers_counts() -> None:
    one, three = tier(openai()).most_nano(asks(10)), tier(openai()).most_nano(asks(10, n=3))
    assert one is not None
    assert three == one + 20 * 1_000_000


def test_without_a_price_there_is_no_bound() -> None:
    assert tier(openai(price=None)).most_nano(asks(10)) is None


def test_what_is_added_to_the_prompt_counts() -> None:
    brief = asks(1)
    said = replace(brief.messages[-1], text=brief.messages[-1].text + "x" * 1000)
    more = replace(brief, messages=(*brief.messages[:-1], said))
    short, long = tier(openai()).most_nano(brief), tier(openai()).most_nano(more)
    assert short is not None
    assert long == short + 1000 * 1250  # a write of the cache, unasked, is the dearest way


def test_images_count_as_the_card_has_them() -> None:
    chat = asks(1, images=(Image(url="data:image/png;base64," + "A" * 10_000),))
    plain = tier(openai()).most_nano(asks(1))
    unknown, known = (
        tier(openai()).most_nano(chat),
        tier(openai(), card(image_tokens=300)).most_nano(chat),
    )
    assert plain is not None
    assert unknown == plain + 50_000 * 1250
    assert known == plain + 300 * 1250


@pytest.mark.parametrize(
    ("config", "mark", "rate"),
    [
        (claude(), None, 1250),
        (claude(cache_ttl="1h"), None, 2000),
        (claude(cache_ttl="1h", prompt_cache=False), None, 1250),
        (claude(prompt_cache=False), "1h", 2000),
        (claude(), "1h", 2000),
        (claude(cache_ttl="1h"), "5m", 1250),
    ],
)
def test_a_prompt_may_all_be_written_to_the_longest_cache_that_is_asked_for(
    config: HostedTierConfig, mark: CacheMark | None, rate: int
) -> None:
    chat = asks(1, cache_mark=mark)
    assert tier(config).most_nano(chat) == most_tokens(chat) * rate + 1_000_000


def test_a_cache_that_may_be_written_at_an_unknown_rate_leaves_no_bound() -> None:
    price = PriceConfig(input=1, output=1)
    assert tier(claude(price=price)).most_nano(asks(1)) is None
    assert tier(claude(price=price, prompt_cache=False)).most_nano(asks(1)) is not None
    assert tier(openai(price=price)).most_nano(asks(1)) is not None


def test_a_tier_goes_by_its_price_book_and_its_card() -> None:
    own = PricesConfig(models={"m": PriceConfig(input=7)})
    config = openai(price=None)
    able = OpenAITier(config, prices=PriceBook(own), card=card(images=False))
    done = Done(model="shown", usage=Usage(input=1), billed_as="m-2026-01-01")
    assert able.cost_nano(done) == 7000
    assert able.lacks(asks(1, images=(Image(url="data:,"),))) == "takes no images"
    assert tier(config).cost_nano(done) is None
    assert tier(config).lacks(asks(1, images=(Image(url="data:,"),))) is None


parts = st.integers(0, 10)


@given(
    st.sampled_from(["claude-haiku-5-5", "claude-opus-4-7", "claude-haiku-4-5"]),
    st.sampled_from(["5m", "1h"]),
    st.lists(parts, min_size=4, max_size=4),
    st.integers(0, 200_000),
    st.integers(1, 5000),
    st.floats(0, 1),
)
def test_no_usage_of_a_chat_costs_more_than_its_bound(
    model: str, ttl: CacheMark, shares: list[int], size: int, most: int, written: float
) -> None:
    claude_tier = tier(claude(model=model, price=None, base_url=None, cache_ttl=ttl))
    chat = asks(most, text="x" * size)
    of = sum(shares) or 1
    fresh, read, short, long = (size * share // of for share in shares)
    usage = Usage(
        input=fresh,
        cache_read=read,
        cache_write_5m=short if ttl == "5m" else 0,
        cache_write_1h=long if ttl == "1h" else 0,
        output=int(most * written),
        reasoning=most - int(most * written),
    )
    bound = claude_tier.most_nano(chat)
    cost = claude_tier.cost_nano(Done(model=model, usage=usage, billed_as=model))
    assert bound is not None
    assert cost is not None
    assert cost <= bound
