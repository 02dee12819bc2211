"""Does the price list become the same prices here, and stay what it says?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import genai_prices.types
import pytest
from genai_prices.data import providers
from hypothesis import given
from hypothesis import strategies as st

from rungwise.tiers.list_prices import list_price, listed_on, provider_at, provider_named
from rungwise.tiers.prices import Price, Rate
from rungwise.types import Usage

AT = datetime(2026, 11, 25, tzinfo=UTC)
MODELS = [
    ("anthropic", model)
    for model in ("claude-haiku-4-5", "claude-haiku-5-5", "claude-sonnet-4-6", "claude-opus-4-7")
]
MODELS += [
    ("openai", model)
    for model in "gpt-5-mini gpt-5 gpt-5-pro gpt-5.4-mini gpt-5.4 gpt-6-luna gpt-6.1-sol".split()
]
MODELS += [
    ("google", model)
    for model in "gemini-2.5-pro gemini-2.5-flash gemini-3.1-pro-preview gemini-3.8-flash".split()
]


def price(name: str, model: str, at: datetime = AT) -> Price:
    provider = provider_named(name)
    assert provider is not None
    found = list_price(provider, model, at)
    assert found is not None
    return found


def test_a_price_with_all_it_has() -> None:
    haiku = price("anthropic", "claude-haiku-5-5-20261007")
    assert haiku.rates.input == Rate(100)
    assert haiku.rates.output == Rate(500)
    assert haiku.rates.cache_read == Rate(10)
    assert haiku.rates.cache_write_5m == Rate(125)
    assert haiku.rates.cache_write_1h == Rate(200)
    ((over, long),) = haiku.long_context
    assert over == 100_000
    assert (long.input, long.cache_read, long.output) == (Rate(500), Rate(50), Rate(2500))
    assert haiku.as_of == listed_on()
    assert haiku.source.startswith("genai-prices ")


@pytest.mark.parametrize(("name", "model"), MODELS)
@given(
    st.integers(0, 400_000), st.integers(0, 400_000), st.integers(0, 100_000), st.integers(0, 9999)
)
def test_equals_what_the_library_itself_calculates(
    name: str, model: str, fresh: int, read: int, written: int, output: int
) -> None:
    ours = price(name, model).cost_nano(
        Usage(input=fresh, cache_read=read, cache_write_5m=written, output=output)
    )
    provider = provider_named(name)
    assert provider is not None
    found = provider.find_model(model)
    assert found is not None
    theirs = found.get_prices(AT).calc_price(
        genai_prices.types.Usage(
            input_tokens=fresh + read + written,
            cache_read_tokens=read,
            cache_write_tokens=written,
            output_tokens=output,
        )
    )
    assert ours is not None
    assert Decimal(ours) == theirs["total_price"] * 10**9


def test_anthropics_hour_costs_twice_its_input_as_its_page_has_it() -> None:
    """https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing"""
    for name, model in MODELS[:4]:
        rates = price(name, model).rates
        assert rates.input is not None
        assert rates.cache_write_1h == Rate(2 * rates.input.nano, rates.input.per)


def test_a_list_without_a_rate_for_cached_tokens_bills_them_as_input() -> None:
    pro = price("openai", "gpt-5-pro").rates
    assert pro.input == pro.cache_read == pro.cache_write_5m == pro.cache_write_1h == Rate(15_000)


def test_a_price_is_that_of_the_day() -> None:
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    assert price("google", "gemini-3.8-flash").rates.input == Rate(750)
    assert price("google", "gemini-3.8-flash", new_year).rates.input == Rate(1500)


def test_what_the_list_does_not_say_is_unknown() -> None:
    openai, google = provider_named("openai"), provider_named("google")
    assert openai is not None
    assert google is not None
    assert list_price(openai, "gpt-5-unheard-of", AT) is None
    assert list_price(google, "gemma-3-4b-it", AT) is None  # listed, and without a price
    assert provider_named("nobody") is None


def test_a_price_by_the_hour_is_unknown() -> None:
    deepseek = provider_at("https://api.deepseek.com/v1")
    assert deepseek is not None
    assert list_price(deepseek, "deepseek-reasoner", AT) is None


def test_addresses_that_everybody_knows() -> None:
    gemini = provider_at("https://generativelanguage.googleapis.com/v1beta/openai/")
    assert gemini is not None
    assert gemini.id == "google"
    assert list_price(gemini, "models/gemini-2.5-flash", AT) is not None
    assert provider_at("https://llm.example.com/v1") is None


def test_the_installed_list_has_a_date() -> None:
    found = listed_on()
    assert found is not None, "a new version of genai-prices: note its release in _RELEASED"
    assert found > date(2026, 1, 1)
    assert {"anthropic", "openai", "google"} <= {provider.id for provider in providers}
