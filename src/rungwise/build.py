"""Which concrete parts make this server? Config in, cascade and app out; names every class."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from rungwise.attempts import Clock
from rungwise.cascade import Cascade
from rungwise.confidence.calibration import load_calibration
from rungwise.confidence.gate import CalibratedGate
from rungwise.config import (
    AnthropicTierConfig,
    Config,
    GateConfig,
    OpenAITierConfig,
    PluginTierConfig,
    Tiers,
    VllmTierConfig,
)
from rungwise.contracts import Ledger, Tier
from rungwise.errors import ConfigError
from rungwise.ledger.sql import SqliteLedger
from rungwise.ledger.tee import Tee
from rungwise.observe.metrics import Metrics
from rungwise.policy.static import StaticRouter
from rungwise.verify.checks import Checks

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["build_app", "build_cascade", "build_ladder", "new_id"]

CLOCK = Clock(now=time.perf_counter, unix=time.time)


def new_id() -> str:
    return f"req_{secrets.token_hex(12)}"


def build_ladder(config: Config) -> tuple[Tier, ...]:
    return tuple(_tier(tier) for tier in config.tiers)


def build_cascade(config: Config, ladder: Sequence[Tier], ledger: Ledger) -> Cascade:
    """Raises ConfigError for a calibration that does not fit its tier."""
    models = {tier.name: tier.shown_model for tier in config.tiers}
    return Cascade(
        ladder=tuple(ladder),
        router=StaticRouter(ladder, config.routing),
        gates={
            gate.tier: _gate(gate, models[gate.tier])
            for gate in config.gates
            if gate.hold != "none"
        },
        verifier=Checks(),
        ledger=ledger,
        clock=CLOCK,
    )


def build_app(config: Config, keys: Sequence[str]) -> FastAPI:
    """Everything behind one ASGI app. The ladder and the ledger start and stop with it."""
    from rungwise.edge.app import make_app
    from rungwise.edge.auth import StaticKeyring

    metrics = Metrics()
    ledger = Tee(SqliteLedger(config.ledger.path), readers=[metrics.read], lost=metrics.entry_lost)
    ladder = build_ladder(config)
    return make_app(
        cascade=build_cascade(config, ladder, ledger),
        ladder=ladder,
        ledger=ledger,
        keyring=StaticKeyring(keys),
        config=config.server,
        render_metrics=metrics.render,
        new_id=new_id,
    )


def _gate(config: GateConfig, model: str) -> CalibratedGate:
    if config.calibration is None:
        return CalibratedGate(config, None)
    return CalibratedGate(config, load_calibration(config.calibration, model=model))


def _tier(config: Tiers) -> Tier:
    match config:
        case VllmTierConfig():
            from rungwise.tiers.vllm import VllmTier

            return VllmTier(config)
        case OpenAITierConfig():
            from rungwise.tiers.openai import OpenAITier

            return OpenAITier(config)
        case AnthropicTierConfig():
            from rungwise.tiers.anthropic import AnthropicTier

            return AnthropicTier(config)
        case PluginTierConfig():
            return _plugin(config)


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
