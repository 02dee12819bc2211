"""No name that a caller makes up becomes a series of ours: as many after thousands as before."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rungwise.tiers.scripted import ScriptedTier, say
from tests.served import CHAT, Served, served

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}
IN_HEADERS = {"agent": "agent", "task": "task", "step type": "step-type", "tags": "tags"}
KINDS = ("model", "user", "path", "task of metadata", "caller", *IN_HEADERS)


def quiet() -> ScriptedTier:
    return ScriptedTier("tier1", say("yes"))


async def series(server: Served) -> set[str]:
    lines = (await server.metrics()).splitlines()
    return {line.rpartition(" ")[0] for line in lines if line and not line.startswith("#")}


async def ask(server: Served, kind: str, name: str) -> None:
    """One request with a name in this place."""
    asked: dict[str, object] = {
        "model": "auto",
        "messages": [{"role": "user", "content": "What is it?"}],
    }
    headers, plain = dict(JSON), quote(name, safe=" ", errors="replace").strip()
    match kind:
        case "path":
            await server.http.get(f"/{quote(name, safe='', errors='replace')}")
            return
        case "model" | "user":
            asked[kind] = name
        case "task of metadata":
            asked["metadata"] = {"task": name, "user_id": name}
        case "caller":
            headers["authorization"] = f"Bearer {plain}"
        case _:
            headers[f"x-rungwise-{IN_HEADERS[kind]}"] = plain
    await server.http.post(CHAT, content=json.dumps(asked), headers=headers)


async def grown(server: Served, kind: str, names: list[str]) -> set[str]:
    """The series that came with these names, once each kind of answer has its own."""
    for first in ("", "x", "Ω", "x" * 5000):
        await ask(server, kind, first)
    await ask(server, "user", "anybody")
    before = await series(server)
    assert any(name.startswith("rungwise_answers_total{") for name in before)
    for name in names:
        await ask(server, kind, name)
    return await series(server) - before


@pytest.mark.parametrize("kind", KINDS)
async def test_names_that_callers_make_up_make_no_series(
    kind: str, tmp_path: Path, thorough: bool
) -> None:
    names = [f"made-up-{number}" for number in range(10_000 if thorough else 300)]
    async with served(tmp_path, quiet()) as server:
        assert await grown(server, kind, names) == set()
        assert not any("made-up" in name for name in await series(server))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(KINDS), names=st.lists(st.text(min_size=1), min_size=1, max_size=20))
async def test_whatever_they_are_made_of(
    kind: str, names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("server")
    async with served(folder, quiet()) as server:
        assert await grown(server, kind, names) == set()
