"""A double: what the page is told under /v1, as scripted here, and its own files as served.

It stands where the ledger's figures would be, to show what a real server seldom has at hand:
alarms, GPUs, refusals. The real routes are behind the page in test_whole.py."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rungwise.edge.page import PageRoutes

__all__ = ["HOSTILE", "Told", "app_of", "nothing", "told"]

Json = Any

HOSTILE = (
    "<script>window.hurt = 1</script>",
    '"><img src=x onerror="window.hurt = 1">',
    "javascript:window.hurt=1",
    "\u202egnp.exe\u202c\u2066 \u200b",
    "null \x00 \x1b[31m \U0001f680 \u0645\u0631\u062d\u0628\u0627",
    "x" * 5000,
    "__proto__",
    "constructor",
    "%E0%A4%A ../../ #/?&=",
)


@dataclass
class Told:
    """What is answered: a body for each path below /v1; refusals and delays where set."""

    bodies: dict[str, Json]
    key: str | None = None
    status: int = 200
    wait_s: float = 0.0
    asked: list[str] = field(default_factory=list)


def app_of(scene: Told) -> Starlette:
    page = PageRoutes()

    async def data(request: Request) -> Response:
        path = request.path_params["path"]
        scene.asked.append(f"{path}?{request.url.query}")
        if scene.wait_s:
            await asyncio.sleep(scene.wait_s)
        if scene.key and request.headers.get("authorization") != f"Bearer {scene.key}":
            return _fault(401, "no such key", "invalid_api_key")
        if scene.status != 200:
            return _fault(scene.status, "the ledger cannot be read just now", "store_error")
        if path not in scene.bodies:
            return _fault(404, f"no answer {path!r:.80}", "answer_not_found")
        return JSONResponse(scene.bodies[path])

    return Starlette(
        routes=[
            Route("/ui", page.root),
            Route("/ui/{name:path}", page.file),
            Route("/v1/{path:path}", data),
        ]
    )


def _fault(status: int, message: str, code: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": error}, status_code=status)


# ---- what it tells ---------------------------------------------------------------------------


def told(names: Mapping[str, str] | None = None, *, alarm: bool = False) -> dict[str, Json]:
    """A day of one ladder. `names` puts others in place of tiers, models, routes."""
    say = {"tier1": "tier1", "tier3": "tier3", "model": "Qwen3-4B-Instruct", "route": "auto"}
    say |= names or {}
    one = {
        "id": "al_1",
        "kind": "accuracy",
        "about": say["tier1"],
        "why": f"right fell from 95.1 % to 88.4 % over 812 labels of {say['tier1']}",
        "began_at": time.time() - 900,
        "ended_at": None,
        "demotes": say["tier1"],
    }
    gone = {
        **one,
        "id": "al_0",
        "kind": "latency",
        "began_at": time.time() - 9e4,
        "ended_at": time.time() - 8.8e4,
    }
    first = listed(0, say)
    return {
        "figures": figures(say),
        "series": series(say),
        "alarms": {
            "on": [one] if alarm else [],
            "recent": [one, gone] if alarm else [gone],
            "detectors": [
                _detector("accuracy", say["tier1"], 1.2),
                _detector("escalation", say["route"], 3.9),
                {**_detector("latency", say["tier3"], 0), "evidence": None, "bound": None},
            ],
        },
        "ladder": {"tiers": [_tier(say, "tier1", "local"), _tier(say, "tier3", "hosted")]},
        "answers": {"of": None, "next": "abc", "data": [listed(n, say) for n in range(50)]},
        f"answers/{first['id']}": story(say),
        "calibrations": {"data": [_calibration(say)]},
        "gpus": _gpus(say),
    }


def nothing() -> dict[str, Json]:
    """A server that was just started."""
    return {
        "figures": {"all": {"steps": 0}, "groups": [], "idle": [], "audits": []},
        "series": {"at": [], "steps": [], "answers": {}, "p50_ms": [], "p95_ms": []},
        "alarms": {"on": [], "recent": [], "detectors": []},
        "ladder": {"tiers": []},
        "answers": {"next": None, "data": []},
        "calibrations": {"data": []},
        "gpus": {"measured": False, "why": "no NVIDIA driver here", "devices": [], "engines": []},
    }


def figures(say: Mapping[str, str]) -> Json:
    lines = [_line(say, say["route"], 8412), _line(say, "auto:planning", 1903)]
    lines.append({**_line(say, "tier3", 120), "accuracy": None, "accuracy_interval": None})
    lines[-1] |= {"labelled": 0, "against": {}, "cost_per_right_task_usd": None}
    for line in lines:  # whatever it is grouped by
        line |= {"step_type": line["route"], "key": line["route"], "tier": line["route"]}
        line |= {"day": "2026-11-26"}
    audit = {"tier": say["tier3"], "role": "audit", "attempts": 40, "cost_usd": 0.12}
    idle = {"tier": say["tier1"], "up_s": 86_400.0, "busy_s": 12_000.5, "idle_usd": None}
    whole = _line(say, "", 10_435)
    return {"of": None, "all": whole, "groups": lines, "idle": [idle], "audits": [audit]}


def _line(say: Mapping[str, str], route: str, steps: int) -> dict[str, Json]:
    saved = {
        "answers": steps,
        "would_have_cost_usd": steps * 0.0041,
        "did_cost_usd": steps * 0.0012,
    }
    rung = {"prompt_tokens": 4_120_000, "cached_tokens": 2_310_000, "completion_tokens": 812_000}
    low = {**rung, "tier": say["tier1"], "model": say["model"], "attempts": steps, "unpriced": 0}
    low |= {"released": int(steps * 0.74), "abandoned_tokens": 61_000, "cost_usd": 1.92}
    high = {**low, "tier": say["tier3"], "model": "claude-opus-5", "cost_usd": 9.41, "unpriced": 3}
    return {
        "route": route, "steps": steps, "tasks": steps // 3, "answered": steps - 4,
        "labelled": steps // 20, "right": steps // 21, "accuracy": 0.953,
        "accuracy_interval": [0.927, 0.971], "p50_ms": 812.0, "p95_ms": 2430.0, "p99_ms": 4120.0,
        "first_byte_p50_ms": 210.0, "first_byte_p95_ms": 700.0, "first_byte_p99_ms": 910.0,
        "cost_usd": steps * 0.0012, "unpriced": 3, "cost_per_step_usd": 0.0012,
        "cost_per_task_usd": 0.00362, "cost_per_right_usd": 0.00126,
        "cost_per_right_task_usd": 0.0038, "share": {say["tier1"]: 0.742, say["tier3"]: 0.258},
        "escalated": steps // 4, "escalation_rate": 0.258, "abandoned_tokens": 61_000,
        "doubts": [{"tier": say["tier1"], "why": "confidence", "drafts": 300, "tokens": 52_000}],
        "cached_share": 0.56, "cache_saved_usd": 0.31,
        "against": {say["tier3"]: {**saved, "saved": 0.707}}, "rungs": [low, high],
    }  # fmt: skip


def series(say: Mapping[str, str], slots: int = 36, slot_s: int = 300) -> Json:
    chance = random.Random(4)
    end = time.time() // slot_s * slot_s
    steps = [int(60 + 30 * math.sin(n / 6) + chance.randrange(20)) for n in range(slots)]
    low = [int(count * chance.uniform(0.66, 0.82)) for count in steps]
    labelled = [count // 12 for count in steps]
    return {
        "slot_s": slot_s, "at": [end - slot_s * (slots - 1 - n) for n in range(slots)],
        "steps": steps, "answered": steps, "labelled": labelled,
        "right": [max(0, n - (chance.random() < 0.3)) for n in labelled],
        "escalated": [a - b for a, b in zip(steps, low, strict=True)], "unpriced": [0] * slots,
        "cost_usd": [count * 0.0012 * chance.uniform(0.8, 1.3) for count in steps],
        "answers": {
            say["tier1"]: low, say["tier3"]: [a - b for a, b in zip(steps, low, strict=True)],
        },
        "p50_ms": [chance.uniform(740, 900) for _ in steps],
        "p95_ms": [chance.uniform(2000, 3100) for _ in steps],
    }  # fmt: skip


def listed(number: int, say: Mapping[str, str]) -> Json:
    low = {"tier": say["tier1"], "state": "released", "confidence": 0.97, "threshold": 0.9}
    high = {"tier": say["tier3"], "state": "released", "confidence": None, "threshold": None}
    climbed = number % 3 == 0
    tried = [{**low, "state": "abandoned", "confidence": 0.41}, high] if climbed else [low]
    outcomes = [{"right": True, "source": "checker"}, None, {"right": False, "source": "audit"}]
    return {
        "id": f"req_{number:024x}", "at": time.time() - 37 * number, "caller": say.get("key", "ci"),
        "route": say["route"], "step_type": "code_generation", "state": "answered",
        "tier": say["tier3" if climbed else "tier1"], "latency_ms": 812.0 + 900 * climbed,
        "first_byte_ms": 210.0, "cost_usd": 0.0021 if climbed else 0.0003, "tried": tried,
        "outcome": outcomes[number % 3], "task": say.get("task", "t-17"), "audits": None,
    }  # fmt: skip


def story(say: Mapping[str, str]) -> Json:
    low = {
        "role": "draft", "tier": say["tier1"], "model": say["model"], "state": "abandoned",
        "reason": say.get("reason", "confidence 0.41 is under 0.90: the worst window is weak"),
        "readings": {"mean_logprob": -0.61, "worst_window_logprob": -2.84, "mean_entropy": 1.19},
        "confidence": {"probability": 0.41, "calibration": "qwen3-4b-2026-11"}, "threshold": 0.9,
        "usage": {"input": 402, "cache_read": 1210, "cache_write": 0, "output": 96},
        "cost_usd": 0.00021, "started_ms": 12.0, "first_piece_ms": 96.0, "ended_ms": 610.0,
        "engine_s": 0.51, "joules": 140.0, "billed_as": None,
    }  # fmt: skip
    high = {
        **low, "tier": say["tier3"], "model": "claude-opus-5", "state": "released",
        "reason": "the last rung is not judged", "readings": {}, "confidence": None,
        "threshold": None, "cost_usd": 0.00189, "started_ms": 612.0, "first_piece_ms": 1004.0,
        "ended_ms": 1712.0, "engine_s": None, "joules": None, "billed_as": "claude-opus-5-20260901",
    }  # fmt: skip
    check = {**low, "role": "self_check", "state": "asked", "reason": "says yes with 0.38"}
    check |= {"started_ms": 560.0, "first_piece_ms": 590.0, "confidence": None, "readings": {}}
    said = {"source": "checker", "right": True, "at": time.time(), "label": say.get("task")}
    audit = {**high, "role": "audit", "state": "asked", "reason": "no better"}
    audited = {"id": "req_audit", "at": time.time(), "agreed": True, "cost_usd": 0.01}
    return {
        **listed(0, say),
        "plan": f"starts at {say['tier1']}: the table has code generation there; may climb",
        "rungs": [say["tier1"], say["tier3"]],
        "forecasts": {say["tier1"]: 0.62, say["tier3"]: 0.95},
        "shadow": {"router": "expected", "rungs": [say["tier3"]], "why": say["route"]},
        "latency_ms": 1712.0, "first_byte_ms": 1004.0, "cost_usd": 0.0021,
        "baselines_usd": {say["tier3"]: 0.0041}, "attempts": [low, check, high],
        "outcomes": [{**said, "reward": 0.9, "counted": True}],
        "audited_by": [{**audited, "attempts": [audit]}],
    }  # fmt: skip


def _detector(kind: str, about: str, evidence: float) -> Json:
    told = {"name": f"{kind}:{about}", "kind": kind, "about": about, "seen": 812, "bound": 4.6}
    return {**told, "usual": 0.951, "now": 0.938, "evidence": evidence}


def _tier(say: Mapping[str, str], name: str, kind: str) -> Json:
    model = say["model"] if kind == "local" else "claude-opus-5"
    return {"name": say[name], "model": model, "kind": kind, "state": "ready", "why": None}


def _calibration(say: Mapping[str, str]) -> Json:
    bins = []
    for n in range(10):
        said = 0.42 + 0.06 * n
        right = min(1.0, said + (-1) ** n * 0.025 + 0.01)
        bins.append({"said": said, "right": right, "low": said - 0.02, "high": said, "count": 41})
        bins[-1]["interval"] = [max(0.0, right - 0.11), min(1.0, right + 0.07)]
    found = {"whole": 0.93, "prefix": 0.95, "labels": 140, "pooled": False}
    thin = {"whole": None, "prefix": None, "labels": 12, "pooled": True}
    promise = {"kind": "loss", "limit": 0.02, "confidence": 0.9, "reference": say["tier3"]}
    return {
        "tier": say["tier1"], "model": say["model"], "accept": "calibrated",
        "calibration": "qwen3-4b-2026-11", "fitted": "2026-11-20", "fitted_on": 1200,
        "promise": promise, "demoted": False, "labelled": 412, "since_at": 1764000000.0,
        "thresholds": {"planning": found, "code_generation": found, "open_chat": thin},
        "calibration_error": 0.031, "bins": bins,
    }  # fmt: skip


def _gpus(say: Mapping[str, str]) -> Json:
    device = {
        "gpu": "0", "name": "NVIDIA H100 80GB HBM3", "utilisation": 0.93, "power_w": 612.0,
        "memory_used_bytes": 68 * 2**30, "memory_total_bytes": 80 * 2**30, "power_limit_w": 700.0,
        "temperature_c": 61.0, "sm_clock_mhz": 1980, "throttling": ["power"], "processes": 2,
    }  # fmt: skip
    engine = {"tier": say["tier1"], "model": say["model"], "up": True, "running": 12, "waiting": 0}
    engine |= {"kv_use": 0.31, "prefix_hits": 0.56, "tokens_per_s": 4120.0}
    return {"measured": True, "devices": [device], "engines": [{**engine, "why": None}]}
