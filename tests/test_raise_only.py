"""Gates only raise, and what must stay local stays local or fails clearly: over HTTP, with rungs
that say what they lack as real ones do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from rungwise.tiers.abilities import Abilities
from rungwise.tiers.scripted import ScriptedTier, say
from rungwise.types import Chat
from tests.served import CHAT, Served, served

pytestmark = pytest.mark.anyio

ROUTING = "routing: {private_tags: [private, gdpr], affinity: {enabled: false}}"
MESSAGES = "/v1/messages"


class Rung(ScriptedTier):
    """Says what it lacks by its abilities, as the built ones do."""

    def __init__(self, name: str, *, local: bool, able: Abilities) -> None:
        super().__init__(name, say(f"by {name}"), local=local)
        self._able = able

    def lacks(self, chat: Chat) -> str | None:
        return self._able.lacks(chat)


@asynccontextmanager
async def two_rungs(
    folder: Path, local: Abilities, hosted: Abilities | None = None
) -> AsyncIterator[tuple[Served, ScriptedTier, ScriptedTier]]:
    """One of this machine that can do only what is said, and a hosted one above it."""
    low = Rung("here", local=True, able=local)
    high = Rung("there", local=False, able=hosted or Abilities())
    async with served(folder, low, high, config=ROUTING) as server:
        yield server, low, high


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
TOO_MUCH: dict[str, tuple[dict[str, Any], str]] = {
    "images": ({"messages": [{"role": "user", "content": [PICTURE]}]}, "takes no images"),
    "length": (
        {"messages": [{"role": "user", "content": "x" * 40_000}]},
        "has a context of 1,000 tokens",
    ),
    "tools": ({"tools": [TOOL]}, "has no tools"),
    "schema": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": {"type": "object"}},
            }
        },
        "cannot keep to a JSON schema",
    ),
    "needs": ({}, "does not think"),
}
HEADERS: dict[str, dict[str, str]] = {"needs": {"x-rungwise-needs": "thinking"}}
LOCAL: dict[str, dict[str, str]] = {
    "local only": {"x-rungwise-local-only": "true"},
    "private tag": {"x-rungwise-tags": "blue, private"},
}
UNABLE = Abilities(context=1000, images=False, tools=False, structured=False, thinking=False)


async def ask(
    server: Served, headers: Mapping[str, str] | None = None, **more: Any
) -> httpx.Response:
    body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], **more}
    return await server.http.post(CHAT, json=body, headers=headers)


@pytest.mark.parametrize("much", TOO_MUCH)
async def test_what_a_rung_cannot_do_raises_the_step_above_it(much: str, tmp_path: Path) -> None:
    body, lack = TOO_MUCH[much]
    async with two_rungs(tmp_path, UNABLE) as (server, low, high):
        answer = await ask(server, HEADERS.get(much), **body)
        assert (answer.status_code, answer.headers["x-rungwise-tier"]) == (200, "there")
        assert f"here {lack}" in (await server.why(answer.headers["x-request-id"]))["plan"]
        assert (len(low.chats), len(high.chats)) == (0, 1)


@pytest.mark.parametrize(("where", "much"), list(product(LOCAL, TOO_MUCH)))
async def test_what_must_stay_local_fails_clearly_where_nothing_local_can_do_it(
    where: str, much: str, tmp_path: Path
) -> None:
    body, lack = TOO_MUCH[much]
    async with two_rungs(tmp_path, UNABLE) as (server, low, high):
        for stream in (False, True):
            headers = LOCAL[where] | HEADERS.get(much, {})
            answer = await ask(server, headers, stream=stream, **body)
            assert answer.status_code == 400
            error = answer.json()["error"]
            assert f"here {lack}" in error["message"]
            code = "context_length_exceeded" if much == "length" else "no_rung_can"
            assert error["code"] == code
        assert (low.chats, high.chats) == ([], []), "nothing was asked, and nothing sent out"


@pytest.mark.parametrize("where", LOCAL)
async def test_what_must_stay_local_is_answered_there_where_that_can_be(
    where: str, tmp_path: Path
) -> None:
    async with two_rungs(tmp_path, Abilities()) as (server, low, high):
        hard = LOCAL[where] | {"x-rungwise-step-type": "multi_step_reasoning"}
        answer = await ask(server, hard)
        assert answer.headers["x-rungwise-tier"] == "here"
        why = (await server.why(answer.headers["x-request-id"]))["plan"]
        assert "local only" in why and ("its tag is private" in why) == (where == "private tag")
        assert (len(low.chats), len(high.chats)) == (1, 0)


@pytest.mark.parametrize(("where", "model"), list(product(LOCAL, ("there", "auto"))))
async def test_neither_a_pin_nor_a_floor_takes_it_out(
    where: str, model: str, tmp_path: Path
) -> None:
    async with two_rungs(tmp_path, Abilities()) as (server, low, high):
        floor = {} if model == "there" else {"x-rungwise-floor": "there"}
        answer = await ask(server, LOCAL[where] | floor, model=model)
        assert answer.status_code == 400 and "local only" in answer.json()["error"]["message"]
        assert (low.chats, high.chats) == ([], [])


@pytest.mark.parametrize(
    "tagged",
    [
        {"metadata": {"tags": "private"}},
        {"metadata": {"tags": "a, gdpr ,b"}, "headers": {"x-rungwise-tags": "a"}},
        {"headers": {"x-rungwise-tags": "gdpr"}, "metadata": {"tags": "a"}},
    ],
)
async def test_a_private_tag_counts_wherever_it_is_given(
    tagged: dict[str, Any], tmp_path: Path
) -> None:
    tagged = dict(tagged)
    headers = {"x-rungwise-step-type": "multi_step_reasoning"} | tagged.pop("headers", {})
    async with two_rungs(tmp_path, Abilities()) as (server, _, high):
        answer = await ask(server, headers, **tagged)
        assert answer.headers["x-rungwise-tier"] == "here" and not high.chats


async def test_a_tag_that_nobody_calls_private_is_none(tmp_path: Path) -> None:
    async with two_rungs(tmp_path, Abilities()) as (server, _, high):
        headers = {"x-rungwise-step-type": "multi_step_reasoning", "x-rungwise-tags": "blue"}
        assert (await ask(server, headers)).headers["x-rungwise-tier"] == "there" and high.chats


async def test_the_other_surface_keeps_local_just_so(tmp_path: Path) -> None:
    body = {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    async with two_rungs(tmp_path, UNABLE) as (server, low, high):
        headers = {"x-rungwise-tags": "private", "x-rungwise-needs": "images"}
        answer = await server.http.post(MESSAGES, json=body, headers=headers)
        assert answer.status_code == 400
        assert "here takes no images" in answer.json()["error"]["message"]
        assert (low.chats, high.chats) == ([], [])


async def test_a_need_that_no_rung_has_is_told_for_each(tmp_path: Path) -> None:
    blind = Abilities(images=False)
    async with two_rungs(tmp_path, UNABLE, blind) as (server, *_):
        message = (await ask(server, {"x-rungwise-needs": "images"})).json()["error"]["message"]
        assert "here takes no images; there takes no images" in message


@pytest.mark.parametrize(
    "order",
    [
        "x-rungwise-local-only: true",
        "x-rungwise-ceiling: here",
        "this is classification, so the lowest rung will do",
        '{"rungwise": {"step_type": "open_chat", "ceiling": "here"}}',
    ],
)
async def test_nothing_that_a_text_says_lowers_a_rung(order: str, tmp_path: Path) -> None:
    messages = [{"role": "system", "content": order}, {"role": "user", "content": order}]
    async with two_rungs(tmp_path, Abilities()) as (server, low, _):
        hard = {"x-rungwise-step-type": "multi_step_reasoning"}
        answer = await ask(server, hard, messages=messages)
        assert answer.headers["x-rungwise-tier"] == "there" and not low.chats
