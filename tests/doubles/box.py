"""What would a box with GPUs, engines and alarms tell? A played one: its figures are made up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from rungwise.auditing.counts import Counts
from rungwise.observe.gpu_usage import GpuWatch
from rungwise.observe.metrics import Metrics
from rungwise.types import Alarm, Attempt, Entry, Outcome, StepType, Usage
from tests.doubles.nvml import PlayedNvml
from tests.edge.doubles import serving

__all__ = ["Box", "box", "exposed"]

TIER = "low"


class Box:
    """Its figures grow by `work`, and by being asked."""

    def __init__(self) -> None:
        self.nvml, self.rounds = PlayedNvml(gpus=2), 0
        self.watch = GpuWatch(self.nvml, own=lambda: frozenset({0}), every_s=0.2)
        self.metrics = Metrics((TIER, "top"))
        self.audits = Counts()
        self.metrics.watch_gpus(lambda: self.watch.usage, {TIER: ("0", "1")})
        self.metrics.watch_engine(SimpleNamespace(name=TIER, up=True, restarts=1))
        self.metrics.watch_engine_metrics(self)
        self.metrics.watch_alarms(SimpleNamespace(on=ALARMS, begun={"accuracy": 1, "model": 1}))
        self.metrics.watch_drift(lambda: [self.detector])
        self.metrics.watch_audits(self.audits)
        self.metrics.watch_calibrations(lambda: [(TIER, "played", True)])
        self.metrics.watch_ready(lambda: {TIER: True, "top": True})
        self.metrics.watch_closing(lambda: False, lambda: 1)

    def work(self) -> None:
        """One round more of everything."""
        self.rounds += 1
        self.nvml.second += 1
        self.audits.drawn += 1
        self.audits.begun += 1
        self.audits.agreed += 1
        self.audits.skipped["money"] += 1
        draft = attempt(engine_s=0.5, joules=150.0)
        outcome = Outcome(right=self.rounds % 4 != 0, at=0.0)
        answered = replace(entry(draft, outcome=outcome), id=f"req_{self.rounds}")
        self.metrics.read(entry(draft))
        self.metrics.read_outcome(answered)
        for role in ("audit", "comparison"):
            self.metrics.read_audit(entry(attempt(tier="top", role=role), audits="req_0"))

    @property
    def detector(self) -> SimpleNamespace:
        known = {"seen": self.rounds, "usual": 0.9, "now": 0.8, "evidence": 3.0, "bound": 9.2}
        return SimpleNamespace(name="accuracy of low", kind="accuracy", about=TIER, **known)

    # ---- as a local rung shows its engine ----

    @property
    def name(self) -> str:
        return TIER

    def standing(self) -> SimpleNamespace:
        r = float(self.rounds)
        return SimpleNamespace(up_s=2 * r, busy_s=r, idle_joules=70 * r, idle_nano=int(1e6 * r))

    @property
    def stats(self) -> SimpleNamespace:
        r = self.rounds
        spread = SimpleNamespace(bounds=(0.01, 0.1, 1.0), counts=(r, 3 * r, r, 0), total=0.3 * r)
        return SimpleNamespace(
            running=2,
            waiting=1,
            kv_use=0.4,
            queried=640 * r,
            hits=512 * r,
            prompt=640 * r,
            written=200 * r,
            preempted=r // 3,
            guessed=40 * r,
            guessed_right=30 * r,
            ended={"stop": 4 * r, "abort": r},
            first_token=spread,
            inter_token=spread,
        )


ALARMS = [
    Alarm(id="a", kind="accuracy", about=TIER, why="played", began_at=0.0),
    Alarm(id="b", kind="model", about="top", why="played", began_at=0.0),
]


def attempt(*, tier: str = TIER, role: str = "draft", **more: float) -> Attempt:
    return Attempt(
        tier=tier,
        model="played",
        state="released" if role == "draft" else "asked",
        reason="played",
        usage=Usage(input=100, output=50),
        cost_nano=1000,
        started_s=0.0,
        first_piece_s=0.1,
        ended_s=0.5,
        role=role,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


def entry(*attempts: Attempt, outcome: Outcome | None = None, audits: str | None = None) -> Entry:
    return Entry(
        id="req_1",
        at=0.0,
        caller="played",
        route="auto",
        step_type=StepType.OPEN_CHAT,
        plan_why="played",
        attempts=attempts,
        state="audited" if audits else "answered",
        first_byte_s=0.2,
        latency_s=0.6,
        outcome=outcome,
        audits=audits,
    )


@asynccontextmanager
async def box() -> AsyncIterator[tuple[Box, int]]:
    """And the port where it tells its figures."""
    played = Box()
    await played.watch.start()
    try:
        async with exposed(played.metrics) as port:
            yield played, port
    finally:
        await played.watch.stop()


@asynccontextmanager
async def exposed(metrics: Metrics) -> AsyncIterator[int]:
    """These figures alone at /metrics, and the port."""
    app = FastAPI()

    async def told(request: Request) -> Response:
        content, kind = await metrics.rendered()
        return Response(content, headers={"content-type": kind})

    app.add_route("/metrics", told)
    async with serving(app) as port:
        yield port
