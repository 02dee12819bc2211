"""Who plans? Sections in, a router out, with what it learns from the ledger's lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rungwise.config import ChoiceConfig, RoutingConfig
from rungwise.contracts import Router, Tier
from rungwise.policy.choosing import Chooser, EveryRung, Judges
from rungwise.policy.difficulty import load_difficulty
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

    def routed(choice: ChoiceConfig) -> PolicyRouter:
        return PolicyRouter(
            typer=typer,
            table=table,
            memory=memory,
            chooser=_chooser(choice, ladder, expectations, judges),
            keep_sketches=config.keep_sketches,
            private_tags=frozenset(config.private_tags),
            may_hurry=config.hurry,
        )

    router: Router = routed(config)
    if config.shadow is not None:
        router = Shadowing(router, routed(config.shadow), name=config.shadow.policy)
    usual = {kind: table.window(kind, Wish()).start for kind in StepType}
    return Routing(router, usual, (memory.learn, expectations.learn))


def _chooser(
    config: ChoiceConfig,
    ladder: Sequence[Tier],
    expectations: Expectations,
    judges: Judges | None,
) -> Chooser:
    difficulty = None
    if config.difficulty is not None:
        difficulty = load_difficulty(config.difficulty, tuple(tier.name for tier in ladder))
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
