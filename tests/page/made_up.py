"""What would a busy server have to tell? A day that was made up, in the ledger's own types.

Only the server's own routes make JSON of it (see double.py): no shape is made up."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeVar

from rungwise.confidence.calibration import Calibration
from rungwise.drift.detector import DetectorState
from rungwise.edge.engines import EngineNow
from rungwise.edge.gated import Gated
from rungwise.ledger.books import Books, Said
from rungwise.ledger.lines import (
    Against,
    Audits,
    Doubts,
    Group,
    Idle,
    Line,
    Looked,
    Report,
    Rung,
    Tasks,
    Times,
)
from rungwise.ledger.listing import Glance, Glances, Place, Sought, Tried
from rungwise.ledger.reliability import Bin, Reliability
from rungwise.ledger.series import Series, Stretch
from rungwise.observe.gpu_usage import GpuUsage
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import (
    Alarm,
    AlarmKind,
    Attempt,
    Baseline,
    Confidence,
    Entry,
    Forecast,
    Outcome,
    Reading,
    Shadow,
    StepType,
    Usage,
)

__all__ = ["FIRST", "Day", "Empty"]

T = TypeVar("T")

FIRST = f"req_{0:024x}"
NAMES = {"tier1": "tier1", "tier3": "tier3", "model": "Qwen3-4B-Instruct", "route": "auto"}
SUMS = ("steps", "answered", "escalated", "labelled", "right", "cost_nano", "unpriced")


class Empty(Books):
    """A server that was just started."""

    ladder: Sequence[ScriptedTier] = ()
    gates: Sequence[Gated] = ()
    on: Sequence[Alarm] = ()
    gpus: Any = SimpleNamespace(usage=(), absent="no NVIDIA driver here")

    def __init__(self) -> None: ...

    async def report(
        self, by: Sequence[Group], *, shape: Callable[[Report], T], **sought: object
    ) -> T:
        return shape(Report(by=tuple(by), all=Line(key=()), lines=(), idle=()))

    async def series(self, sought: Stretch) -> Series:
        none = dict.fromkeys((*SUMS, "abandoned_tokens"), [0] * sought.count)
        return Series(**none, answers={}, routes=())

    async def latencies(self, sought: Stretch, shares: Sequence[float]) -> list[list[float | None]]:
        return [[None] * sought.count for _ in shares]

    async def glances(self, sought: Sought) -> Glances:
        return Glances(found=(), next=None)

    async def reliability(self) -> Mapping[str, Reliability]:
        return {}

    async def said(self, entry_id: str) -> Said:
        return Said(outcomes=(), audits=())

    async def find(self, entry_id: str) -> Entry | None:
        return None

    async def recent(self, limit: int) -> Sequence[Alarm]:
        return ()

    def standing(self) -> Sequence[DetectorState]:
        return ()

    def engine(self, tier: str) -> EngineNow | None:
        return None


class Day(Empty):
    """Of one ladder. `names` puts others in place of tiers, models, routes."""

    def __init__(self, names: Mapping[str, str] | None = None, *, alarm: bool = False) -> None:
        say = self._say = NAMES | dict(names or {})
        self._low, self._high = say["tier1"], say["tier3"]
        self.ladder = (
            ScriptedTier(self._low, model=say["model"]),
            ScriptedTier(self._high, model="claude-opus-5", local=False),
        )
        self.gates = [_gated(self._low, say["model"], self._high)]
        self.on = [_alarm(self._low)] if alarm else []
        self.gpus = SimpleNamespace(usage=[GPU], absent=None)

    # ---- what has a course ----

    async def report(
        self, by: Sequence[Group], *, shape: Callable[[Report], T], **sought: object
    ) -> T:
        day = str(int(time.time() // 86_400))
        names = {
            "route": (self._say["route"], "auto:planning", self._high),
            "step_type": ("planning", "code_generation", "open_chat"),
            "key": (self._say.get("key", "ci"), "", "other"),
            "tier": (self._low, self._high, ""),
            "day": (day, day, day),
        }[by[0]]
        first, second = self._line(names[0], 8412), self._line(names[1], 1903)
        third = replace(
            self._line(names[2], 120), labelled=0, right=0, right_priced=0, against={}, tasks=None
        )
        audit = Looked(
            tier=self._high, model="claude-opus-5", role="audit", attempts=40,
            prompt_tokens=9_000, completion_tokens=800, cost_nano=120_000_000, unpriced=0,
        )  # fmt: skip
        idle = Idle(
            tier=self._low, up_s=86_400.0, busy_s=12_000.5, joules=1e6, nano=0, unpriced_s=74_399.5
        )
        whole = replace(self._line("", 10_435), key=())
        audits = Audits(audited=38, agreed=36, rungs=(audit,))
        lines = (first, second, third)
        if by[0] in ("step_type", "tier"):  # of several of which the steps of a task may be
            lines = tuple(replace(line, tasks=None) for line in lines)
        return shape(Report(by=(by[0],), all=whole, lines=lines, idle=(idle,), audits=audits))

    def _line(self, name: str, steps: int) -> Line:
        answered, labelled, nano = steps - 4, steps // 20, steps * 1_200_000
        right, low = round(0.953 * labelled), round(0.742 * (steps - 4))
        tasks = Tasks(
            tasks=steps // 3, labelled=labelled, right=right, cost_nano=steps // 3 * 3_620_000,
            labelled_nano=labelled * 3_620_000, right_priced=right,
        )  # fmt: skip
        return Line(
            key=(name,), steps=steps, answered=answered, labelled=labelled, right=right,
            escalated=steps // 4, cost_nano=nano, unpriced=3, labelled_nano=labelled * 1_200_000,
            right_priced=right, times=Times(p50_s=0.812, p95_s=2.43, p99_s=4.12),
            first_bytes=Times(p50_s=0.21, p95_s=0.7, p99_s=0.91), tasks=tasks,
            doubts=(Doubts(tier=self._low, why="confidence", drafts=300, tokens=52_000),),
            answers={self._low: low, self._high: answered - low},
            rungs=(self._rung(self._low, steps), self._rung(self._high, steps)),
            against={self._high: Against(answers=answered, nano=steps * 4_100_000, cost_nano=nano)},
        )  # fmt: skip

    def _rung(self, tier: str, steps: int) -> Rung:
        local = tier == self._low
        return Rung(
            tier=tier, model=self._say["model"] if local else "claude-opus-5", attempts=steps,
            released=int(steps * 0.74), prompt_tokens=4_120_000, cached_tokens=2_310_000,
            completion_tokens=812_000, abandoned_tokens=61_000, unpriced=0 if local else 3,
            cost_nano=1_920_000_000 if local else 9_410_000_000, saved_nano=155_000_000,
            engine_s=6100.0 if local else 0.0, joules=2.1e6 if local else 0.0,
        )  # fmt: skip

    async def series(self, sought: Stretch) -> Series:
        chance = random.Random(4)
        steps = [int(60 + 30 * math.sin(n / 6) + chance.randrange(20)) for n in range(sought.count)]
        low = [int(count * chance.uniform(0.66, 0.82)) for count in steps]
        climbed = [a - b for a, b in zip(steps, low, strict=True)]
        labelled = [count // 12 for count in steps]
        return Series(
            steps=steps, answered=steps, escalated=climbed, labelled=labelled,
            right=[max(0, n - (chance.random() < 0.3)) for n in labelled],
            cost_nano=[int(count * 1_200_000 * chance.uniform(0.8, 1.3)) for count in steps],
            unpriced=[0] * sought.count, abandoned_tokens=[900] * sought.count,
            answers={self._low: low, self._high: climbed}, routes=[self._say["route"]],
        )  # fmt: skip

    async def latencies(self, sought: Stretch, shares: Sequence[float]) -> list[list[float | None]]:
        chance = random.Random(5)
        most = (0.9, 3.1)
        return [[chance.uniform(0.8, 1.0) * end for _ in range(sought.count)] for end in most]

    # ---- answers ----

    async def glances(self, sought: Sought) -> Glances:
        found = tuple(self._glance(number) for number in range(sought.limit))
        return Glances(found=found, next=Place(at=found[-1].at, id=found[-1].id))

    def _glance(self, number: int) -> Glance:
        climbed = number % 3 == 0
        low = Tried(
            tier=self._low, model=self._say["model"], state="abandoned" if climbed else "released",
            confidence=0.41 if climbed else 0.97, threshold=0.9,
        )  # fmt: skip
        high = Tried(tier=self._high, model="c", state="released", confidence=None, threshold=None)
        outcomes = (
            Outcome(right=True, source="checker"),
            None,
            Outcome(right=False, source="audit"),
        )
        return Glance(
            id=f"req_{number:024x}", at=time.time() - 37 * number, stream=True,
            caller=self._say.get("key", "ci"),
            route=self._say["route"], step_type="code_generation", state="answered",
            tier=self._high if climbed else self._low, first_byte_s=0.21,
            latency_s=1.712 if climbed else 0.812, cost_nano=2_100_000 if climbed else 300_000,
            outcome=outcomes[number % 3], task=self._say.get("task", "t-17"), audits=None,
            tried=(low, high) if climbed else (low,),
        )  # fmt: skip

    async def find(self, entry_id: str) -> Entry | None:
        say = self._say
        if entry_id != FIRST:
            return None
        return Entry(
            id=FIRST, at=time.time(), caller=say.get("key", "ci"), route=say["route"], stream=True,
            step_type=StepType.CODE_GENERATION, task=say.get("task", "t-17"), state="answered",
            plan_why=f"starts at {self._low}: the table has code generation there; may climb",
            rungs=(self._low, self._high), first_byte_s=1.004, latency_s=1.712,
            forecasts=tuple(
                Forecast(tier=tier, probability=p)
                for tier, p in ((self._low, 0.62), (self._high, 0.95))
            ),
            shadow=Shadow(router="expected", rungs=(self._high,), why=say["route"]),
            baselines=(Baseline(tier=self._high, nano=4_100_000),),
            attempts=self._attempts(), outcome=Outcome(right=True, source="checker"),
        )  # fmt: skip

    def _attempts(self) -> tuple[Attempt, Attempt, Attempt]:
        say = self._say
        low = Attempt(
            tier=self._low, model=say["model"], state="abandoned", threshold=0.9,
            reason=say.get("reason", "confidence 0.41 is under 0.90: the worst window is weak"),
            usage=Usage(input=402, cache_read=1210, cache_write_5m=30, output=96, reasoning=40),
            cost_nano=210_000, started_s=0.012, first_piece_s=0.096, ended_s=0.61,
            readings=(
                Reading(signal="mean_logprob", value=-0.61),
                Reading(signal="worst_window_logprob", value=-2.84),
                Reading(signal="mean_entropy", value=1.19),
            ),
            confidence=Confidence(probability=0.41, calibration="qwen3-4b-2026-11"),
            engine_s=0.51, joules=140.0,
        )  # fmt: skip
        check = replace(
            low, role="self_check", state="asked", reason="says yes with 0.38", readings=(),
            confidence=None, started_s=0.56, first_piece_s=0.59,
        )  # fmt: skip
        high = Attempt(
            tier=self._high, model="claude-opus-5", state="released",
            reason="the last rung is not judged", cost_nano=1_890_000, started_s=0.612,
            usage=Usage(input=402, cache_read=1210, cache_write_1h=500, output=96),
            first_piece_s=1.004, ended_s=1.712, billed_as="claude-opus-5-20260901",
        )  # fmt: skip
        return low, check, high

    async def said(self, entry_id: str) -> Said:
        at, (_, _, high) = time.time(), self._attempts()
        outcome = Outcome(
            right=True, source="checker", at=at, label=self._say.get("task"), reward=0.9
        )
        audit = Entry(
            id="req_audit", at=at, caller="ci", route=self._say["route"], state="audited",
            step_type=StepType.CODE_GENERATION, plan_why="agreed: no better", audits=entry_id,
            attempts=(replace(high, role="audit", state="asked", reason="no better"),),
            first_byte_s=None, latency_s=1.0,
        )  # fmt: skip
        return Said(outcomes=(outcome,), audits=(audit,))

    # ---- what the owner alone sees ----

    async def recent(self, limit: int) -> Sequence[Alarm]:
        now = time.time()
        gone = replace(
            _alarm(self._low), id="al_0", kind="latency", began_at=now - 9e4, ended_at=now - 8.8e4
        )
        return [*self.on, gone][:limit]

    def standing(self) -> Sequence[DetectorState]:
        return [
            _detector("accuracy", self._low, 1.2),
            _detector("escalation", self._say["route"], 3.9),
            replace(_detector("latency", self._high, 0.0), usual=None, now=None),
        ]

    async def reliability(self) -> Mapping[str, Reliability]:
        bins = []
        for n in range(10):
            said = 0.42 + 0.06 * n
            right = round(41 * min(1.0, said + (-1) ** n * 0.025 + 0.01))
            bins.append(Bin(count=41, right=right, said=said, low=said - 0.02, high=said))
        return {self._low: Reliability(bins=tuple(bins), since=1_764_000_000.0)}

    def engine(self, tier: str) -> EngineNow | None:
        return EngineNow(running=12, waiting=0, kv_use=0.31, prefix_hits=0.56, tokens_per_s=4120.0)


GPU = GpuUsage(
    index=0, name="NVIDIA H100 80GB HBM3", uuid="GPU-0", driver="570", busy=0.93, power_w=612.0,
    memory_used=68 * 2**30, memory_total=80 * 2**30, power_limit_w=700.0, temperature_c=61.0,
    sm_hz=1_980_000_000, throttled=("power_cap",), processes=2,
)  # fmt: skip


def _alarm(tier: str) -> Alarm:
    why = f"right fell from 95.1 % to 88.4 % over 812 labels of {tier}"
    began = time.time() - 900
    return Alarm(id="al_1", kind="accuracy", about=tier, why=why, began_at=began, demotes=tier)


def _detector(kind: AlarmKind, about: str, evidence: float) -> DetectorState:
    return DetectorState(
        name=f"{kind}:{about}", kind=kind, about=about, seen=812, usual=0.951, now=0.938,
        evidence=evidence, bound=4.6,
    )  # fmt: skip


def _gated(tier: str, model: str, reference: str) -> Gated:
    found = {"whole": 0.93, "labels": 140}
    calibration = Calibration.model_validate(
        {
            "name": "qwen3-4b-2026-11",
            "model": model,
            "revision": "r",
            "signals": ["mean_logprob"],
            "finished": {"weights": {"mean_logprob": 1.0}, "intercept": 0.0},
            "thresholds": {
                "planning": found,
                "code_generation": found,
                "open_chat": {"whole": None, "labels": 12, "pooled": True},
            },
            "promise": {
                "kind": "loss",
                "limit": 0.02,
                "confidence": 0.9,
                "reference": reference,
                "procedure": "p",
                "level": 0.1,
            },
            "provenance": {
                "data": "d",
                "data_sha256": "0",
                "count": 1200,
                "right": 1100,
                "date": "2026-11-20",
                "seed": 0,
            },
        }
    )
    return Gated(tier=tier, model=model, accept="calibrated", calibration=calibration)
