"""Which gate judges which rung? A section in, a gate out that fits its tier and its calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

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
    ResponsesTierConfig,
    Tiers,
    VllmTierConfig,
)
from rungwise.contracts import Probe
from rungwise.errors import ConfigError
from rungwise.policy.choosing import Judged, Judges
from rungwise.tiers.revision import revision_of
from rungwise.types import StepType

__all__ = ["Demoted", "build_gate", "build_gates", "judges_of"]

Demoted: TypeAlias = Callable[[str], str | None]
"""Why a tier's calibration is not believed just now; None where it is."""


def _believed(tier: str) -> str | None:
    return None


def build_gates(config: Config, demoted: Demoted = _believed) -> dict[str, CalibratedGate]:
    """By tier. Raises ConfigError for a calibration, or paid evidence, that does not fit."""
    tiers = {tier.name: tier for tier in config.tiers}
    return {
        gate.tier: build_gate(gate, tiers[gate.tier], config.engine_of(tiers[gate.tier]), demoted)
        for gate in config.gates
    }


def judges_of(gates: Mapping[str, CalibratedGate]) -> Judges:
    """What whoever plans should know of the gates."""

    def judges(tier: str, step_type: StepType) -> Judged | None:
        gate = gates.get(tier)
        if gate is None or not gate.judges:
            return None
        return Judged(reads=gate.reads(step_type), least=gate.least(step_type))

    return judges


def build_gate(
    config: GateConfig,
    tier: Tiers,
    engine: VllmTierConfig | None = None,
    demoted: Demoted = _believed,
) -> CalibratedGate:
    """`engine` is the section of the rung that an adapter's drafts on. Raises ConfigError for a
    calibration, or paid evidence, that does not fit."""
    calibration = None
    if config.calibration is not None:
        calibration = load_calibration(
            config.calibration,
            model=tier.shown_model,
            revision=revision_of(tier, engine),
            signals=config.signals,
        )
    probes = tuple(_probes(config))
    _agree(config, calibration, {probe.name for probe, _ in probes})
    _readable(config, tier, calibration)
    return CalibratedGate(config, calibration, probes, partial(demoted, config.tier))


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
        ResponsesTierConfig: "speaks an API of which the gate reads no log-probabilities",
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
    single = isinstance(tier, (AnthropicTierConfig, ResponsesTierConfig))
    if single and config.agreement and config.agreement.samples > 1:
        raise ConfigError(
            f"gates: tier {config.tier!r}: agreement.samples: this API writes one answer at a "
            "time; set it to 1"
        )
