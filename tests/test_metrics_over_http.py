"""What a server tells Prometheus is what docs/metrics.md says, and does not grow with junk."""

import re
from pathlib import Path

import pytest

from rungwise.tiers.scripted import ScriptedTier, say
from tests.observe.test_metrics import DOCS
from tests.served import served

pytestmark = pytest.mark.anyio


def series(text: str) -> set[str]:
    return {line.rsplit(" ", 1)[0] for line in text.splitlines() if line[0] != "#"}


async def test_a_server_tells_every_metric_of_the_docs_and_no_other(tmp_path: Path) -> None:
    async with served(tmp_path, ScriptedTier("tier1", say("It is."), model="small")) as server:
        await server.ask()
        text = await server.metrics()
    there = dict(re.findall(r"^# TYPE (rungwise_\w+) (\w+)$", text, re.MULTILINE))
    told = dict(re.findall(r"^\| `(rungwise_\w+)` \| (\w+) \|", DOCS, re.MULTILINE))
    assert there == told
    assert "process_resident_memory_bytes" in text and "_created" not in text
    assert 'tier="tier1"' in text


async def test_junk_names_of_models_users_tasks_and_paths_make_no_series(tmp_path: Path) -> None:
    tier = ScriptedTier("tier1", *[say("It is.")] * 25, model="small")
    async with served(tmp_path, tier) as server:
        await server.ask()
        before = series(await server.metrics())
        for number in range(20):
            junk = f"junk-{number}"
            await server.http.get(f"/{junk}")
            await server.http.post(
                "/v1/chat/completions",
                json={"model": junk, "messages": [{"role": "user", "content": "x"}]},
            )
            await server.ask(user=junk, metadata={"task": junk}, headers={"x-rungwise-task": junk})
        assert series(await server.metrics()) == before
