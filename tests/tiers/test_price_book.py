"""Whose price is it that holds?"""

from __future__ import annotations

import logging
from typing import Any

import pytest

from rungwise.config import (
    AnthropicTierConfig,
    HostedTierConfig,
    OpenAITierConfig,
    PriceConfig,
    PricesConfig,
)
from rungwise.tiers.price_book import MOST_MODELS, PriceBook
from rungwise.types import Done, Usage

NOVEMBER = 1_795_600_000.0
LOCAL = "http://127.0.0.1:9"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/openai/"


def openai(model: str = "gpt-5-mini", **told: Any) -> HostedTierConfig:
    return OpenAITierConfig(name="tier2", kind="openai", model=model, api_key_env="KEY", **told)


def cost(
    tier: HostedTierConfig,
    billed_as: str | None = None,
    *,
    prices: PricesConfig | None = None,
    now: float = NOVEMBER,
    tokens: int = 1,
) -> int | None:
    done = Done(model="shown", usage=Usage(input=tokens), billed_as=billed_as)
    return PriceBook(prices, now=lambda: now).of(tier).cost_nano(done)


def test_the_list_has_a_price_for_the_model() -> None:
    assert cost(openai()) == 250
    assert cost(openai(), "gpt-5-mini-2025-08-07") == 250
    claude = AnthropicTierConfig(
        name="t", kind="anthropic", model="claude-haiku-4-5", api_key_env="KEY"
    )
    assert cost(claude, "claude-haiku-4-5-20251001") == 1000
    assert cost(openai("gemini-2.5-flash", base_url=GEMINI)) == 300


def test_what_is_billed_as_another_model_has_that_ones_price() -> None:
    assert cost(openai("gemini-2.5-pro", base_url=GEMINI), "gemini-3.8-flash") == 750
    assert cost(openai(served_as="house-model"), "gpt-5-2025-08-07") == 1250


def test_the_tiers_own_price_wins_for_its_model_and_its_snapshots() -> None:
    tier = openai(price=PriceConfig(input=7))
    prices = PricesConfig(models={"gpt-5-mini": PriceConfig(input=8)})
    for billed in (None, "gpt-5-mini", "gpt-5-mini-2025-08-07", "gpt-5-mini@eu"):
        assert cost(tier, billed, prices=prices) == 7000
    assert cost(tier, "gpt-5") == 1250
    assert cost(tier, "gpt-5-mini-high") is None


def test_at_an_address_without_a_list_the_tiers_price_is_for_whatever_answers() -> None:
    tier = openai("mine", base_url=LOCAL, price=PriceConfig(input=7))
    assert cost(tier, "something/else") == 7000


def test_the_tiers_price_is_for_whatever_answers_under_a_name_of_the_owners_own() -> None:
    azure = "https://x.openai.azure.com/openai/v1"
    tier = openai("prod-chat", base_url=azure, price=PriceConfig(input=7))
    assert cost(tier) == cost(tier, "gpt-4o-2024-08-06") == cost(tier, "o1") == 7000
    listed = openai("o3-mini", base_url=azure, price=PriceConfig(input=7))
    assert cost(listed) == 7000 and cost(listed, "o1") == 15_000
    own = PricesConfig(models={"prod-chat": PriceConfig(input=8)})
    assert cost(tier, "o1", prices=own) == 15_000, "it is a model like others then"


def test_the_owners_prices_win_over_the_list() -> None:
    prices = PricesConfig(models={"gpt-5-mini": PriceConfig(input=8)})
    assert cost(openai(), prices=prices) == 8000
    assert cost(openai(), "gpt-5-mini-2025-08-07", prices=prices) == 8000
    assert cost(openai("other", base_url=LOCAL), "gpt-5-mini", prices=prices) == 8000


def test_without_the_list_only_the_owner_knows() -> None:
    assert cost(openai(), prices=PricesConfig(book="none")) is None
    own = PricesConfig(book="none", models={"gpt-5-mini": PriceConfig(input=8)})
    assert cost(openai(), prices=own) == 8000


def test_a_server_of_ones_own_has_no_price_and_is_not_free() -> None:
    assert cost(openai("gpt-5-mini", base_url=LOCAL)) is None
    assert cost(openai("Qwen/Qwen3-8B", base_url="https://llm.example.com/v1")) is None
    assert cost(openai("gpt-5-mini", base_url=LOCAL), tokens=0) == 0


def test_a_list_price_changes_at_midnight_utc() -> None:
    clock = [1_798_761_599.0]  # the last second of 2026
    book = PriceBook(now=lambda: clock[0])
    prices = book.of(openai("gemini-3.8-flash", base_url=GEMINI))
    done = Done(model="shown", usage=Usage(input=1))
    assert prices.cost_nano(done) == 750
    clock[0] += 1
    assert prices.cost_nano(done) == 1500


def test_the_log_is_told_once_of_each_model_without_a_price(
    caplog: pytest.LogCaptureFixture,
) -> None:
    prices = PriceBook().of(openai("mine", base_url=LOCAL))
    with caplog.at_level(logging.WARNING):
        for billed in ("one", "one", "two\nforged: line", "one"):
            prices.cost_nano(Done(model="x", usage=Usage(input=1), billed_as=billed))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert "'one'" in lines[0]
    assert not any("\n" in line for line in lines)


def test_an_upstream_that_makes_up_ids_fills_neither_log_nor_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    prices = PriceBook().of(openai("mine", base_url=LOCAL))
    for number in range(2 * MOST_MODELS):
        prices.cost_nano(Done(model="x", usage=Usage(input=1), billed_as=f"model-{number}"))
    assert len(caplog.records) == MOST_MODELS
    assert len(prices._known) <= MOST_MODELS
