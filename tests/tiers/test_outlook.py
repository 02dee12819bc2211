"""Is the owner told what ends, what is old, what is unknown, and what cannot work?"""

from __future__ import annotations

from datetime import date
from importlib.metadata import version
from typing import Any

import pytest

from rungwise.config import (
    AnthropicTierConfig,
    Config,
    EngineConfig,
    HostedTierConfig,
    OpenAITierConfig,
    PriceConfig,
    PricesConfig,
    ResponsesTierConfig,
    VllmTierConfig,
)
from rungwise.tiers.list_prices import listed_on
from rungwise.tiers.outlook import GEMINI, lacks, prices, warnings

TODAY = date(2026, 11, 25)
ELSEWHERE = "https://llm.example.com/v1"
FRESH = {"input": 1, "output": 1, "cache_read": 1, "cache_write_5m": 1, "as_of": "2026-11-01"}


def hosted(kind: str, model: str, **told: Any) -> HostedTierConfig:
    section = {
        "openai": OpenAITierConfig,
        "responses": ResponsesTierConfig,
        "anthropic": AnthropicTierConfig,
    }[kind]
    return section.model_validate(
        {"name": "tier2", "kind": kind, "model": model, "api_key_env": "KEY", "max_tokens": 9}
        | told
    )


def config(*tiers: HostedTierConfig | VllmTierConfig, **told: Any) -> Config:
    return Config(tiers=tiers, **told)  # type: ignore[arg-type]


def warned(*tiers: HostedTierConfig, today: date = TODAY, **told: Any) -> list[str]:
    return list(warnings(config(*tiers, **told), today))


def test_a_model_that_will_end_soon_is_named_with_its_successor() -> None:
    (line,) = warned(hosted("openai", "gpt-5-2025-08-07"))
    assert line == "tier2: gpt-5 will be shut down on 2026-12-11; use gpt-6.1-sol"


def test_a_model_that_has_ended_is_named() -> None:
    lines = warned(hosted("openai", "gpt-5"), today=date(2026, 12, 11))
    assert "tier2: gpt-5 was shut down on 2026-12-11; use gpt-6.1-sol" in lines


def test_a_model_that_stays_is_not_named() -> None:
    assert warned(hosted("openai", "gpt-6.1-sol"), hosted("openai", "gpt-6-luna", name="b")) == []
    assert warned(hosted("openai", "gpt-5"), today=date(2026, 10, 1)) == []


def test_a_price_that_nobody_knows_is_named() -> None:
    (line,) = warned(hosted("openai", "mine", base_url=ELSEWHERE))
    assert line.startswith("tier2: no price is known for any token of mine; give tiers[].price")
    (line,) = warned(hosted("openai", "gpt-6-luna"), prices=PricesConfig(book="none"))
    assert "gpt-6-luna" in line


def test_a_rate_that_is_left_out_and_will_be_billed_is_named() -> None:
    price = {"input": 1, "output": 1, "cache_read": 1, "as_of": "2026-11-01"}
    (line,) = warned(hosted("anthropic", "m", base_url=ELSEWHERE, price=price))
    assert line.startswith("tier2: no price is known for cache_write_5m of m; ")
    (line,) = warned(hosted("anthropic", "m", base_url=ELSEWHERE, price=price, cache_ttl="1h"))
    assert "cache_write_1h" in line
    assert not warned(hosted("anthropic", "m", base_url=ELSEWHERE, price=price, prompt_cache=False))


def test_an_old_price_is_named_whoever_says_it() -> None:
    own = hosted("openai", "mine", base_url=ELSEWHERE, price={**FRESH, "as_of": "2026-08-01"})
    (line,) = warned(own)
    assert line == (
        "tier2: its price is of 2026-08-01 (the configuration); compare it with the provider's list"
    )
    assert not warned(own, today=date(2026, 10, 30))
    (line,) = warned(hosted("openai", "gpt-6-luna"), today=date(2027, 3, 1))
    assert "genai-prices" in line


def test_a_price_without_a_date_is_named() -> None:
    undated = {key: value for key, value in FRESH.items() if key != "as_of"}
    (line,) = warned(hosted("openai", "mine", base_url=ELSEWHERE, price=undated))
    assert line == "tier2: its price has no date; set price.as_of"


def test_a_limit_that_nobody_knows_is_named() -> None:
    unlimited = {"base_url": ELSEWHERE, "price": FRESH, "max_tokens": None}
    (line,) = warned(hosted("openai", "mine", **unlimited))
    assert line.startswith("tier2: no limit is known for its answers")
    assert line.endswith("; set max_tokens")
    assert not warned(hosted("anthropic", "mine", **unlimited)), "its protocol has one"
    assert not warned(hosted("openai", "gpt-6-luna", max_tokens=None)), "its card has one"
    (line,) = warned(hosted("openai", "mine", **unlimited | {"price": None}))
    assert "no price" in line


def test_equals_are_looked_at_too() -> None:
    other = hosted("openai", "gpt-5-mini", name="spare")
    lines = warned(hosted("openai", "gpt-6-luna", equals=[other.model_dump()]))
    assert [line.split(":")[0] for line in lines] == ["spare"]


def test_an_engine_without_the_parsers_of_its_model_is_named() -> None:
    bare = VllmTierConfig(name="tier1", kind="vllm", model="Qwen/Qwen3-8B")
    assert list(warnings(config(bare), TODAY)) == [
        "tier1: its tool calls are refused; set engine.tool_parser: hermes",
        "tier1: its thoughts are taken for its answer; set engine.reasoning_parser: qwen3",
    ]
    engine = EngineConfig(tool_parser="hermes", reasoning_parser="qwen3")
    whole = VllmTierConfig(name="tier1", kind="vllm", model="Qwen/Qwen3-8B", engine=engine)
    assert not list(warnings(config(whole), TODAY))


def test_an_effort_that_keeps_a_model_from_its_tools_is_named() -> None:
    (line,) = warned(hosted("openai", "gpt-6-luna", effort="high"))
    assert line.startswith("tier2: gpt-6-luna takes no tools beside an effort on OpenAI's Chat")
    assert not warned(hosted("openai", "gpt-6-luna", effort="none"))
    assert not warned(hosted("responses", "gpt-6-luna", effort="high"))


@pytest.mark.parametrize(
    ("tier", "lack"),
    [
        (
            hosted("openai", "gpt-5-pro"),
            "tier2: gpt-5-pro answers only on the Responses API; use kind: responses",
        ),
        (
            hosted("openai", "gpt-5-pro", base_url=ELSEWHERE),
            "tier2: gpt-5-pro answers only on the Responses API; use kind: responses",
        ),
        (
            hosted("openai", "claude-opus-4-7"),
            "tier2: claude-opus-4-7 answers only on Anthropic's Messages API; use kind: anthropic",
        ),
        (
            hosted("anthropic", "gpt-5"),
            "tier2: gpt-5 answers only on OpenAI's Chat Completions API; use kind: openai",
        ),
        (
            hosted("openai", "gemini-3.8-flash"),
            "tier2: gemini-3.8-flash is Google's; use kind: openai with base_url: " + GEMINI,
        ),
        (
            hosted("openai", "Qwen/Qwen3-8B"),
            "tier2: Qwen/Qwen3-8B is an open model; name the server that runs it in base_url",
        ),
        (hosted("openai", "gpt-5"), None),
        (hosted("responses", "gpt-5"), None),
        (hosted("responses", "gpt-5-pro"), None),
        (hosted("anthropic", "claude-opus-4-7"), None),
        (hosted("openai", "gemini-3.8-flash", base_url=GEMINI), None),
        (hosted("openai", "claude-opus-4-7", base_url=ELSEWHERE), None),
        (hosted("openai", "Qwen/Qwen3-8B", base_url=ELSEWHERE), None),
        (hosted("openai", "nobody-knows"), None),
        (VllmTierConfig(name="t", kind="vllm", model="Qwen/Qwen3-8B"), None),
    ],
)
def test_an_api_that_does_not_serve_the_model_is_a_lack(
    tier: HostedTierConfig | VllmTierConfig, lack: str | None
) -> None:
    assert list(lacks(config(tier))) == ([] if lack is None else [lack])


def test_a_card_that_there_is_not_is_a_lack() -> None:
    wrong = config(hosted("openai", "m", card="nobody", base_url=ELSEWHERE, price=FRESH))
    (line,) = lacks(wrong)
    assert line.startswith("tier 'tier2': card: there is no card 'nobody'; the cards are ")
    assert not list(warnings(wrong, TODAY))


def test_each_price_is_told_with_its_source_and_date() -> None:
    own = hosted("openai", "mine", name="a", base_url=ELSEWHERE, price=FRESH)
    nobody = hosted("openai", "mine", name="b", base_url=ELSEWHERE)
    told = list(prices(config(own, nobody, hosted("openai", "gpt-5.4-mini", name="c"))))
    assert told == [
        "a: price: $1 in, $1 out per million tokens (the configuration, 2026-11-01)",
        "c: price: $0.75 in, $4.5 out per million tokens "
        f"(genai-prices {version('genai-prices')}, {listed_on()})",
    ]


def test_the_owner_s_list_counts() -> None:
    own = PricesConfig(models={"mine": PriceConfig.model_validate(FRESH)})
    assert not warned(hosted("openai", "mine", base_url=ELSEWHERE), prices=own)
