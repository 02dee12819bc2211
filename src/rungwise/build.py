"""Which concrete parts make this server? Config in, cascade and app out; names every class."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from rungwise.attempts import Clock
from rungwise.cascade import Cascade
from rungwise.confidence.agreement import Agreement
from rungwise.confidence.calibration import Calibration, load_calibration
from rungwise.confidence.gate import CalibratedGate
from rungwise.confidence.judge import Judge
from rungwise.confidence.self_check import SelfCheck
from rungwise.confidence.signals import SIGNALS
from rungwise.config import (
    AnthropicTierConfig,
    Config,
    GateConfig,
    OpenAITierConfig,
    PluginTierConfig,
    Tiers,
    VllmTierConfig,
)
from rungwise.contracts import Ledger, Probe, Tier
from rungwise.errors import ConfigError
from rungwise.ledger.sql import SqliteLedger
from rungwise.ledger.tee import Tee
from rungwise.observe.metrics import Metrics
from rungwise.policy.static import StaticRouter
from rungwise.tiers.revision import revision_of
from rungwise.types import StepType
from rungwise.verify.checks import Checks

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["build_app", "build_cascade", "build_gate", "build_ladder", "new_id"]

CLOCK = Clock(now=time.perf_counter, unix=time.time)


def new_id() -> str:
    return f"req_{secrets.token_hex(12)}"


def build_ladder(config: Config) -> tuple[Tier, ...]:
    return tuple(_tier(tier) for tier in config.tiers)


def build_cascade(config: Config, ladder: Sequence[Tier], ledger: Ledger) -> Cascade:
    """Raises ConfigError for a calibration that does not fit its tier."""
    tiers = {tier.name: tier for tier in config.tiers}
    return Cascade(
        ladder=tuple(ladder),
        router=StaticRouter(ladder, config.routing),
        gates={gate.tier: build_gate(gate, tiers[gate.tier]) for gate in config.gates},
        verifier=Checks(config.checks),
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


def build_gate(config: GateConfig, tier: Tiers) -> CalibratedGate:
    """Raises ConfigError for a calibration, or paid evidence, that does not fit."""
    calibration = None
    if config.calibration is not None:
        calibration = load_calibration(
            config.calibration,
            model=tier.shown_model,
            revision=revision_of(tier),
            signals=config.signals,
        )
    probes = tuple(_probes(config))
    _agree(config, calibration, {probe.name for probe, _ in probes})
    _readable(config, tier, calibration)
    return CalibratedGate(config, calibration, probes)


def _probes(config: GateConfig) -> Iterator[tuple[Probe, frozenset[StepType] | None]]:
    """Cheapest first, so that the dear ones are asked only where it still matters."""
    probes = (
        (SelfCheck, config.self_check),
        (Agreement, config.agreement),
        (Judge, config.judge),
    )
    for made, section in probes:
        if section is not None:
            types = None if section.step_types is None else frozenset(section.step_types)
            yield made(section), types  # type: ignore[arg-type]


def _agree(config: GateConfig, calibration: Calibration | None, asked: set[str]) -> None:
    """A number that nobody has fitted a meaning to must not be paid for, nor waited for."""
    place = f"gates: tier {config.tier!r}"
    read = set(calibration.signals) if calibration is not None else set()
    unread = asked - {"judge"} - read if config.accept == "calibrated" else ()
    for name in sorted(unread):
        raise ConfigError(
            f"{place}: {name} is paid for, but the calibration does not read it; note it under "
            f"`accept: checked` until there are outcomes, then run `rungwise calibrate --ledger "
            f"... --signals ...,{name}`; or remove it"
        )
    for name in sorted(read & {"self_check", "agreement", "judge"} - asked):
        raise ConfigError(f"{place}: the calibration reads {name}; configure it, or recalibrate")
    unknown = [name for name in config.signals or () if name not in SIGNALS]
    if unknown:
        known = ", ".join(SIGNALS)
        raise ConfigError(f"{place}: signals: no signal is called {unknown[0]!r}; known: {known}")


def _readable(config: GateConfig, tier: Tiers, calibration: Calibration | None) -> None:
    """A rung that shows no log-probabilities would be paid for drafts that are never accepted."""
    silent = {
        OpenAITierConfig: "has no `logprobs: true`, so it gives no log-probabilities",
        AnthropicTierConfig: "speaks an API that gives no log-probabilities",
    }.get(type(tier))
    if silent is None or getattr(tier, "logprobs", False):
        return
    read = calibration.signals if calibration is not None else ()
    needs = [name for name in read if SIGNALS[name].make is not None or name == "self_check"]
    if needs and config.accept == "calibrated":
        raise ConfigError(
            f"gates: tier {config.tier!r} {silent}, but its calibration reads {needs[0]}; use "
            "`accept: checked`, or a calibration on other evidence, or remove the gate"
        )
    if isinstance(tier, AnthropicTierConfig) and config.agreement and config.agreement.samples > 1:
        raise ConfigError(
            f"gates: tier {config.tier!r}: agreement.samples: this API writes one answer at a "
            "time; set it to 1"
        )


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
