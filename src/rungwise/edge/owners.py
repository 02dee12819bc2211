"""What does only the owner see? GET /v1/alarms, /v1/calibrations, /v1/gpus and /v1/ladder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from rungwise.contracts import Tier
from rungwise.edge.gated import Gated
from rungwise.edge.ops import health_of
from rungwise.edge.parameters import Parameters
from rungwise.edge.quoting import Quoted
from rungwise.edge.rising import Rising
from rungwise.edge.sight import see_all
from rungwise.ledger.books import Books
from rungwise.ledger.reliability import NEWEST, Reliability
from rungwise.types import Alarm, Json, JsonObject

if TYPE_CHECKING:
    from rungwise.drift.alarms import Alarms
    from rungwise.drift.detector import DetectorState
    from rungwise.edge.engines import EngineNow
    from rungwise.observe.gpu_usage import GpuUsage, GpuWatch

__all__ = ["OwnerRoutes"]


class OwnerRoutes:
    def __init__(
        self,
        books: Books,
        ladder: Sequence[Tier],
        *,
        gates: Sequence[Gated] = (),
        prices: Callable[[str], str | None] = lambda _: None,
        barred: Callable[[Tier], str | None] = lambda _: None,
        rising: Rising | None = None,
        alarms: Alarms | None = None,
        standing: Callable[[], Sequence[DetectorState]] = lambda: (),
        gpus: GpuWatch | None = None,
        engine: Callable[[str], EngineNow | None] = lambda _: None,
    ) -> None:
        """`prices` and `engine` go by a tier's name, `standing` tells of the drift's detectors."""
        self._books, self._ladder, self._gates = books, tuple(ladder), tuple(gates)
        self._prices, self._barred = prices, barred
        self._rising, self._alarms = rising or Rising(()), alarms
        self._standing, self._gpus, self._engine = standing, gpus, engine

    async def alarms(self, request: Request) -> Response:
        see_all(request)
        limit = Parameters(request, "limit").whole("limit", 1, 200) or 50
        recent = await self._alarms.recent(limit) if self._alarms is not None else ()
        return Quoted(
            {
                "object": "alarms",
                "on": [asdict(alarm) for alarm in self._on()],
                "recent": [asdict(alarm) for alarm in recent],
                "detectors": [_detector(told) for told in self._standing()],
            }
        )

    async def calibrations(self, request: Request) -> Response:
        see_all(request)
        Parameters(request)
        demoted = {alarm.demotes for alarm in self._on()}
        measured = await self._books.reliability()
        return Quoted(
            {
                "object": "calibrations",
                "labelled_at_most": NEWEST,
                "data": [
                    {
                        **gated.shown,
                        "demoted": gated.tier in demoted,
                        **_measured(measured.get(gated.tier)),
                    }
                    for gated in self._gates
                ],
            }
        )

    async def gpus(self, request: Request) -> Response:
        see_all(request)
        Parameters(request)
        watch = self._gpus
        absent = "nothing reads the GPUs" if watch is None else watch.absent
        own = [tier for tier in self._ladder if tier.local]
        return Quoted(
            {
                "object": "gpus",
                "measured": absent is None,
                "why": absent,
                "devices": [_gpu(usage) for usage in watch.usage] if watch is not None else [],
                "engines": await asyncio.gather(*map(self._shown_engine, own)),
            }
        )

    async def ladder(self, request: Request) -> Response:
        see_all(request)
        Parameters(request)
        tiers = await asyncio.gather(*map(self._shown, self._ladder))
        return Quoted({"object": "ladder", "tiers": tiers})

    def _on(self) -> Sequence[Alarm]:
        return self._alarms.on if self._alarms is not None else ()

    async def _shown(self, tier: Tier) -> JsonObject:
        why = await health_of(tier) or self._barred(tier)
        starting = tier.name in self._rising.waiting
        gated = next((one for one in self._gates if one.tier == tier.name), None)
        return {
            "name": tier.name,
            "model": tier.model,
            "kind": "local" if tier.local else "hosted",
            "state": "starting" if starting else "missing" if why else "ready",
            "why": why,
            "gate": None if gated is None else gated.named,
            "price": self._prices(tier.name),
        }

    async def _shown_engine(self, tier: Tier) -> JsonObject:
        why, told = await health_of(tier), self._engine(tier.name)
        figures = ("running", "waiting", "kv_use", "prefix_hits", "tokens_per_s")
        return {
            "tier": tier.name,
            "model": tier.model,
            "up": why is None,
            "why": why,
            **{name: getattr(told, name, None) for name in figures},
        }


def _detector(told: DetectorState) -> JsonObject:
    return {
        "name": told.name,
        "kind": told.kind,
        "about": told.about,
        "seen": told.seen,
        "usual": told.usual,
        "now": told.now,
        "evidence": told.evidence,
        "bound": told.bound,
    }


def _measured(found: Reliability | None) -> JsonObject:
    if found is None:
        return {"labelled": 0, "since_at": None, "calibration_error": None, "bins": []}
    bins: list[Json] = [
        {
            "said": one.said,
            "right": one.share,
            "interval": list(one.interval),
            "low": one.low,
            "high": one.high,
            "count": one.count,
        }
        for one in found.bins
    ]
    return {
        "labelled": found.labelled,
        "since_at": found.since,
        "calibration_error": found.error,
        "bins": bins,
    }


def _gpu(usage: GpuUsage) -> JsonObject:
    return {
        "gpu": str(usage.index),
        "name": usage.name,
        "utilisation": usage.busy,
        "memory_used_bytes": usage.memory_used,
        "memory_own_bytes": usage.memory_own,
        "memory_total_bytes": usage.memory_total,
        "power_w": usage.power_w,
        "power_limit_w": usage.power_limit_w,
        "energy_j": usage.joules,
        "temperature_c": usage.temperature_c,
        "sm_clock_mhz": _mhz(usage.sm_hz),
        "memory_clock_mhz": _mhz(usage.memory_hz),
        "throttling": None if usage.throttled is None else list(usage.throttled),
        "processes": usage.processes,
        "at": usage.at,
    }


def _mhz(hertz: int | None) -> int | None:
    return None if hertz is None else round(hertz / 1e6)
