"""What is a whole configuration? The sections, and what they ask of each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from rungwise.config.access import AccessConfig
from rungwise.config.cache import AnswerCacheConfig
from rungwise.config.gates import ChecksConfig, GateConfig
from rungwise.config.prices import BoxConfig, PricesConfig
from rungwise.config.routing import RouteConfig, RoutingConfig
from rungwise.config.section import Seconds, Secret, Section, VariableName
from rungwise.config.tiers import AdapterTierConfig, TierConfig, Tiers, VllmTierConfig, check_room
from rungwise.config.watching import AuditsConfig, DriftConfig, OutcomesConfig, TracesConfig
from rungwise.types import StepType


class ServerConfig(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    max_body_mib: float = Field(default=20.0, gt=0, description="larger bodies get a 413")
    max_connections: int = Field(
        default=1000,
        ge=1,
        description="a further connection takes the place of the longest idle one; where none is "
        "idle it gets a 503; health is told to all",
    )
    idle_s: Seconds = Field(
        default=120.0,
        gt=0,
        description="a connection without a request is closed after this; longer than clients and "
        "proxies keep theirs, for a request that meets the close is lost",
    )
    heartbeat_s: Seconds = Field(
        default=10.0, gt=0, description="a stream held longer than this opens with SSE comments"
    )
    grace_s: Seconds = Field(
        default=30.0, ge=0, description="open answers get this long to end on SIGTERM"
    )
    deadline_s: Seconds | None = Field(
        default=None,
        gt=0,
        description="for each answer, all rungs together; a caller's x-rungwise-deadline-s may "
        "only shorten it",
    )
    page: bool = Field(default=True, description="serve the page at /ui")
    api_keys_env: VariableName | None = Field(
        default=None,
        description="variable with the accepted API keys, comma-separated; "
        "without it the server binds to loopback only",
    )


class LedgerConfig(Section):
    """Where entries, keys and budgets are kept: a SQLite file, or Postgres for several servers."""

    path: Path = Path("rungwise.db")
    url_env: VariableName | None = Field(
        default=None,
        description="the variable with the address of Postgres (postgresql://...); wins over path",
    )
    url: Secret = SecretStr("")
    when_lost: Literal["local", "refuse"] = Field(
        default="local",
        description="what goes on while nothing can be written down: rungs of this machine, or "
        "nothing; what is paid for never does",
    )

    @property
    def place(self) -> Path | str:
        """The file, or the address of the database, which holds a password."""
        return self.url.get_secret_value() or self.path


class Config(Section):
    server: ServerConfig = ServerConfig()
    tiers: tuple[Tiers, ...] = Field(min_length=1, max_length=6)
    routing: RoutingConfig = RoutingConfig()
    gates: tuple[GateConfig, ...] = ()
    checks: ChecksConfig = ChecksConfig()
    ledger: LedgerConfig = LedgerConfig()
    access: AccessConfig = AccessConfig()
    prices: PricesConfig = PricesConfig()
    box: BoxConfig = BoxConfig()
    answer_cache: AnswerCacheConfig = AnswerCacheConfig()
    outcomes: OutcomesConfig = OutcomesConfig()
    audits: AuditsConfig = AuditsConfig()
    drift: DriftConfig = DriftConfig()
    traces: TracesConfig = TracesConfig()

    def engine_of(self, tier: TierConfig) -> VllmTierConfig | None:
        """The section of the engine that it drafts on: its own, or that of the rung it adapts;
        None for a rung that drafts elsewhere."""
        name = tier.of if isinstance(tier, AdapterTierConfig) else tier.name
        engines = (other for other in self.tiers if isinstance(other, VllmTierConfig))
        return next((other for other in engines if other.name == name), None)

    @model_validator(mode="after")
    def _names_agree(self) -> Config:
        names = [tier.name for tier in self.tiers]
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise ValueError(f"tiers: the name {doubled[0]!r} is given twice")
        for index, tier in enumerate(self.tiers):
            _check_name(index, tier, self.tiers)
            _check_engine(index, tier, self.tiers)
        known = ", ".join(names)
        for step_type, route in self.routing.step_types.items():
            for key, name in (("start", route.start), ("ceiling", route.ceiling)):
                if name is not None and name not in names:
                    raise ValueError(
                        f"routing.step_types.{step_type.value}.{key}: "
                        f"no tier {name!r}; the ladder has {known}"
                    )
            if (
                route.start
                and route.ceiling
                and names.index(route.start) > names.index(route.ceiling)
            ):
                raise ValueError(
                    f"routing.step_types.{step_type.value}: start {route.start!r} "
                    f"stands above ceiling {route.ceiling!r}"
                )
            _check_without(f"routing.step_types.{step_type.value}", route, names)
        for index, gate in enumerate(self.gates):
            if gate.tier not in names:
                raise ValueError(
                    f"gates.{index}.tier: no tier {gate.tier!r}; the ladder has {known}"
                )
            if gate.tier in (earlier.tier for earlier in self.gates[:index]):
                raise ValueError(f"gates.{index}.tier: {gate.tier!r} has a gate already")
            if gate.judge is not None and gate.judge.tier not in names:
                raise ValueError(
                    f"gates.{index}.judge.tier: no tier {gate.judge.tier!r}; the ladder has {known}"
                )
            _check_judge(index, gate, self.routing)
        for key in ("tier", "judge"):
            name = getattr(self.audits, key)
            if name is not None and name not in names:
                raise ValueError(f"audits.{key}: no tier {name!r}; the ladder has {known}")
        return self


def _check_name(index: int, tier: Tiers, tiers: Sequence[Tiers]) -> None:
    """Callers name tiers, models and `auto` in one field: no name may mean two things."""
    if tier.name == "auto":
        raise ValueError(
            f"tiers.{index}.name: 'auto' leaves the choice to the ladder; take another"
        )
    shadowed = next((t for t in tiers if t is not tier and t.shown_model == tier.name), None)
    if shadowed is not None:
        raise ValueError(
            f"tiers.{index}.name: {tier.name!r} is also the model of {shadowed.name!r}; give that "
            "tier another served_as"
        )


def _check_engine(index: int, tier: Tiers, tiers: Sequence[Tiers]) -> None:
    if not isinstance(tier, AdapterTierConfig):
        return
    engines = {other.name: other for other in tiers if isinstance(other, VllmTierConfig)}
    if tier.of not in engines:
        known = ", ".join(engines) or "none"
        raise ValueError(f"tiers.{index}.of: no tier {tier.of!r} of kind vllm; there are: {known}")
    try:
        check_room(tier, engines[tier.of])
    except ValueError as error:
        raise ValueError(f"tiers.{index}.{error}") from None


def _check_judge(index: int, gate: GateConfig, routing: RoutingConfig) -> None:
    """A judge that sees no draft of a type gives no reading, and so refuses all of them."""
    if gate.judge is None:
        return
    asked = set(StepType) if gate.judge.step_types is None else set(gate.judge.step_types)
    for step_type, route in routing.step_types.items():
        unseen = gate.judge.tier in route.without and gate.tier not in route.without
        if unseen and step_type in asked:
            raise ValueError(
                f"gates.{index}.judge: {step_type.value} passes over {gate.judge.tier!r}, which "
                "sees no draft of it; leave that type out of judge.step_types"
            )


def _check_without(place: str, route: RouteConfig, names: Sequence[str]) -> None:
    for name in route.without:
        if name not in names:
            known = ", ".join(names)
            raise ValueError(f"{place}.without: no tier {name!r}; the ladder has {known}")
        if name in (route.start, route.ceiling):
            raise ValueError(f"{place}.without: {name!r} is its start or its ceiling")
    if set(route.without) >= set(names):
        raise ValueError(f"{place}.without: leaves no rung")
