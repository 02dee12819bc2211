"""What should the owner know of the ladder's models and prices? What ends, is old, or unknown.

Every line is `place: what is so; what to do`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from rungwise.config import (
    AnthropicTierConfig,
    Config,
    HostedTierConfig,
    OpenAITierConfig,
    TierConfig,
    VllmTierConfig,
)
from rungwise.errors import ConfigError
from rungwise.tiers.cards import Card, card_of
from rungwise.tiers.price_book import PriceBook
from rungwise.tiers.prices import UNKNOWN, Price

__all__ = ["endings", "lacks", "prices", "warnings"]

NOTICE = timedelta(days=60)
OLD = timedelta(days=90)
"""List prices change: older ones are pointed out."""
_APIS = {"openai": "chat", "responses": "responses", "anthropic": "messages"}
_KINDS = {"chat": "openai", "responses": "responses", "messages": "anthropic"}
_NAMES = {
    "chat": "OpenAI's Chat Completions API",
    "responses": "the Responses API",
    "messages": "Anthropic's Messages API",
}
GEMINI = "https://generativelanguage.googleapis.com/v1beta/openai/"


def lacks(config: Config) -> Iterator[str]:
    """What cannot work: a card that there is not, a model behind an API that does not serve it."""
    for tier in _all(config):
        try:
            card = card_of(tier)
        except ConfigError as error:
            yield str(error)
            continue
        if card is not None and isinstance(tier, HostedTierConfig):
            yield from _wrong_api(tier, card)


def warnings(config: Config, today: date) -> Iterator[str]:
    """What works, and should be seen to. Tiers with a card that there is not are left out."""
    book = PriceBook(config.prices)
    for tier in _all(config):
        try:
            card = card_of(tier)
        except ConfigError:
            continue
        if card is not None:
            yield from _ending(tier, card, today)
            yield from _misused(tier, card)
        if isinstance(tier, HostedTierConfig):
            price = book.of(tier).of(tier.model)
            yield from _unpriced(tier, price)
            yield from _outdated(tier, price, today)
            yield from _unlimited(tier, card, price)


def prices(config: Config) -> Iterator[str]:
    """The price of each hosted model, who says so, and since when."""
    book = PriceBook(config.prices)
    for tier in _all(config):
        if isinstance(tier, HostedTierConfig):
            price = book.of(tier).of(tier.model)
            since = f", {price.as_of}" if price.as_of else ""
            if price is not UNKNOWN:
                yield f"{tier.name}: price: {_told(price)} ({price.source}{since})"


def endings(config: Config, today: date) -> Mapping[str, str]:
    """By tier: whose model will soon be gone, or is; and what to do. Tiers with a card that there
    is not are left out."""
    found: dict[str, str] = {}
    for tier in _all(config):
        try:
            card = card_of(tier)
        except ConfigError:
            continue
        for line in _ending(tier, card, today) if card is not None else ():
            found[tier.name] = line.partition(": ")[2]
    return found


def _all(config: Config) -> Iterator[TierConfig]:
    for tier in config.tiers:
        yield tier
        if isinstance(tier, HostedTierConfig):
            yield from tier.equals


def _wrong_api(tier: HostedTierConfig, card: Card) -> Iterator[str]:
    """At their owners' addresses; elsewhere anybody may serve anything over any protocol."""
    kind = getattr(tier, "kind", "")
    if tier.base_url is not None:
        if kind == "openai" and card.api == "responses":
            yield _move(tier, card, "responses")
        return
    home = "anthropic" if kind == "anthropic" else "openai"
    if card.provider == home:
        serves = (_APIS[kind], "chat") if kind == "responses" else (_APIS[kind],)
        if card.api not in serves:
            yield _move(tier, card, _KINDS[card.api])
    elif card.provider in ("openai", "anthropic"):
        yield _move(tier, card, _KINDS[card.api])
    elif card.provider == "google" and card.api != "local":
        yield f"{tier.name}: {card.id} is Google's; use kind: openai with base_url: {GEMINI}"
    else:
        yield f"{tier.name}: {card.id} is an open model; name the server that runs it in base_url"


def _move(tier: HostedTierConfig, card: Card, kind: str) -> str:
    return f"{tier.name}: {card.id} answers only on {_NAMES[card.api]}; use kind: {kind}"


def _ending(tier: TierConfig, card: Card, today: date) -> Iterator[str]:
    if card.shutdown is None or card.shutdown > today + NOTICE:
        return
    when = "was" if card.shutdown <= today else "will be"
    heir = f"use {card.successor}" if card.successor else "choose another model"
    yield f"{tier.name}: {card.id} {when} shut down on {card.shutdown}; {heir}"


def _misused(tier: TierConfig, card: Card) -> Iterator[str]:
    if isinstance(tier, VllmTierConfig) and card.local is not None:
        parsers = (
            ("tool_parser", card.local.tool_parser, "tool calls are refused"),
            ("reasoning_parser", card.local.reasoning_parser, "thoughts are taken for its answer"),
        )
        for key, parser, harm in parsers:
            if parser is not None and getattr(tier.engine, key) is None:
                yield f"{tier.name}: its {harm}; set engine.{key}: {parser}"
    thinks = isinstance(tier, OpenAITierConfig) and tier.effort not in (None, "none")
    if thinks and card.tools_with_effort is False:
        yield (
            f"{tier.name}: {card.id} takes no tools beside an effort on {_NAMES['chat']}; "
            "use kind: responses, or leave effort out"
        )


def _unpriced(tier: HostedTierConfig, price: Price) -> list[str]:
    rates = price.rates
    parts = {"input": rates.input, "output": rates.output, "cache_read": rates.cache_read}
    if isinstance(tier, AnthropicTierConfig) and tier.prompt_cache:
        if tier.cache_ttl == "1h":
            parts["cache_write_1h"] = rates.cache_write_1h
        else:
            parts["cache_write_5m"] = rates.cache_write_5m
    missing = [part for part, rate in parts.items() if rate is None]
    if not missing:
        return []
    of = "any token" if price is UNKNOWN else ", ".join(missing)
    mend = "give tiers[].price or prices.models, or the cost of its answers is unknown"
    return [f"{tier.name}: no price is known for {of} of {tier.model}; {mend}"]


def _unlimited(tier: HostedTierConfig, card: Card | None, price: Price) -> Iterator[str]:
    """Anthropic's protocol has a limit of its own. Without a price nothing is known anyway."""
    limit = tier.max_tokens or (card and card.max_output)
    if limit is None and price is not UNKNOWN and not isinstance(tier, AnthropicTierConfig):
        yield (
            f"{tier.name}: no limit is known for its answers, so a caller with spending caps who "
            "names none is not let there; set max_tokens"
        )


def _outdated(tier: HostedTierConfig, price: Price, today: date) -> Iterator[str]:
    if price.as_of is None and tier.price is not None:
        yield f"{tier.name}: its price has no date; set price.as_of"
    if price.as_of is not None and today - price.as_of > OLD:
        yield (
            f"{tier.name}: its price is of {price.as_of} ({price.source}); "
            "compare it with the provider's list"
        )


def _told(price: Price) -> str:
    """US dollars per million tokens."""
    parts = (("in", price.rates.input), ("out", price.rates.output))
    told = [f"${rate.nano / rate.per / 1000:g} {way}" for way, rate in parts if rate is not None]
    return f"{', '.join(told)} per million tokens"
