"""Which concrete parts make this server? Config in, cascade and app out."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from rungwise.access.free import FreePurse
from rungwise.access.keys import StoredKeyring
from rungwise.access.lease import Lease, server_id
from rungwise.access.pace import LocalPace
from rungwise.access.purse import StoredPurse
from rungwise.access.repeats import StoredRepeats
from rungwise.access.static import StaticKeyring
from rungwise.auditing.auditor import Auditor
from rungwise.build.cache import build_cache
from rungwise.build.gates import build_gates, judges_of
from rungwise.build.ladder import build_ladder
from rungwise.build.routing import build_routing
from rungwise.build.watching import Watch, build_watch
from rungwise.cache.fingerprint import fingerprint
from rungwise.cache.off import NoCache
from rungwise.cascade import Cascade
from rungwise.config import AdapterTierConfig, Config, VllmTierConfig
from rungwise.contracts import Cache, Gate, Keyring, Ledger, Onlooker, Purse, Router, Tier
from rungwise.drift.alarms import Alarms
from rungwise.drift.drift import GOLDEN
from rungwise.edge.engines import Engines
from rungwise.edge.gated import gated_of
from rungwise.golden import DEADLINE_S, Golden
from rungwise.idle import IdleNotes
from rungwise.ledger.books import Books
from rungwise.ledger.sql import SqlLedger
from rungwise.ledger.tee import Tee, show
from rungwise.observe.metrics import Metrics
from rungwise.once import Once
from rungwise.store.sql import Store
from rungwise.story import Clock
from rungwise.tiers.guards.guarded import breakers
from rungwise.tiers.local.supervised import Leaning, Supervised
from rungwise.tiers.priced import prices_of
from rungwise.types import Entry
from rungwise.verify.checks import Checks

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rungwise.edge.closing import Closing
    from rungwise.edge.owners import OwnerRoutes
    from rungwise.edge.rising import Rising
    from rungwise.tiers.local.vllm import VllmTier

__all__ = ["build_app", "build_cascade", "new_id"]

CLOCK = Clock(now=time.perf_counter, unix=time.time)


def new_id() -> str:
    return f"req_{secrets.token_hex(12)}"


def build_cascade(
    config: Config,
    ladder: Sequence[Tier],
    ledger: Ledger,
    *,
    cache: Cache | None = None,
    purse: Purse | None = None,
    gates: Mapping[str, Gate] | None = None,
    router: Router | None = None,
    onlookers: Sequence[Onlooker] = (),
    refused: Callable[[Entry], object] = lambda _: None,
) -> Cascade:
    """Without a cache nothing is remembered, without a purse everything is granted, and gates and
    router are made of the configuration: that router learns nothing from the ledger. `refused` is
    told of each step that a cap ends. Raises ConfigError for a calibration that does not fit its
    tier."""
    if gates is None or router is None:
        built = build_gates(config)
        routing = build_routing(config.routing, ladder, CLOCK.unix, judges_of(built))
        gates, router = gates or built, router or routing.router
    return Cascade(
        ladder=tuple(ladder),
        router=router,
        gates=gates,
        verifier=Checks(config.checks),
        cache=cache or NoCache(),
        purse=purse or FreePurse(),
        ledger=ledger,
        clock=CLOCK,
        onlookers=onlookers,
        refused=refused,
    )


def build_app(config: Config, keys: Sequence[str], *, watched: bool = True) -> FastAPI:
    """Everything behind one ASGI app, which starts it and stops it. Without `watched` entries go to
    the ledger alone: to measure what watching costs. Raises ConfigError."""
    from rungwise.edge.app import make_app

    golden_too = (GOLDEN,) if config.drift.golden is not None else ()
    metrics = Metrics([tier.name for tier in config.tiers], more_routes=golden_too)
    bare = build_ladder(config, CLOCK.now)
    ladder = _supervised(config, bare, metrics)
    for breaker in (breaker for tier in ladder for breaker in breakers(tier)):
        metrics.watch_breaker(breaker.name, partial(getattr, breaker, "open"))
    store, server = Store(config.ledger.place), server_id()
    barred = partial(_barred, store, config.ledger.when_lost)
    alarms = Alarms(store, server, CLOCK.unix)
    gates = build_gates(config, alarms.demoted)
    routing = build_routing(config.routing, ladder, CLOCK.unix, judges_of(gates))
    watch = build_watch(
        config,
        ladder,
        gates,
        metrics=metrics,
        alarms=alarms,
        usual=routing.usual,
        store=store,
        clock=CLOCK,
        barred=barred,
    )
    readers = watch.readers if watched else ()
    money = _money(
        config,
        ladder,
        store,
        server,
        readers=(*routing.readers, *readers),
        watch=watch if watched else None,
    )
    auditor = _auditor(config, ladder, money)
    metrics.watch_audits(auditor.counts)
    cache, keyring = build_cache(config, store), _keyring(config, store, keys)
    books = Books(store)
    idle = IdleNotes(_engines(config, bare), money.written, CLOCK.unix)
    cascade = build_cascade(
        config,
        ladder,
        money.ledger,
        cache=cache,
        purse=money.purse,
        gates=gates,
        router=routing.router,
        onlookers=(auditor, watch.traces) if watched else (),
        refused=metrics.refused_for_money if watched else lambda _: None,
    )
    golden = _golden(
        config, cascade, money.ledger, alarms, store, lambda: not app.state.rising.waiting
    )
    app = make_app(
        cascade=Once(cascade, money.repeats),
        ladder=ladder,
        ledger=money.ledger,
        keyring=keyring,
        pace=LocalPace(),
        looks=LocalPace(what="look and tell"),
        config=config.server,
        outcomes=config.outcomes,
        books=books,
        owner=partial(_owner, config, ladder, bare, store, books, watch),
        parts=(store, *watch.parts, keyring, money.purse, money.repeats, cache, idle),
        watchers=(watch.readiness, auditor, *golden),
        render_metrics=watch.rendered,
        barred=barred,
        new_id=new_id,
    )
    closing: Closing = app.state.closing
    metrics.watch_closing(lambda: closing.begun, lambda: closing.open)
    return app


def _owner(
    config: Config,
    ladder: Sequence[Tier],
    bare: Sequence[Tier],
    store: Store,
    books: Books,
    watch: Watch,
    rising: Rising,
) -> OwnerRoutes:
    """What only who sees all may look at."""
    from rungwise.edge.owners import OwnerRoutes

    return OwnerRoutes(
        books,
        ladder,
        gates=gated_of(config),
        prices=prices_of(config).get,
        barred=partial(_barred, store, config.ledger.when_lost),
        rising=rising,
        alarms=watch.alarms,
        standing=watch.standing,
        gpus=watch.gpus,
        engine=Engines(_engines(config, bare)).of,
    )


def _auditor(config: Config, ladder: Sequence[Tier], money: _Money) -> Auditor:
    return Auditor(
        config.audits,
        ladder,
        money.purse,
        money.ledger,
        CLOCK,
        new_id,
        verifier=Checks(config.checks),
        private_tags=frozenset(config.routing.private_tags),
    )


def _golden(
    config: Config,
    cascade: Cascade,
    ledger: Ledger,
    alarms: Alarms,
    store: Store,
    ready: Callable[[], bool],
) -> Sequence[Golden]:
    section = config.drift.golden
    if section is None or "golden" not in config.drift.kinds:
        return ()
    asked = Golden(
        config.drift,
        section,
        cascade,
        ledger,
        alarms,
        store,
        CLOCK.unix,
        new_id,
        tiers=[tier.name for tier in config.tiers],
        deadline_s=config.server.deadline_s or DEADLINE_S,
        ready=ready,
    )
    return (asked,)


def _barred(store: Store, when_lost: str, tier: Tier) -> str | None:
    """Why nothing is asked of a rung while nothing can be written down; the log says what fails."""
    goes_on = store.fault is None or (tier.local and when_lost == "local")
    return None if goes_on else f"{tier.name}: the ledger cannot be written"


def _supervised(config: Config, bare: Sequence[Tier], metrics: Metrics) -> tuple[Tier, ...]:
    """The ladder whose own engines are started again when they die, and one at a time."""
    turn, engines = asyncio.Lock(), dict[str, Supervised]()
    for section, tier in zip(config.tiers, bare, strict=True):
        if isinstance(section, VllmTierConfig):
            engine = cast("VllmTier", tier)
            engines[tier.name] = Supervised(engine, section.restart, turn=turn, now=CLOCK.now)
            metrics.watch_engine(engines[tier.name])
            metrics.watch_engine_metrics(engine)
    return tuple(
        Leaning(tier, engines[section.of])
        if isinstance(section, AdapterTierConfig)
        else engines.get(tier.name, tier)
        for section, tier in zip(config.tiers, bare, strict=True)
    )


def _engines(config: Config, bare: Sequence[Tier]) -> list[VllmTier]:
    """The rungs whose engine is ours, and stands idle at our cost."""
    sections = zip(config.tiers, bare, strict=True)
    return [cast("VllmTier", tier) for s, tier in sections if isinstance(s, VllmTierConfig)]


@dataclass(frozen=True, slots=True)
class _Money:
    """What writes down what is spent: all in one database."""

    ledger: Tee
    written: SqlLedger
    purse: StoredPurse
    repeats: StoredRepeats


def _money(
    config: Config,
    ladder: Sequence[Tier],
    store: Store,
    server: str,
    *,
    readers: Sequence[Callable[[Entry], None]] = (),
    watch: Watch | None = None,
) -> _Money:
    local = frozenset(tier.name for tier in ladder if tier.local)
    models = {tier.name: tier.model for tier in ladder}
    lease = Lease(store, server, unix=CLOCK.unix)
    written = SqlLedger(store, models=models)
    audited = watch.audited if watch else ()
    purse = StoredPurse(
        store,
        lease,
        local=local,
        record=written.insert,
        show=partial(show, readers=readers, audited=audited),
        unknown=config.prices.unknown,
        when_lost=config.ledger.when_lost,
        unix=CLOCK.unix,
    )
    settling = SqlLedger(
        store,
        settle=purse.settle,
        revive=purse.revive,
        models=models,
        most_per_day=config.outcomes.most_per_day,
    )
    ledger = Tee(
        settling,
        readers=readers,
        lost=(purse.owe, watch.metrics.entry_lost) if watch else (purse.owe,),
        told=watch.told if watch else (),
        audited=audited,
    )
    repeats = StoredRepeats(
        store, server=lease.id, local=local, fingerprint=fingerprint, unix=CLOCK.unix
    )
    return _Money(ledger, settling, purse, repeats)


def _keyring(config: Config, store: Store, keys: Sequence[str]) -> Keyring:
    access = config.access
    if not access.stored_keys:
        return StaticKeyring(keys, access.limits)
    return StoredKeyring(store, refresh_s=access.refresh_s, limits=access.limits, others=keys)
