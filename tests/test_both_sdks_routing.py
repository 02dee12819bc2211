"""Can either official client say what it wants of the routing, and hear why it went as it did?

Headers go through `extra_headers`, what the caller says of itself through `metadata`, and what is
told of an answer is fetched with the client's own `get`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from rungwise.tiers.scripted import say
from tests.sdks import CLIENTS, Client, Clients, clients
from tests.worlds import Rung, foreseen

pytestmark = pytest.mark.anyio

SURE, LOST = say("one two", logprob=-0.01), say("one two", logprob=-4.0)
CONFIG = """
gates: [{tier: local, calibration: window.json}]
routing:
  policy: pays
  difficulty: difficulty.json
  worth: {right_usd: 0.02}
  promise: waive
  private_tags: [secret]
  rules: [{step_type: planning, agent: planner}]
  shadow: {policy: route, difficulty: difficulty.json, worth: {right_usd: 9}}
"""
FORESEEN = {"local": (2.0, 6.0), "middle": (2.5, 2.0), "high": (3.5, 0.0)}
HARD = "Prove it, and prove it well, and prove it again."
EASY = "Add 3 to 4, which is a number."
ANSWERS = {"openai": "/answers/", "anthropic": "/v1/answers/"}
EVERY_CLIENT = pytest.mark.parametrize("client", CLIENTS)


@asynccontextmanager
async def routed(folder: Path, **drafts: Any) -> AsyncIterator[tuple[Clients, list[Rung]]]:
    rungs = [Rung(name, drafts.get(name, SURE)) for name in FORESEEN]
    (folder / "difficulty.json").write_text(foreseen(FORESEEN))
    async with clients(folder, *rungs, config=CONFIG) as both:
        yield both, rungs


def asked(
    text: str = EASY, headers: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    told = {"messages": [{"role": "user", "content": text}], "max_tokens": 64, **more}
    return told | ({"extra_headers": dict(headers)} if headers else {})


async def why(both: Clients, client: Client, id: str) -> Mapping[str, Any]:
    """As the client itself fetches it."""
    sdk: Any = getattr(both, client)
    told: Mapping[str, Any] = await sdk.get(f"{ANSWERS[client]}{id}", cast_to=object)
    return told


async def planned(both: Clients, client: Client, told: dict[str, Any]) -> Mapping[str, Any]:
    """A dry run."""
    headers = told.pop("extra_headers", {}) | {"x-rungwise-dry-run": "true"}
    sdk: Any = both.openai.chat.completions if client == "openai" else both.anthropic.messages
    raw = await sdk.with_raw_response.create(model="auto", extra_headers=headers, **told)
    plan: Mapping[str, Any] = raw.http_response.json()
    return plan


@EVERY_CLIENT
async def test_an_answer_tells_what_was_foreseen_and_why_it_was_planned_so(
    tmp_path: Path, client: Client
) -> None:
    async with routed(tmp_path) as (both, _):
        for text, stream in product((EASY, HARD), (False, True)):
            seen = await both.ask(client, asked(text), stream=stream)
            told = await why(both, client, seen.raw.id)
            assert told["plan"].startswith("open_chat starts at local (no step type was named)")
            assert "; pays: " in told["plan"] and "right is worth $0.02" in told["plan"]
            assert list(told["forecasts"]) == list(FORESEEN)
            assert (told["forecasts"]["local"] > 0.7) is (text == EASY)
            assert told["tier"] == ("local" if text == EASY else "high")
            assert (
                told["shadow"]["router"].startswith("route:difficulty@") and told["shadow"]["why"]
            )
            assert told["rungs"][0] == told["tier"] and told["stream"] is stream


@EVERY_CLIENT
async def test_after_a_refusal_it_is_told_where_it_went_on_and_why(
    tmp_path: Path, client: Client
) -> None:
    async with routed(tmp_path, local=LOST) as (both, _):
        seen = await both.ask(client, asked())
        told = await why(both, client, seen.raw.id)
        tried = [attempt["tier"] for attempt in told["attempts"]]
        assert tried[0] == "local" and tried[-1] == told["tier"] != "local"
        assert told["attempts"][0]["confidence"]["probability"] < told["attempts"][0]["threshold"]


@EVERY_CLIENT
async def test_an_agents_name_and_its_tags_count_in_header_and_metadata(
    tmp_path: Path, client: Client
) -> None:
    async with routed(tmp_path) as (both, _):
        for more in (
            {"metadata": {"agent": "planner"}},
            {"headers": {"x-rungwise-agent": "planner"}},
        ):
            told = await planned(both, client, asked(**more))
            assert told["step_type"] == "planning" and "(rule 1)" in told["plan"]
        for more in (
            {"metadata": {"tags": "mine,secret"}},
            {"headers": {"x-rungwise-tags": "mine, secret"}},
        ):
            told = await planned(both, client, asked(HARD, **more))
            assert [rung["tier"] for rung in told["rungs"]] == ["local"]
            assert told["plan"].endswith("its tag is private")
        told = await planned(both, client, asked(metadata={"step_type": "summarisation"}))
        assert told["step_type"] == "summarisation"


@EVERY_CLIENT
async def test_least_right_needs_and_limits_reach_the_plan(tmp_path: Path, client: Client) -> None:
    async with routed(tmp_path) as (both, rungs):
        plain = await planned(both, client, asked())
        assert plain["rungs"][0]["tier"] == "local"
        sure = await planned(both, client, asked(headers={"x-rungwise-least-right": "1"}))
        assert "no plan is foreseen to be right with p 1: the surest" in sure["plan"]
        floor = {"x-rungwise-floor": "middle", "x-rungwise-ceiling": "middle"}
        told = await planned(both, client, asked(headers=floor))
        assert [rung["tier"] for rung in told["rungs"]] == ["middle"]
        cheap = await planned(both, client, asked(HARD, {"x-rungwise-max-usd": "0.00001"}))
        assert "no plan is expected to cost so little" in cheap["plan"] or (
            cheap["rungs"][0]["tier"] == "local"
        )
        rungs[0].unable = "has no eyes"
        able = await planned(both, client, asked(headers={"x-rungwise-needs": "tools"}))
        assert able["rungs"][0]["tier"] != "local" and "local has no eyes" in able["plan"]
        assert not any(rung.chats for rung in rungs), "a dry run asks nobody"


@EVERY_CLIENT
async def test_a_dry_run_foresees_what_the_answer_then_does(tmp_path: Path, client: Client) -> None:
    async with routed(tmp_path) as (both, _):
        for text in (EASY, HARD):
            before = await planned(both, client, asked(text))
            seen = await both.ask(client, asked(text))
            told = await why(both, client, seen.raw.id)
            assert before["object"] == "plan" and before["forecasts"] == told["forecasts"]
            assert [rung["tier"] for rung in before["rungs"]] == told["rungs"]
            assert before["shadow"]["rungs"] == told["shadow"]["rungs"]
            assert before["min_cost_usd"] <= told["cost_usd"] <= before["max_cost_usd"] + 1e-6


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "x-rungwise-least-right": ({"extra_headers": {"x-rungwise-least-right": "1.5"}}, "0 to 1"),
    "x-rungwise-needs": ({"extra_headers": {"x-rungwise-needs": "eyes"}}, "'eyes' is none of"),
    "x-rungwise-agent": ({"extra_headers": {"x-rungwise-agent": "a" * 81}}, "1 to 80 printable"),
    "x-rungwise-tags": (
        {"extra_headers": {"x-rungwise-tags": ",".join("abcdefghijklmnopq")}},
        "17 tags are more than 16",
    ),
    "x-rungwise-step-type": (
        {"extra_headers": {"x-rungwise-step-type": "magic"}},
        "unknown step type 'magic'",
    ),
    "x-rungwise-floor": ({"extra_headers": {"x-rungwise-floor": "attic"}}, "no tier 'attic'"),
    "x-rungwise-dry-run": ({"extra_headers": {"x-rungwise-dry-run": "maybe"}}, "true or false"),
    "metadata.step_type": ({"metadata": {"step_type": "magic"}}, "unknown step type 'magic'"),
    "metadata.agent": ({"metadata": {"agent": ""}}, "1 to 80 printable"),
    "metadata.tags": ({"metadata": {"tags": "a,,b"}}, "1 to 80 printable"),
}


@EVERY_CLIENT
async def test_what_cannot_be_is_a_bad_request_that_names_it(
    tmp_path: Path, client: Client
) -> None:
    async with routed(tmp_path) as (both, rungs):
        for (name, (wrong, said)), stream in product(WRONG.items(), (False, True)):
            with pytest.raises((openai.BadRequestError, anthropic.BadRequestError)) as caught:
                await both.ask(client, asked(**wrong), stream=stream)
            assert said in str(caught.value), name
            if isinstance(caught.value, openai.BadRequestError):
                assert caught.value.param == name
            else:
                assert caught.value.type == "invalid_request_error" and name in str(caught.value)
        assert not any(rung.chats for rung in rungs)


@EVERY_CLIENT
async def test_another_answers_reasons_are_as_unknown_as_no_answers(
    tmp_path: Path, client: Client
) -> None:
    async with routed(tmp_path) as (both, _):
        with pytest.raises((openai.NotFoundError, anthropic.NotFoundError), match="no answer"):
            await why(both, client, "req_nobody")
