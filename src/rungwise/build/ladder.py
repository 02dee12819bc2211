"""Which rungs are there? Sections in, tiers out, with their prices, cards and guards."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from rungwise.config import (
    AdapterTierConfig,
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
from rungwise.tiers.local.placing import adapters_of
from rungwise.tiers.local.vllm_compat import visible_gpus
from rungwise.tiers.price_book import PriceBook

if TYPE_CHECKING:
    from rungwise.tiers.local.vllm import VllmTier

__all__ = ["build_ladder"]


def build_ladder(config: Config, now: Callable[[], float] = time.perf_counter) -> tuple[Tier, ...]:
    """Lowest first. One price list and one energy counter serve all of them. Raises ConfigError."""
    prices, energy = PriceBook(config.prices), _energy(config, now)
    hosted, engines = partial(_hosted, prices=prices), _engines(config, energy)
    tiers: list[Tier] = []
    for section in config.tiers:
        match section:
            case VllmTierConfig():
                tiers.append(engines[section.name])
            case AdapterTierConfig():
                tiers.append(_adapter(section, config, engines))
            case HostedTierConfig():
                tiers.append(guarded(section, hosted))
            case PluginTierConfig():
                tiers.append(_plugin(section))
    return tuple(tiers)


def _engines(config: Config, energy: Energy | None) -> Mapping[str, VllmTier]:
    """By name. Each knows its adapters, wherever they stand on the ladder."""
    return {
        section.name: _engine(section, config, energy)
        for section in config.tiers
        if isinstance(section, VllmTierConfig)
    }


def _engine(section: VllmTierConfig, config: Config, energy: Energy | None) -> VllmTier:
    from rungwise.tiers.local.vllm import VllmTier

    return VllmTier(
        section,
        box=config.box,
        energy=energy,
        card=card_of(section),
        adapters=adapters_of(config, section),
    )


def _adapter(section: AdapterTierConfig, config: Config, engines: Mapping[str, VllmTier]) -> Tier:
    from rungwise.tiers.local.adapter import AdapterTier

    of = config.engine_of(section)
    assert of is not None, "a configuration has checked it"
    card = card_of(section if section.card is not None else of)
    return AdapterTier(section, engines[section.of], of=of, card=card)


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
