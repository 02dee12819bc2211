"""Every knob of `outcomes` on a whole server: each test fails when its key is disconnected."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from rungwise.tiers.scripted import ScriptedTier, say
from tests.served import Served, served

pytestmark = pytest.mark.anyio


def rung() -> ScriptedTier:
    return ScriptedTier("low", lambda _: say("It is 4."), model="small")


async def said(server: Served, **body: Any) -> dict[str, Any]:
    response = await server.http.post("/v1/outcomes", json=body)
    told: dict[str, Any] = response.json()
    return told


async def test_an_answer_is_labelled_by_its_id_and_a_task_by_its_name(tmp_path: Path) -> None:
    async with served(tmp_path, rung()) as server:
        one = await server.ask(headers={"x-rungwise-task": "t-1"})
        two = await server.ask(metadata={"task": "t-1"})
        assert (await said(server, answer=one.completion.id, right=True))["changed"]
        assert (await said(server, task="t-1", right=False))["changed"]
        assert (await server.why(one.completion.id))["outcome"]["right"] is True
        assert (await server.why(two.completion.id))["outcome"] is None, "that is the task's"


async def test_right_reward_is_what_a_reward_must_reach(tmp_path: Path) -> None:
    async with served(tmp_path, rung(), config="outcomes: {right_reward: 0.9}") as server:
        id = (await server.ask()).completion.id
        assert (await said(server, answer=id, reward=0.8))["right"] is False
        assert (await said(server, answer=id, reward=0.9))["right"] is True


async def test_labels_say_right_or_wrong(tmp_path: Path) -> None:
    async with served(tmp_path, rung(), config="outcomes: {labels: {shipped: true}}") as server:
        id = (await server.ask()).completion.id
        assert (await said(server, answer=id, label="shipped"))["right"] is True


async def test_most_per_day_is_how_many_of_one_key_count(tmp_path: Path) -> None:
    async with served(tmp_path, rung(), config="outcomes: {most_per_day: 1}") as server:
        ids = [(await server.ask()).completion.id for _ in range(2)]
        told = [(await said(server, answer=id, right=True))["counted"] for id in ids]
        assert told == [True, False]
        assert (await server.why(ids[1]))["outcome"] is None


@pytest.mark.parametrize("keep", [False, True])
async def test_keep_corrections_keeps_them(tmp_path: Path, keep: bool) -> None:
    config = f"outcomes: {{keep_corrections: {json.dumps(keep)}}}"
    config += f"\nledger: {{path: {tmp_path / 'l.db'}}}"
    async with served(tmp_path, rung(), config=config) as server:
        id = (await server.ask()).completion.id
        await said(server, answer=id, corrected="five")
    engine = create_engine(f"sqlite:///{tmp_path / 'l.db'}")
    with engine.connect() as connection:
        kept = connection.execute(text("select correction from outcome")).scalar_one()
    engine.dispose()
    assert kept == ("five" if keep else None)
