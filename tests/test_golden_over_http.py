"""The section `drift.golden` on a whole server: each test fails when its key is disconnected."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rungwise.errors import ConfigError
from rungwise.golden import Golden
from rungwise.tiers.scripted import ScriptedTier, say
from tests.served import PATIENCE_S, Served, app_of, served

pytestmark = pytest.mark.anyio

STEP = {
    "messages": [{"role": "user", "content": "2+2?"}],
    "step_type": "extraction",
    "answer": "4",
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run comes a minute after the start: no test waits for that."""
    monkeypatch.setitem(Golden.__init__.__kwdefaults__ or {}, "first_s", 0.0)


def rungs() -> tuple[ScriptedTier, ScriptedTier]:
    low = ScriptedTier("low", lambda _: say("4"), model="small")
    return low, ScriptedTier("top", lambda _: say("4"), model="large")


def section(folder: Path, more: str = "") -> str:
    file = folder / "golden.jsonl"
    file.write_text(f"{json.dumps(STEP)}\n")
    return f"drift: {{golden: {{path: '{file}'{more}}}}}"


async def asked(server: Served, count: int = 1) -> list[dict[str, Any]]:
    """The golden steps that have an outcome, once there are so many."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            told = await server.http.get("/v1/answers?key=golden&outcome=right")
            found: list[dict[str, Any]] = told.json()["data"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


async def test_golden_opens_the_section_whose_steps_are_asked(tmp_path: Path) -> None:
    async with served(tmp_path / "a", *rungs(), config=section(tmp_path)) as server:
        (step,) = await asked(server)
        assert step["route"] == "golden" and step["outcome"]["source"] == "golden"
        async with asyncio.timeout(PATIENCE_S):  # it is counted once it is written down
            while 'route="golden",source="golden"' not in (told := await server.metrics()):
                await asyncio.sleep(0.02)
        assert 'rungwise_answers_total{route="golden"' in told
        assert 'rungwise_answers_total{route="auto"' not in told
    async with served(tmp_path / "b", *rungs()) as server:
        await asyncio.sleep(0.1)
        assert not (await server.http.get("/v1/answers")).json()["data"]
        assert 'route="golden"' not in await server.metrics()


async def test_route_is_what_stands_in_model(tmp_path: Path) -> None:
    config = section(tmp_path, ", route: top")
    async with served(tmp_path / "a", *rungs(), config=config) as server:
        (step,) = await asked(server)
        assert (step["route"], step["tier"]) == ("golden", "top")


async def test_path_names_the_file_and_one_that_is_not_there_is_told_before_serving(
    tmp_path: Path,
) -> None:
    config = f"drift: {{golden: {{path: '{tmp_path}/none.jsonl'}}}}"
    with (
        pytest.raises(ConfigError, match=r"none\.jsonl: "),
        app_of(tmp_path / "a", *rungs(), config=config),
    ):
        pass
