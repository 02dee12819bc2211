"""Do the parts sum to the total, and all totals to the bill? To the nano-dollar, everywhere.

One `rungwise serve`, a ladder of four hosted rungs and a spare one in three protocols, and an
upstream that keeps its own bill of what it serves. What it could not tell, because a stream ended
before its usage, is an estimate on our side and is held apart. All of it under fixed thresholds,
and where each step climbs as it pays.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from rungwise.ledger.report import read_report
from rungwise.ledger.sql import read_entries
from rungwise.store.database import Database
from rungwise.store.tables import reservation, spending
from rungwise.types import Attempt, Entry, Usage
from tests.doubles.till import Act, Asked, Rates, Served, Till, Tokens
from tests.doubles.upstream import Upstream
from tests.nursery import nursery
from tests.served import CALIBRATIONS
from tests.worlds import foreseen

pytestmark = pytest.mark.anyio

AT_ONCE = 24
KEYS = ("the-first-of-the-keys", "the-second-of-the-keys", "the-key-of-what-is-guessed")
RATES = {
    "low": Rates(75, 7, 93, 150, 301),
    "mid": Rates(1250, 125, 1562, 2500, 10_000),
    "high": Rates(3000, 300, 3750, 6000, 15_000, long=4000, times=2),
    "spare": Rates(2999, 299, 3749, 5999, 14_999),
    "away": Rates(25, 3, 31, 50, 101),
    "wide-a": Rates(5000, 501, 6250, 10_000, 25_003, long=5000, times=3),
    "wide-b": Rates(5001, 500, 6251, 10_001, 25_000),
}
CONFIG = """
server: {{api_keys_env: CALLERS}}
ledger: {{path: money.db}}
answer_cache: {{store: memory}}
access:
  limits:
    caps: [{{usd: 900000, window: ever}}, {{usd: 900000, window: ever, of: escalation}}]
prices:
  book: none
  models: {{wide-a: {wide_a}, wide-b: {wide_b}}}
tiers:
  - {{name: low, kind: responses, model: tiny, base_url: '{url}/low/v1', price: {low}, {more}}}
  - {{name: mid, kind: openai, model: small, logprobs: true, base_url: '{url}/mid/v1',
     price: {mid}, {more}}}
  - {{name: high, kind: anthropic, model: large, base_url: '{url}/high', price: {high}, {more},
     equals: [{{name: spare, kind: openai, model: spare, base_url: '{url}/spare/v1',
     price: {spare}, {more}}}]}}
  - {{name: wide, kind: openai, model: wide-a, base_url: '{url}/wide/v1', {more}}}
  - {{name: away, kind: openai, model: far, base_url: '{url}/away/v1', price: {away}, {more}}}
gates:
  - {{tier: low, accept: checked, judge: {{tier: high, step_types: [extraction]}}}}
  - {{tier: mid, calibration: agreement.json, agreement: {{samples: 3}}}}
routing: {{{routing}}}
"""
LADDER = ("low", "mid", "high", "wide", "away")
POLICIES = {
    "cascade": "policy: cascade",
    "pays": "policy: pays, difficulty: difficulty.json, worth: {right_usd: 0.05}",
}
FORESEEN = {"low": (3.0, 12.0), "mid": (2.5, 12.0), "high": (0.85, 0.0)}
"""So that the lowest is asked first, then the next, and the third for a proof. Of the others
nothing is known."""
HARD = "Prove it, prove that it is so, and prove it again."
MORE = "max_tokens: 900, api_key_env: KEY, guards: {retries: 1, breaker_failures: 0}"

WRONG = "2 + 2 = 5"
KINDS: Mapping[str, Mapping[tuple[str, int], Act]] = {
    "plain": {},
    "escalated": {("low", 0): Act(WRONG)},
    "escalated twice": {
        ("low", 0): Act(WRONG),
        ("mid", 1): Act(others=("one thing", "another story", "third")),
    },
    "judged well": {("high", 0): Act("yes")},
    "judged badly": {("high", 0): Act("no")},
    "tried again": {("low", 0): Act(refuse=500)},
    "refused": {("low", 0): Act(refuse=429), ("low", 1): Act(refuse=429)},
    "cut": {("mid", 0): Act(end="cut")},
    "paid and broken": {("mid", 0): Act(end="paid")},
    "paid and lost": {("high", 0): Act(end="paid")},
    "an equal": {("high", 0): Act(refuse=529), ("high", 1): Act(refuse=529)},
    "left": {("high", 0): Act(end="hang")},
    "left while held": {("low", 0): Act(WRONG), ("mid", 0): Act(end="hang")},
    "left anywhere": {("away", 0): Act(drip_s=0.001)},
    "recalled": {},
    "repeated": {},
    "by model a": {("wide", 0): Act(model="wide-a")},
    "by model b": {("wide", 0): Act(model="wide-b")},
}
"""What happens to a request, by the rung and its turn; all else is answered well."""
NAMES = ("plain",) * 7 + tuple(KINDS)
PINS = {
    "paid and lost": "high",
    "an equal": "high",
    "left": "high",
    "left anywhere": "away",
    "by model a": "wide",
    "by model b": "wide",
}
FLOORS = {"cut": "mid", "paid and broken": "mid"}
LEFT = ("left", "left while held", "left anywhere")
GUESSED = ("cut", *LEFT)
"""What the upstream cannot tell the usage of: these have a key of their own."""


def kind_of(number: int) -> str:
    return NAMES[number % len(NAMES)]


def is_hard(number: int) -> bool:
    return kind_of(number) == "plain" and number // len(NAMES) % 3 == 2


def script(asked: Asked) -> Act:
    return KINDS[kind_of(asked.number)].get((asked.rung, asked.turn), Act())


# ---- the callers -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What one caller heard."""

    number: int
    id: str
    status: int
    story: Mapping[str, Any] | None
    """The extension; None where the answer did not come to its end."""

    @property
    def nano(self) -> int:
        assert self.story is not None
        return nano_of(self.story["cost_usd"])

    @property
    def attempts(self) -> list[int]:
        assert self.story is not None
        return [nano_of(attempt["cost_usd"]) for attempt in self.story["attempts"]]


def nano_of(usd: float) -> int:
    return round(usd * 1e9)


class Callers:
    def __init__(self, http: aiohttp.ClientSession, url: str, till: Till) -> None:
        self._http, self._url, self._till = http, url, till
        self._chance = random.Random(20261125)

    async def run(self, requests: int) -> list[Told]:
        numbers = iter(range(requests))
        told: list[Told] = []

        async def one_after_another() -> None:
            for number in numbers:
                told.extend(await self._both(number))

        await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
        return told

    async def _both(self, number: int) -> list[Told]:
        """One request, or the same twice."""
        kind = kind_of(number)
        if kind in LEFT:
            return await self._leave(number)
        twice = kind in ("recalled", "repeated")
        return [await self._ask(number) for _ in range(1 + twice)]

    async def _ask(self, number: int) -> Told:
        path, body, headers = _request(number)
        async with self._http.post(self._url + path, json=body, headers=headers) as answer:
            said = (await answer.read()).decode()
        id = answer.headers["x-request-id"]
        story = _story(said) if answer.status == 200 else None
        if story is not None and story["recalled"]:
            id = story["id"]
        return Told(number, id, answer.status, story)

    async def _leave(self, number: int) -> list[Told]:
        """Once an upstream waits for its client to go; or at any time, even after the end."""
        asking = asyncio.ensure_future(self._ask(number))
        if kind_of(number) == "left anywhere":
            staying = self._chance.random() < 0.2
            await asyncio.wait((asking,), timeout=20 if staying else self._chance.uniform(0, 0.04))
        else:
            await asyncio.wait_for(self._till.hung[number].wait(), 20)
            await asyncio.sleep(self._chance.choice((0, 0.1)))
        asking.cancel()
        await asyncio.wait((asking,))
        return [] if asking.cancelled() else [asking.result()]

    async def shown(self, id: str, number: int) -> Mapping[str, Any]:
        _, _, headers = _request(number)
        async with self._http.get(f"{self._url}/v1/answers/{id}", headers=headers) as answer:
            found: Mapping[str, Any] = await answer.json()
            return found


def _request(number: int) -> tuple[str, dict[str, Any], dict[str, str]]:
    """In each protocol, streamed and whole, with each key: each kind in turn."""
    kind, turn = kind_of(number), number // len(NAMES)
    what = HARD if is_hard(number) else "What is it?"
    messages, stream = turn % 3 == 0, turn % 2 == 0
    body = {
        "model": PINS.get(kind, "auto"),
        "messages": [{"role": "user", "content": f"{what} #{number}"}],
        "max_tokens": 800,
        "stream": stream,
        "temperature": 0,
    }
    if stream and not messages:
        body["stream_options"] = {"include_usage": True}
    headers = {
        "authorization": f"Bearer {KEYS[2 if kind in GUESSED else turn % 5 % 2]}",
        "x-rungwise-recall": str(kind == "recalled").lower(),
    }
    if kind.startswith("judged"):
        headers["x-rungwise-step-type"] = "extraction"
    if kind in FLOORS:
        headers["x-rungwise-floor"] = FLOORS[kind]
    if kind == "repeated":
        headers["idempotency-key"] = f"key-{number}"
    return "/v1/messages" if messages else "/v1/chat/completions", body, headers


def _story(said: str) -> Mapping[str, Any] | None:
    """The extension, with the answer's id; None where the stream broke off."""
    lines = [line[6:] for line in said.splitlines() if line.startswith("data: {")] or [said]
    events = [json.loads(line) for line in lines]
    ids = (event.get("id") or event.get("message", {}).get("id") for event in events)
    stories = [{"id": next(filter(None, ids)), **e["rungwise"]} for e in events if "rungwise" in e]
    return stories[0] if stories else None


# ---- the run ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    policy: str
    told: Sequence[Told]
    bill: Sequence[Served]
    entries: Sequence[Entry]
    shown: Mapping[str, Any]
    """Some of the answers, as GET /v1/answers/{id} told them."""
    ledger: Path


@asynccontextmanager
async def serving(folder: Path, till: Till, policy: str) -> AsyncIterator[Callers]:
    """Ends in good order, so that all is written."""
    async with Upstream(till) as upstream, nursery() as forks:
        config = folder / "money.yaml"
        (folder / "agreement.json").write_text(CALIBRATIONS["agreement.json"].model_dump_json())
        (folder / "difficulty.json").write_text(foreseen(FORESEEN, tokens=600))
        prices = {name.replace("-", "_"): rates.yaml for name, rates in RATES.items()}
        routing = POLICIES[policy]
        config.write_text(CONFIG.format(url=upstream.url, more=MORE, routing=routing, **prices))
        environ = {"KEY": "sk-any", "CALLERS": ",".join(KEYS)}
        server = await forks.serve(config, environ, log=folder / "log")
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as http:
            yield Callers(http, server.url, till)
        os.kill(server.pid, signal.SIGTERM)
        assert await forks.ended(server) in (0, -signal.SIGTERM), server.said


@pytest.fixture(scope="module", params=POLICIES)
async def run(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Run:
    folder = tmp_path_factory.mktemp("conservation")
    till = Till(script, RATES)
    async with serving(folder, till, request.param) as callers:
        told = await callers.run(5_000 if request.config.getoption("--thorough") else 300)
        shown = {one.id: await callers.shown(one.id, one.number) for one in told[::23]}
    entries = list(read_entries(folder / "money.db"))
    return Run(request.param, told, till.served, entries, shown, folder / "money.db")


def billed(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Attempt]]:
    """Every part that an upstream may charge for."""
    return ((e, a) for e, a in parts(entries) if a.usage != Usage())


def parts(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Attempt]]:
    return ((entry, attempt) for entry in entries for attempt in entry.attempts)


def cost(attempts: Iterable[Attempt]) -> int:
    costs = [attempt.cost_nano for attempt in attempts]
    assert None not in costs, "every price is known"
    return sum(nano for nano in costs if nano is not None)


# ---- what must hold --------------------------------------------------------------------------


async def test_every_kind_of_request_went_as_it_was_meant_to(run: Run) -> None:
    heard = defaultdict(set)
    for one in run.told:
        heard[kind_of(one.number)].add(one.status if one.story is None else one.story["tier"])
    climbs = {"escalated": "mid", "escalated twice": "high", "judged badly": "mid"}
    climbs |= {"refused": "mid", "cut": "high", "paid and broken": "high", "an equal": "high"}
    climbs |= {"by model a": "wide", "by model b": "wide", "left anywhere": "away"}
    assert heard.pop("paid and lost") == {200, 502}, "broken off"
    assert heard.pop("plain") == ({"low", "high"} if run.policy == "pays" else {"low"})
    assert heard == {kind: {climbs.get(kind, "low")} for kind in KINDS if kind in heard}
    assert set(KINDS) - set(heard) == {"plain", "paid and lost", "left", "left while held"}
    roles = Counter(attempt.role for _, attempt in parts(run.entries))
    states = {attempt.state for _, attempt in parts(run.entries)}
    assert roles["judge"] and roles["agreement"]
    assert states >= {"released", "left", "broken_off", "abandoned", "failed", "cancelled"}
    assert states >= {"asked", "recalled"}
    parts_of_usage = Usage()
    for entry in run.entries:
        parts_of_usage += entry.usage
    assert parts_of_usage.cache_read and parts_of_usage.cache_write_5m
    assert parts_of_usage.cache_write_1h and parts_of_usage.reasoning


async def test_what_a_caller_is_told_is_the_sum_of_what_is_written_down(run: Run) -> None:
    entries = {entry.id: entry for entry in run.entries}
    assert len(entries) == len(run.entries), "none twice"
    seen: set[str] = set()
    for one in run.told:
        entry = entries[one.id]
        if one.story is None:
            assert entry.state in ("broken_off", "exhausted")
        elif one.id in seen:
            assert kind_of(one.number) == "repeated" and (one.nano, one.attempts) == (0, [])
        else:
            assert entry.state == "answered"
            assert one.nano == sum(one.attempts) == entry.cost_nano == cost(entry.attempts)
            assert one.attempts == [attempt.cost_nano for attempt in entry.attempts]
        seen.add(one.id)
    gone = [entry for id, entry in entries.items() if id not in seen]
    assert {entry.state for entry in gone if entry.tier != "away"} == {"cancelled"}
    for id, shown in run.shown.items():
        assert nano_of(shown["cost_usd"]) == entries[id].cost_nano
        told = [nano_of(attempt["cost_usd"]) for attempt in shown["attempts"]]
        assert told == [attempt.cost_nano for attempt in entries[id].attempts]


async def test_every_part_is_a_line_of_the_bill_and_every_line_is_a_part(run: Run) -> None:
    numbers = {one.id: one.number for one in run.told}
    by_model = {line.number: line.id for line in run.bill if line.rung == "wide"}
    lines = {line.id: line for line in run.bill}
    guesses: Counter[str] = Counter()
    for entry, attempt in billed(run.entries):
        number = numbers.get(entry.id)
        named = by_model[numbers[entry.id]] if attempt.tier == "wide" else attempt.billed_as
        line = lines.pop(named or "", None)
        assert line is None or number in (None, line.number)
        if attempt.usage.estimated:
            assert line is None or not line.told or line.rung == "away", "what was told is no guess"
            guesses[attempt.tier] += line is None
        else:
            assert line is not None, f"{entry.id} pays {attempt.tier} for what was never served"
            assert (attempt.cost_nano, attempt.usage) == (line.nano, usage_of(line.tokens))
    unheard = [line for line in lines.values() if line.rung == "away" or not line.told]
    assert len(unheard) == len(lines), "served, told, and in no entry"
    # a guess for each of them; one that was asked while its caller left may not have been served
    served = Counter(line.rung for line in unheard)
    assert served["away"] <= guesses.pop("away")
    assert {rung: count for rung, count in served.items() if rung != "away"} == +guesses


def usage_of(tokens: Tokens) -> Usage:
    names = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
    return Usage(**{name: getattr(tokens, name) for name in names})


async def test_all_together_is_the_bill(run: Run) -> None:
    counted, guessed = (
        [a for _, a in billed(run.entries) if a.usage.estimated is so and a.tier != "away"]
        for so in (False, True)
    )
    bill = [line for line in run.bill if line.rung != "away"]
    assert cost(counted) == sum(line.nano for line in bill if line.told) > 0
    assert len(guessed) == sum(not line.told for line in bill) > 0
    assert all(attempt.cost_nano for attempt in guessed)


async def test_reports_are_the_sum_of_the_entries(run: Run) -> None:
    total = cost(attempt for _, attempt in parts(run.entries))
    for by in ((), ("key",), ("route",), ("step_type", "day"), ("key", "route", "step_type")):
        told = read_report(run.ledger, by)  # type: ignore[arg-type]
        assert told.all.cost_nano == total == sum(line.cost_nano for line in told.lines)
        assert told.all.steps == len(run.entries) == sum(line.steps for line in told.lines)
        for line in (told.all, *told.lines):
            assert line.unpriced == 0
            assert line.cost_nano == sum(rung.cost_nano for rung in line.rungs)
    keys = {line.key[0]: line.cost_nano for line in read_report(run.ledger, ("key",)).lines}
    assert keys == {caller: cost(of) for caller, of in by_caller(run.entries).items()}
    rungs = Counter[str]()
    for rung in read_report(run.ledger).all.rungs:
        rungs[rung.tier] += rung.prompt_tokens + rung.completion_tokens
    for _, attempt in parts(run.entries):
        rungs[attempt.tier] -= attempt.usage.prompt_tokens + attempt.usage.completion_tokens
    assert not any(rungs.values())


def by_caller(entries: Iterable[Entry]) -> Mapping[str, list[Attempt]]:
    found: dict[str, list[Attempt]] = defaultdict(list)
    for entry, attempt in parts(entries):
        found[entry.caller].append(attempt)
    return found


async def test_caps_count_what_was_spent_and_hold_nothing_back(run: Run) -> None:
    climbed: Counter[str] = Counter()
    for entry in run.entries:
        climbed[entry.caller] += cost(above_the_usual(entry))
    spent = {caller: cost(of) for caller, of in by_caller(run.entries).items()}
    expected = {(c, "all"): (nano, 0) for c, nano in spent.items()}
    expected |= {(c, "escalation"): (nano, 0) for c, nano in climbed.items()}
    with Database(run.ledger).looking() as connection:
        assert connection.execute(select(reservation)).all() == []
        rows = connection.execute(select(spending)).all()
    counted = {(row.caller, row.of): (row.spent, row.reserved) for row in rows}
    guessed = {entry.caller for entry in run.entries if entry.usage.estimated}
    assert counted.keys() == expected.keys()
    for (caller, of), told in expected.items():
        spent, reserved = counted[caller, of]
        assert reserved == 0 and spent >= told[0]
        assert spent == told[0] or caller in guessed, "only a guess counts as its worst case"


def above_the_usual(entry: Entry) -> list[Attempt]:
    """What climbing cost: drafts of rungs above the one where the table starts, with the evidence
    on them."""
    usual = "low"
    if entry.route in LADDER:
        usual = entry.route
    elif "the caller's floor is mid" in entry.plan_why:
        usual = "mid"
    above = LADDER[LADDER.index(usual) + 1 :]
    drafted = {"judge": "low", "agreement": "mid"}
    return [a for a in entry.attempts if drafted.get(a.role, a.tier) in above]
