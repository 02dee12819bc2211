"""Which rungs are there? Sections in, tiers out, with their prices, cards and guards."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from importlib import import_module

from rungwise.config import (
    AnthropicTierConfig,
    Config,
    HostedTierConfig,
    OpenAITierConfig,
    PluginTierConfig,
    ResponsesTierConfig,
    VllmTierConfig,
)
from rungwise.contracts import Tier
from rungwise.errors import ConfigError
from rungwise.observe.gpu import energy_joules
from rungwise.tiers.cards import card_of
from rungwise.tiers.guards.guarded import guarded
from rungwise.tiers.local.energy import Energy
from rungwise.tiers.local.vllm_compat import visible_gpus
from rungwise.tiers.price_book import PriceBook

__all__ = ["build_ladder"]


def build_ladder(config: Config, now: Callable[[], float] = time.perf_counter) -> tuple[Tier, ...]:
    """Lowest first. One price list and one energy counter serve all of them. Raises ConfigError."""
    prices, energy = PriceBook(config.prices), _energy(config, now)
    hosted = partial(_hosted, prices=prices)
    tiers: list[Tier] = []
    for section in config.tiers:
        match section:
            case VllmTierConfig():
                tiers.append(_local(section, config, energy))
            case HostedTierConfig():
                tiers.append(guarded(section, hosted))
            case PluginTierConfig():
                tiers.append(_plugin(section))
    return tuple(tiers)


def _local(section: VllmTierConfig, config: Config, energy: Energy | None) -> Tier:
    from rungwise.tiers.local.vllm import VllmTier

    return VllmTier(section, box=config.box, energy=energy, card=card_of(section))


def _energy(config: Config, now: Callable[[], float]) -> Energy | None:
    """Only where a rung of this machine draws any, and something measures it."""
    if not any(isinstance(section, VllmTierConfig) for section in config.tiers):
        return None
    counters = energy_joules(visible_gpus())
    return None if counters is None else Energy(counters, now)


def _hosted(section: HostedTierConfig, *, prices: PriceBook) -> Tier:
    card = card_of(section)
    match section:
        case OpenAITierConfig():
            from rungwise.tiers.hosted.openai import OpenAITier

            return OpenAITier(section, prices=prices, card=card, dialect=section.dialect)
        case ResponsesTierConfig():
            from rungwise.tiers.hosted.responses import ResponsesTier

            return ResponsesTier(section, prices=prices, card=card)
        case AnthropicTierConfig():
            from rungwise.tiers.hosted.anthropic import AnthropicTier

            return AnthropicTier(section, prices=prices, card=card)
    raise AssertionError(f"no hosted kind: {type(section).__name__}")


def _plugin(config: PluginTierConfig) -> Tier:
    module, _, name = config.kind.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"tier {config.name!r}: kind {config.kind!r} cannot be imported ({error}); "
            "install its package or correct the name"
        ) from None
    try:
        tier: Tier = found(config)
    except Exception as error:
        raise ConfigError(f"tier {config.name!r}: {config.kind} failed: {error!r:.300}") from error
    return tier
