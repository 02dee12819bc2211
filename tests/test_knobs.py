"""Does every knob of gates and checks do something? Each is turned, and the caller sees it.

A knob that is disconnected makes its line fail; one that has no line fails the last test. Some of
routes are turned here, too; tests/test_every_knob.py says where the others are, and those of all
other sections.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from rungwise.config import (
    AgreementConfig,
    ChecksConfig,
    GateConfig,
    JudgeConfig,
    SelfCheckConfig,
)
from rungwise.tiers.scripted import (
    Script,
    ScriptedTier,
    decline,
    fail,
    label,
    pause,
    say,
    stall,
)
from rungwise.types import Chat
from tests.served import Answer, served

pytestmark = pytest.mark.anyio

SECTIONS: tuple[type[BaseModel], ...] = (
    GateConfig,
    SelfCheckConfig,
    AgreementConfig,
    JudgeConfig,
    ChecksConfig,
)

Drafts = tuple[Script | Callable[[Chat], Script], ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen from outside: by the caller, and by the rungs."""

    answer: Answer
    low: ScriptedTier
    top: ScriptedTier


def tier(seen: Seen) -> object:
    return seen.answer.tier


def written_by_low(seen: Seen) -> object:
    """How many tokens of the low rung's draft were paid for."""
    return seen.answer.attempt("low")["usage"]["output"]


def readings(seen: Seen) -> object:
    return sorted(seen.answer.attempt("low")["readings"])


def roles(seen: Seen) -> list[str]:
    return [attempt["role"] for attempt in seen.answer.attempts]


def states(seen: Seen) -> object:
    return [attempt["state"] for attempt in seen.answer.attempts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    name: str
    plain: str
    """The document without it."""
    turned: str
    """The same with it."""
    low: Drafts
    top: Drafts = (say("better"),)
    asked: dict[str, Any] = field(default_factory=dict)
    see: Callable[[Seen], object] = tier
    before: object
    after: object


SURE = say("a sure answer", logprob=-0.01)
DOUBTFUL = say("a doubtful answer", logprob=-3.0)
LOST = say("lost " * 40, logprob=-3.0)
HARDLY = say("hardly " * 40, logprob=-2.0)
WANING = say("one two three four five six", logprobs=[-0.01] * 4 + [-20.0] * 2)
UNSURE = say("I'm not sure, but it may be five.", logprob=-0.01)
CUT_SHORT = say("a sure answer", logprob=-0.01, finish="length")
CIRCLES = say("and then it went on as before, " * 40, logprob=-0.01)
WRONG_SUM = say("There are 17 + 25 = 43 of them.", logprob=-0.01)
WRONG_CODE = say("```python\ndef f(:\n    return 1\n```", logprob=-0.01)
YES, NO = label("yes", yes=0.9, no=0.1), label("no", yes=0.1, no=0.9)
LIKE = say("a sure answer", finish="stop")
UNLIKE = say("something quite different", finish="stop")
LATE = pause(0.1)


def gate(keys: str, more: str = "") -> str:
    return f"gates: [{{tier: low, {keys}}}]\n{more}"


def gate_knob(
    name: str, plain: str, turned: str, *low: Script, before: object, after: object, **more: Any
) -> Knob:
    """A knob of the low rung's gate: the keys of its section without and with it."""
    return Knob(
        name=name,
        plain=gate(plain),
        turned=gate(turned),
        low=low,
        before=before,
        after=after,
        **more,
    )


def checked(name: str, turned: str, *low: Script, before: str, after: str, **more: Any) -> Knob:
    """The same where nothing but checks judges."""
    plain = "accept: checked"
    return gate_knob(
        f"GateConfig.{name}", plain, f"{plain}, {turned}", *low, before=before, after=after, **more
    )


def probe_knob(
    name: str, plain: str, turned: str, *low: Script, before: object, after: object, **more: Any
) -> Knob:
    """The same for evidence that is paid for, with a calibration that reads it where one must."""
    kind = plain.partition(":")[0]
    read = "accept: checked" if kind == "judge" else f"calibration: {kind}.json"
    return gate_knob(
        name, f"{read}, {plain}", f"{read}, {turned}", *low, before=before, after=after, **more
    )


def told_to_low(see: Callable[[Chat], object]) -> Callable[[Seen], object]:
    return lambda seen: see(seen.low.chats[1])


def told_to_top(see: Callable[[Chat], object]) -> Callable[[Seen], object]:
    return lambda seen: see(seen.top.chats[0])


GATE = [
    Knob(
        name="GateConfig.tier",
        plain="gates: [{tier: top, accept: checked}]",
        turned="gates: [{tier: low, accept: checked}]",
        low=(UNSURE,),
        before="low",
        after="top",
    ),
    gate_knob(
        "GateConfig.hold",
        "calibration: beginning.json",
        "calibration: beginning.json, hold: whole",
        WANING,
        asked={"stream": True},
        before="low",
        after="top",
    ),
    gate_knob(
        "GateConfig.hold",
        "calibration: window.json",
        "calibration: window.json, hold: none",
        DOUBTFUL,
        before="top",
        after="low",
    ),
    gate_knob("GateConfig.accept", "", "accept: checked", SURE, before="top", after="low"),
    gate_knob(
        "GateConfig.calibration", "", "calibration: window.json", SURE, before="top", after="low"
    ),
    gate_knob(
        "GateConfig.signals",
        "read_pinned: true",
        "read_pinned: true, signals: [first_logprob, log_length]",
        SURE,
        asked={"model": "low"},
        see=readings,
        before=["mean_logprob", "min_logprob", "worst_window_logprob"],
        after=["first_logprob", "log_length"],
    ),
    gate_knob(
        "GateConfig.give_up",
        "calibration: beginning.json",
        "calibration: beginning.json, give_up: 0.01",
        HARDLY,
        see=written_by_low,
        before=4,
        after=41,
    ),
    gate_knob(
        "GateConfig.early",
        "calibration: window.json",
        "calibration: window.json, early: false",
        LOST,
        see=written_by_low,
        before=8,
        after=41,
    ),
    checked("refusal", "refusal: escalate", decline(), before="low", after="top"),
    checked(
        "refusal",
        "refusal: escalate",
        say("I'm sorry, but I can't help with that."),
        before="low",
        after="top",
    ),
    checked("hedging", "hedging: false", UNSURE, before="top", after="low"),
    checked("truncation", "truncation: return", CUT_SHORT, before="top", after="low"),
    checked("repetition", "repetition: false", CIRCLES, before="top", after="low"),
    checked(
        "language",
        "language: false",
        say("The answer to this question is that the weather will be fine tomorrow."),
        asked={"text": "Wie wird das Wetter morgen? Bitte antworte auf Deutsch."},
        before="top",
        after="low",
    ),
    checked(
        "format",
        "format: false",
        say("The name is Ada and the age is 36."),
        asked={"text": "Who is it? Answer with a JSON object and nothing else."},
        before="top",
        after="low",
    ),
    gate_knob(
        "GateConfig.read_pinned",
        "calibration: window.json",
        "calibration: window.json, read_pinned: true",
        SURE,
        asked={"model": "low"},
        see=readings,
        before=[],
        after=["worst_window_logprob"],
    ),
    gate_knob(
        "GateConfig.self_check",
        "calibration: window.json",
        "calibration: self_check.json, self_check: {}",
        SURE,
        NO,
        before="low",
        after="top",
    ),
    gate_knob(
        "GateConfig.agreement",
        "calibration: window.json",
        "calibration: agreement.json, agreement: {}",
        SURE,
        UNLIKE,
        before="low",
        after="top",
    ),
    checked(
        "judge",
        "judge: {tier: top}",
        SURE,
        top=(say("no"), say("better")),
        before="low",
        after="top",
    ),
]

PROBES = [
    probe_knob(
        "SelfCheckConfig.step_types",
        "self_check: {}",
        "self_check: {step_types: [planning]}",
        SURE,
        YES,
        see=lambda seen: "self_check" in roles(seen),
        before=True,
        after=False,
    ),
    probe_knob(
        "SelfCheckConfig.deadline_s",
        "self_check: {}",
        "self_check: {deadline_s: 0.02}",
        SURE,
        LATE + YES,
        before="low",
        after="top",
    ),
    probe_knob(
        "AgreementConfig.step_types",
        "agreement: {}",
        "agreement: {step_types: [planning]}",
        SURE,
        LIKE,
        see=lambda seen: "agreement" in roles(seen),
        before=True,
        after=False,
    ),
    probe_knob(
        "AgreementConfig.deadline_s",
        "agreement: {}",
        "agreement: {deadline_s: 0.02}",
        SURE,
        LATE + LIKE,
        before="low",
        after="top",
    ),
    probe_knob(
        "AgreementConfig.samples",
        "agreement: {}",
        "agreement: {samples: 5}",
        SURE,
        LIKE,
        see=told_to_low(lambda chat: chat.sampling.n),
        before=3,
        after=5,
    ),
    probe_knob(
        "AgreementConfig.temperature",
        "agreement: {}",
        "agreement: {temperature: 1.5}",
        SURE,
        LIKE,
        see=told_to_low(lambda chat: chat.sampling.temperature),
        before=0.8,
        after=1.5,
    ),
    probe_knob(
        "JudgeConfig.tier",
        "judge: {tier: top}",
        "judge: {tier: low}",
        SURE,
        say("yes"),
        top=(say("no"), say("better")),
        before="top",
        after="low",
    ),
    probe_knob(
        "JudgeConfig.step_types",
        "judge: {tier: top}",
        "judge: {tier: top, step_types: [planning]}",
        SURE,
        top=(say("no"), say("better")),
        before="top",
        after="low",
    ),
    probe_knob(
        "JudgeConfig.deadline_s",
        "judge: {tier: top}",
        "judge: {tier: top, deadline_s: 0.02}",
        SURE,
        top=(LATE + say("yes"), say("better")),
        before="low",
        after="top",
    ),
    probe_knob(
        "JudgeConfig.max_tokens",
        "judge: {tier: top}",
        "judge: {tier: top, max_tokens: 300}",
        SURE,
        top=(say("yes"),),
        see=told_to_top(lambda chat: chat.sampling.max_tokens),
        before=4,
        after=300,
    ),
    probe_knob(
        "JudgeConfig.unverified",
        "judge: {tier: top}",
        "judge: {tier: top, unverified: accept}",
        SURE,
        top=(fail("overloaded"), say("better")),
        before="top",
        after="low",
    ),
]


def check_knob(name: str, draft: Script) -> Knob:
    return Knob(
        name=f"ChecksConfig.{name}",
        plain=gate("accept: checked"),
        turned=gate("accept: checked", f"checks: {{{name}: false}}"),
        low=(draft,),
        before="top",
        after="low",
    )


def route_knob(name: str, keys: str, draft: Script, **more: Any) -> Knob:
    return Knob(
        name=f"RouteConfig.{name}",
        plain=gate("calibration: window.json"),
        turned=gate(
            "calibration: window.json", f"routing: {{step_types: {{open_chat: {{{keys}}}}}}}"
        ),
        low=(draft,),
        **more,
    )


CHECKS = [check_knob("arithmetic", WRONG_SUM), check_knob("code", WRONG_CODE)]

ROUTES = [
    Knob(
        name="RoutingConfig.default_step_type",
        plain="",
        turned="routing: {default_step_type: planning}",
        low=(SURE,),
        see=lambda seen: seen.answer.why["step_type"],
        before="open_chat",
        after="planning",
    ),
    Knob(
        name="RoutingConfig.hurry",
        plain=gate("calibration: window.json"),
        turned=gate("calibration: window.json", "routing: {hurry: true}"),
        low=(LATE + SURE,),
        top=(say("early", finish=None) + stall(),),
        asked={"headers": {"x-rungwise-hurry": "true"}},
        see=states,
        before=["released"],
        after=["released", "outrun"],
    ),
    Knob(
        name="RoutingConfig.step_types",
        plain="routing: {step_types: {planning: {start: top}}}",
        turned="routing: {step_types: {open_chat: {start: top}}}",
        low=(SURE,),
        before="low",
        after="top",
    ),
    route_knob("start", "start: top", SURE, before="low", after="top"),
    route_knob("ceiling", "ceiling: low", DOUBTFUL, before="top", after="low"),
    route_knob(
        "headstart_s",
        "headstart_s: 0",
        LATE + SURE,
        top=(say("early", finish=None) + stall(),),
        see=states,
        before=["released"],
        after=["released", "outrun"],
    ),
]

KNOBS = [*GATE, *PROBES, *CHECKS, *ROUTES]


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
async def test_a_knob_changes_what_is_seen(tmp_path: Path, knob: Knob) -> None:
    before = await seen_with(tmp_path / "plain", knob.plain, knob)
    after = await seen_with(tmp_path / "turned", knob.turned, knob)
    assert (before, after) == (knob.before, knob.after)


async def seen_with(folder: Path, config: str, knob: Knob) -> object:
    low = ScriptedTier("low", *knob.low, model="small")
    top = ScriptedTier("top", *knob.top, model="big")
    async with served(folder, low, top, config=config) as server:
        answer = await server.ask(**knob.asked)
    return knob.see(Seen(answer, low, top))


def test_every_knob_has_a_line() -> None:
    assert fields_of_all_sections() == {knob.name for knob in KNOBS} - {r.name for r in ROUTES}


def fields_of_all_sections() -> set[str]:
    return {f"{section.__name__}.{name}" for section in SECTIONS for name in section.model_fields}
