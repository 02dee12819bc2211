"""Who plans? Sections in, a router out, with what it learns from the ledger's lines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rungwise.config import ChoiceConfig, RoutingConfig
from rungwise.contracts import Router, Tier
from rungwise.policy.choosing import Chooser, EveryRung, Judges
from rungwise.policy.difficulty import Difficulty, load_difficulty
from rungwise.policy.expected import Expectations
from rungwise.policy.memory import Memory
from rungwise.policy.paying import BestRung, PayingRungs
from rungwise.policy.rejection import prepare
from rungwise.policy.router import PolicyRouter
from rungwise.policy.shadow import Shadowing
from rungwise.policy.step_types import Typer
from rungwise.policy.table import Table
from rungwise.types import Entry, StepType, Wish

__all__ = ["Routing", "build_routing"]

logger = logging.getLogger(__name__)

_STEM_CHARS = 24
"""So much of an artefact's file name stands in its router's."""


@dataclass(frozen=True, slots=True)
class Routing:
    router: Router
    usual: Mapping[StepType, str]
    """The rung that the table starts at."""
    readers: tuple[Callable[[Entry], None], ...]
    """They learn from each entry: what conversations saw, what drafts cost."""


def build_routing(
    config: RoutingConfig,
    ladder: Sequence[Tier],
    unix: Callable[[], float],
    judges: Judges | None = None,
) -> Routing:
    """`judges` tells what each gate asks for; without it none asks for anything. Raises
    ConfigError for an artefact that cannot be read."""
    memory, expectations = Memory(config.affinity, unix), Expectations(ladder, unix=unix)
    if memory.heeds_rejections:
        prepare()
    typer, table = Typer(config), Table(ladder, config.step_types)

    def routed(choice: ChoiceConfig, difficulty: Difficulty | None) -> PolicyRouter:
        return PolicyRouter(
            typer=typer,
            table=table,
            memory=memory,
            chooser=_chooser(choice, difficulty, expectations, judges),
            default=config.default_step_type,
            keep_sketches=config.keep_sketches,
            private_tags=frozenset(config.private_tags),
            may_hurry=config.hurry,
        )

    router: Router = routed(config, _loaded(config, ladder))
    if config.shadow is not None:
        difficulty = _loaded(config.shadow, ladder)
        other, name = routed(config.shadow, difficulty), _name(config.shadow, difficulty)
        router = Shadowing(router, other, name=name)
    usual = {kind: table.window(kind, Wish()).start for kind in StepType}
    return Routing(router, usual, (memory.learn, expectations.learn))


def _loaded(config: ChoiceConfig, ladder: Sequence[Tier]) -> Difficulty | None:
    if config.difficulty is None:
        return None
    found = load_difficulty(config.difficulty, tuple(tier.name for tier in ladder))
    if found.missing:
        logger.warning(
            "%s knows nothing of %s; the table decides there", found.name, ", ".join(found.missing)
        )
    return found


def _name(config: ChoiceConfig, difficulty: Difficulty | None) -> str:
    """Of a router, in reports: its policy, and which artefact it foresees by."""
    if difficulty is None:
        return config.policy
    stem, _, digest = difficulty.name.rpartition("@")
    return f"{config.policy}:{stem[:_STEM_CHARS]}@{digest}"


def _chooser(
    config: ChoiceConfig,
    difficulty: Difficulty | None,
    expectations: Expectations,
    judges: Judges | None,
) -> Chooser:
    if config.policy == "cascade" or difficulty is None:
        return EveryRung(difficulty, expectations=expectations)
    if config.policy == "route":
        return BestRung(difficulty, expectations, config.worth)
    return PayingRungs(
        difficulty,
        expectations,
        config.worth,
        keeps_promise=config.promise == "keep",
        judges=judges,
    )
