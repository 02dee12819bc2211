"""The owner's own steps: read strictly, asked as `golden`, compared exactly, never in the way."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import DriftConfig, GoldenConfig
from rungwise.drift.alarms import Alarms
from rungwise.errors import ConfigError, StoreError, TierError
from rungwise.golden import Golden, worse
from rungwise.golden_file import read_golden
from rungwise.store.sql import Store
from rungwise.types import Caller, Chat, Entry, Outcome, Piece, Released, Settled

ASK = {"messages": [{"role": "user", "content": "2+2?"}], "step_type": "extraction"}


def written(path: Path, *lines: object) -> Path:
    file = path / "golden.jsonl"
    file.write_text(
        "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    )
    return file


class Cascade:
    """Answers each step as it is told to."""

    def __init__(self) -> None:
        self.says: str | Exception = "4"
        self.asked: list[tuple[Chat, Caller]] = []
        self.told: list[Outcome] = []
        self.full = False

    async def answer(
        self, chat: Chat, caller: Caller, *, id: str
    ) -> AsyncGenerator[Released | Piece | Settled, None]:
        self.asked.append((chat, caller))
        if isinstance(self.says, Exception):
            raise self.says
        yield Piece(self.says)
        yield Piece(finish="stop")

    async def label(self, entry_id: str, outcome: Outcome) -> Entry | None:
        if self.full:
            raise StoreError("the disk is full")
        self.told.append(outcome)
        return None


class World:
    def __init__(self, store: Store, path: Path, every_s: float) -> None:
        self.at, self.cascade, self.store = 1000.0, Cascade(), store
        self.alarms = Alarms(store, "one", lambda: self.at)
        self.config = GoldenConfig(path=path, every_s=every_s)
        self.golden = self.made()

    def made(self, route: str = "auto", **more: Any) -> Golden:
        return Golden(
            DriftConfig(),
            self.config.model_copy(update={"route": route}),
            self.cascade,
            self.cascade,
            self.alarms,
            self.store,
            lambda: self.at,
            lambda: "req_1",
            tiers=("low", "high"),
            first_s=0.0,
            **more,
        )


@asynccontextmanager
async def world(path: Path, steps: int = 40, every_s: float = 60) -> AsyncIterator[World]:
    file = written(
        path,
        *(
            {**ASK, "answer": "4", "messages": [{"role": "user", "content": f"step {n}"}]}
            for n in range(steps)
        ),
    )
    store = Store(path / "ledger.db")
    await store.start()
    try:
        yield World(store, file, every_s)
    finally:
        await store.stop()


@pytest.mark.anyio
async def test_steps_are_asked_as_golden_and_their_outcomes_are_golden(tmp_path: Path) -> None:
    async with world(tmp_path, 3) as w:
        assert await w.golden.run() == (3, 3)
        chat, caller = w.cascade.asked[0]
        assert (caller.name, chat.tenant, chat.route) == ("golden", "golden", "auto")
        assert chat.wish.recall is False and chat.wish.step_type == "extraction"
        assert {(o.source, o.right) for o in w.cascade.told} == {("golden", True)}
        await w.made("high").run()
        assert w.cascade.asked[-1][0].wish.pin == "high"


@pytest.mark.anyio
async def test_answers_that_get_worse_ring_and_better_ones_end_it(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for _ in range(3):
            await w.golden.run()
        assert not w.alarms.on
        w.cascade.says = "5"
        await w.golden.run()
        (alarm,) = w.alarms.on
        assert (alarm.kind, alarm.about) == ("golden", "route auto")
        assert alarm.why.startswith("0 of 40 golden steps are right, usually 40.0")
        w.cascade.says = "4"
        await w.golden.run()
        assert not w.alarms.on


@pytest.mark.anyio
async def test_rungs_that_do_not_answer_are_not_wrong_and_a_full_disk_stops_nothing(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, 5) as w:
        w.cascade.full = True
        assert await w.golden.run() == (5, 5)
        w.cascade.says = TierError("low", "unavailable", "down")
        assert await w.golden.run() == (0, 0)
        assert not w.alarms.on


@pytest.mark.anyio
async def test_runs_come_every_so_often_and_outlive_a_restart(tmp_path: Path) -> None:
    async with world(tmp_path, 2, every_s=3600) as w:
        for _ in range(2):  # started twice, within the hour
            golden = w.made()
            await golden.start()
            await asyncio.sleep(0.1)
            await golden.stop()
        assert len(w.cascade.asked) == 2
        w.at += 3600
        golden = w.made()
        await golden.start()
        await asyncio.sleep(0.1)
        await golden.stop()
        assert len(w.cascade.asked) == 4


class Hurried:
    """asyncio, a second of whose sleep is a millisecond."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 1000)


@pytest.mark.anyio
async def test_a_store_that_reads_and_does_not_write_makes_them_come_no_oftener(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(job: object) -> None:
        raise StoreError("the disk is full")

    async with world(tmp_path, 2, every_s=3600) as w:
        await w.golden.run()
        w.at += 7200
        monkeypatch.setattr("rungwise.golden.asyncio", Hurried())
        monkeypatch.setattr(w.store, "write", full)
        golden = w.made()
        await golden.start()
        await asyncio.sleep(0.1)
        assert len(w.cascade.asked) == 4, "it is due once, and was just now: by its own memory"
        await golden.stop()


@pytest.mark.anyio
async def test_a_run_that_breaks_is_not_tried_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, 2, every_s=3600) as w:
        monkeypatch.setattr("rungwise.golden.asyncio", Hurried())
        w.cascade.says = ValueError("an error of our own")
        golden = w.made()
        await golden.start()
        await asyncio.sleep(0.1)
        await golden.stop()
        assert len(w.cascade.asked) == 1


@pytest.mark.anyio
async def test_nothing_is_asked_while_rungs_come_up_and_each_step_has_a_deadline(
    tmp_path: Path,
) -> None:
    up = False
    async with world(tmp_path, 2, every_s=3600) as w:
        golden = w.made(ready=lambda: up, deadline_s=7.0)
        await golden.start()
        await asyncio.sleep(0.05)
        assert not w.cascade.asked
        up = True
        await asyncio.sleep(0.1)
        await golden.stop()
        assert [chat.wish.deadline_s for chat, _ in w.cascade.asked] == [7.0, 7.0]


@pytest.mark.anyio
async def test_what_its_owner_calls_usual_is_learned_anew_whatever_the_ledger_has(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, every_s=60) as w:
        for says in ("4", "4", "5"):
            w.cascade.says = says
            await w.golden.run()
        (alarm,) = w.alarms.on
        w.golden._ended_elsewhere(alarm)
        w.alarms.end("golden", alarm.about)
        w.at += 3600
        await w.golden.start()
        await asyncio.sleep(0.15)
        await w.golden.stop()
        assert len(w.cascade.asked) == 160 and not w.alarms.on


class Server(World):
    """One of several of a ledger: it has a connection of its own, and a clock."""

    @classmethod
    @asynccontextmanager
    async def beside(
        cls, url: str, path: Path, ahead_s: float = 0.0, every_s: float = 3600
    ) -> AsyncIterator[Server]:
        store = Store(url)
        await store.start()
        made = cls(store, path, every_s)
        made.at += ahead_s
        try:
            yield made
        finally:
            await made.golden.stop()
            await store.stop()

    async def due(self) -> int:
        """How many steps are asked where a run may be due."""
        before = len(self.cascade.asked)
        await self.golden._turn()
        return len(self.cascade.asked) - before


def three_steps(path: Path) -> Path:
    return written(path, *({**ASK, "answer": str(number)} for number in range(3)))


@pytest.mark.anyio
@pytest.mark.parametrize("ahead_s", [0.0, -0.5, 0.5])
async def test_of_servers_that_find_a_run_due_together_one_asks_the_steps(
    tmp_path: Path, store_url: str, ahead_s: float
) -> None:
    file = three_steps(tmp_path)
    async with Server.beside(store_url, file) as one, Server.beside(store_url, file) as two:
        two.at += ahead_s
        for _ in range(3):
            asked = await asyncio.gather(one.due(), two.due())
            assert sorted(asked) == [0, 3]
            one.at, two.at = one.at + 3601, two.at + 3601


@pytest.mark.anyio
async def test_a_server_that_dies_in_a_run_stops_no_later_one_and_a_late_end_starts_none(
    tmp_path: Path, store_url: str
) -> None:
    file = three_steps(tmp_path)
    async with Server.beside(store_url, file) as one, Server.beside(store_url, file) as two:
        assert await one.golden._begin(after_s=3600)  # and it is heard of no more
        assert await two.due() == 0
        two.at += 3600
        assert await two.due() == 3
        await one.golden._end()  # a run that took longer than from one to the next
        async with Server.beside(store_url, file, ahead_s=3700) as three:
            assert await three.due() == 0
            three.at += 3600
            assert await three.due() == 3


@pytest.mark.anyio
async def test_a_clock_that_is_set_far_back_delays_no_run(tmp_path: Path, store_url: str) -> None:
    file = three_steps(tmp_path)
    async with Server.beside(store_url, file, ahead_s=1e6) as before:
        assert await before.due() == 3
    async with Server.beside(store_url, file) as one, Server.beside(store_url, file) as two:
        assert [await one.due(), await two.due()] == [3, 0]


# ---- the test -----------------------------------------------------------------------------------


def test_one_run_before_is_mcnemars_exact_test() -> None:
    steps = [([True], False)] * 8 + [([False], True)] * 2 + [([True], True)] * 30
    # 10 steps differ; as few as 2 of them right now: P(Binomial(10, 1/2) <= 2)
    assert worse(steps) == pytest.approx((1 + 10 + 45) / 1024)


@given(st.lists(st.tuples(st.lists(st.booleans(), max_size=5), st.booleans()), max_size=30))
def test_it_is_a_probability_and_1_where_all_are_right(
    steps: list[tuple[list[bool], bool]],
) -> None:
    assert 0 <= worse(steps) <= 1
    assert worse([(before, True) for before, _ in steps]) == pytest.approx(1)


def test_unchanged_steps_ring_no_oftener_than_the_limit() -> None:
    drawn, rang, runs, limit = random.Random(0), 0, 2000, 0.05
    for _ in range(runs):
        steps = []
        for _ in range(20):
            p = drawn.random()
            steps.append(([drawn.random() < p for _ in range(3)], drawn.random() < p))
        rang += worse(steps) <= limit
    assert rang <= runs * limit + 3 * (runs * limit) ** 0.5


# ---- the file -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "answer", "is_right"),
    [
        ({"answer": "yes"}, " yes\n", True),
        ({"answer": "yes"}, "yes, indeed", False),
        ({"contains": "yes"}, "oh yes!", True),
        ({"contains": "yes"}, "no", False),
        ({"answer": {"a": [1, True]}}, '{"a": [1.0, true]}', True),
        ({"answer": {"a": [1, True]}}, '{"a": [1, 1]}', False),
        ({"answer": 3}, "three", False),
        ({"answer": 3}, "[" * 100_000, False),
    ],
)
def test_what_is_right(
    tmp_path: Path, right: dict[str, object], answer: str, is_right: bool
) -> None:
    (step,) = read_golden(written(tmp_path, {**ASK, **right}))
    assert step.is_right(answer) is is_right


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{\n", ":2: "),
        ({**ASK}, ":2: Value error, give what is right"),
        ({**ASK, "answer": "x", "contains": "y"}, ":2: Value error, give what is right"),
        ({**ASK, "answer": "x", "more": 1}, ":2: more: "),
        ({**ASK, "step_type": "poetry", "answer": "x"}, ":2: step_type: "),
        ({"messages": [], "step_type": "planning", "answer": "x"}, ":2: messages: "),
    ],
)
def test_a_faulty_line_is_named(tmp_path: Path, line: object, told: str) -> None:
    file = written(tmp_path, {**ASK, "answer": "x"}, line)
    with pytest.raises(ConfigError, match=told) as found:
        read_golden(file)
    assert "\n" not in str(found.value) and str(found.value).startswith(str(file))


def test_no_file_and_an_empty_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_golden(tmp_path / "none")
    with pytest.raises(ConfigError, match="is empty"):
        read_golden(written(tmp_path))
