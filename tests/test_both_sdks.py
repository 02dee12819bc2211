"""Is anything lost between either official client and any upstream, on the way there or back?

What an upstream was asked is compared field by field with what its API expects, and what the client
was told with what its own API would have told it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from rungwise.tiers.scripted import ScriptedTier, call, say
from tests.doubles.protocols import (
    ANTHROPIC,
    CHAT,
    GEMINI,
    PROTOCOLS,
    RESPONSES,
    VLLM,
    Protocol,
    Says,
)
from tests.doubles.upstream import Answer, Upstream, openai_delta, openai_stream
from tests.sdks import CLIENTS, Client, Clients, Seen, clients

pytestmark = pytest.mark.anyio

EVERY_PROTOCOL = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: p.name)
STREAMED_OR_NOT = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

PNG = "iVBORw0KGgo="
CAT = "https://example.com/cat.png"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
HI: dict[str, dict[str, Any]] = {
    "openai": {"messages": [{"role": "user", "content": "Hi"}]},
    "anthropic": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 64},
}
"""The same short question, for either client."""


@dataclass
class Behind:
    """One app, the two clients before it, and an upstream of each protocol behind it, each a rung
    of its own under its protocol's name."""

    clients: Clients
    upstreams: Mapping[str, Upstream]

    async def ask(
        self, client: Client, protocol: Protocol, asked: Mapping[str, Any], *, stream: bool = False
    ) -> tuple[dict[str, Any], Seen]:
        """What the upstream was asked, and what the client saw."""
        seen = await self.clients.ask(client, asked, stream=stream, model=protocol.name)
        return protocol.heard(self.upstreams[protocol.name]), seen


@asynccontextmanager
async def behind(folder: Path, *says: Says, more: str = "", **own: str) -> AsyncIterator[Behind]:
    """`more` is for the section of every rung, `own` for that of one."""
    async with AsyncExitStack() as stack:
        upstreams = {
            protocol.name: await stack.enter_async_context(
                Upstream(*map(protocol.answer, says or (Says(text="Yes."),)))
            )
            for protocol in PROTOCOLS
        }
        rungs = [
            p.rung(p.name, upstreams[p.name].url, more + own.get(p.name, "")) for p in PROTOCOLS
        ]
        app = await stack.enter_async_context(clients(folder, *rungs))
        yield Behind(app, upstreams)


# ---- the way there ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing, as each client asks for it, and as each upstream is asked for it."""

    openai: dict[str, Any]
    anthropic: dict[str, Any]
    chat: dict[str, Any]
    responses: dict[str, Any]
    messages: dict[str, Any]
    gemini: dict[str, Any] = field(default_factory=dict)
    """What differs from `chat` there; None: is left out."""

    def expected(self, protocol: Protocol) -> dict[str, Any]:
        if protocol is RESPONSES:
            return self.responses
        if protocol is ANTHROPIC:
            return self.messages
        told = deepcopy(self.chat)
        if protocol is GEMINI:
            told |= self.gemini
        if protocol is VLLM:
            told["max_tokens"] = told.pop("max_completion_tokens")
        return {key: value for key, value in told.items() if value is not None}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def user(*parts: dict[str, Any] | str) -> dict[str, Any]:
    content = [text(part) if isinstance(part, str) else part for part in parts]
    return {"role": "user", "content": content}


def asked(words: str = "Hi") -> dict[str, dict[str, Any]]:
    """The question alone, in every protocol."""
    plain = [{"role": "user", "content": words}]
    return {
        "openai": {"messages": plain, "max_completion_tokens": 64},
        "anthropic": {"messages": plain, "max_tokens": 64},
        "chat": {"messages": plain, "max_completion_tokens": 64},
        "responses": {"input": plain, "max_output_tokens": 64},
        "messages": {"messages": [user(words)], "max_tokens": 64},
    }


def with_each(**more: dict[str, Any]) -> Case:
    """The question, and what is added to it in each protocol."""
    told = asked()
    gemini = more.pop("gemini", {})
    return Case(**{name: {**told[name], **more.get(name, {})} for name in told}, gemini=gemini)


def tools(choice: dict[str, Any], **more: dict[str, Any]) -> Case:
    """Two tools offered, the first strict, and what is chosen among them in each protocol."""
    find = {"name": "find", "description": "Finds.", "parameters": CITY}
    none = {"type": "object", "properties": {}}
    chat = [
        {"type": "function", "function": {**find, "strict": True}},
        {"type": "function", "function": {"name": "now", "parameters": none}},
    ]
    flat = [
        {"type": "function", **find, "strict": True},
        {"type": "function", "name": "now", "parameters": none, "strict": False},
    ]
    messages = [
        {"name": "find", "description": "Finds.", "input_schema": CITY, "strict": True},
        {"name": "now", "input_schema": none},
    ]
    return with_each(
        openai={"tools": chat, **more["openai"]},
        anthropic={"tools": messages, **choice},
        chat={"tools": chat, **more["chat"]},
        responses={"tools": flat, **more["responses"]},
        messages={"tools": messages, **choice, **more.get("messages", {})},
        gemini=more.get("gemini", {"parallel_tool_calls": None}),
    )


PARALLEL = {"parallel_tool_calls": True}
ONE_BY_ONE = {"parallel_tool_calls": False}
UNTHINKING = {"thinking": {"type": "disabled"}}
"""Claude cannot be made to call a tool while it thinks."""
ARGUMENTS = '{"city": "a"}'
CALLS = [
    {
        "id": "call_a",
        "type": "function",
        "function": {"name": "find", "arguments": ARGUMENTS},
    },
    {"id": "call_b", "type": "function", "function": {"name": "now", "arguments": "{}"}},
]
USES = [
    {"type": "tool_use", "id": "call_a", "name": "find", "input": {"city": "a"}},
    {"type": "tool_use", "id": "call_b", "name": "now", "input": {}},
]


def results(failed: dict[str, Any]) -> list[dict[str, Any]]:
    kind = "tool_result"
    return [
        {"type": kind, "tool_use_id": "call_a", "content": [text("3")], **failed},
        {"type": kind, "tool_use_id": "call_b", "content": [text("noon")]},
    ]


def a_loop(**failed: Any) -> Case:
    """Two calls at once, and what came of them. Only Anthropic's protocol can say that one failed;
    OpenAI's caller says it in words."""
    said = {"role": "assistant", "content": "Let me see."}
    given = [
        {"role": "tool", "tool_call_id": "call_a", "content": "3"},
        {"role": "tool", "tool_call_id": "call_b", "content": "noon"},
    ]
    chat = [{"role": "user", "content": "Hi"}, {**said, "tool_calls": CALLS}, *given]
    chat.append({"role": "user", "content": "So?"})
    turns = [
        user("Hi"),
        {"role": "assistant", "content": [text("Let me see."), *USES]},
        user(*results(failed), "So?"),
    ]
    seal = {"extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}}}
    to_gemini = deepcopy(chat)
    to_gemini[1]["tool_calls"][0] |= seal  # type: ignore[index]
    items = [
        {"role": "user", "content": "Hi"},
        said,
        {
            "type": "function_call",
            "call_id": "call_a",
            "name": "find",
            "arguments": ARGUMENTS,
        },
        {"type": "function_call", "call_id": "call_b", "name": "now", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_a", "output": "3"},
        {"type": "function_call_output", "call_id": "call_b", "output": "noon"},
        {"role": "user", "content": "So?"},
    ]
    return with_each(
        openai={"messages": chat},
        anthropic={"messages": turns},
        chat={"messages": chat},
        responses={"input": items},
        messages={"messages": turns},
        gemini={"messages": to_gemini},
    )


DRAWN = {"temperature": 0.5, "top_p": 0.75}
PICTURES = [
    text("One:"),
    {"type": "image_url", "image_url": {"url": CAT}},
    text("Two:"),
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    text("Which?"),
]
SHOWN = [
    text("One:"),
    {"type": "image", "source": {"type": "url", "url": CAT}},
    text("Two:"),
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    text("Which?"),
]
TALK = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "And?"},
]
SCHEMA = {"name": "answer", "schema": CITY, "strict": True}
FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": CITY}}}

THERE = {
    "text and how it is drawn": with_each(
        openai=DRAWN, anthropic={"extra_body": DRAWN}, chat=DRAWN, responses=DRAWN, messages=DRAWN
    ),
    "a system's words and a history": with_each(
        openai={"messages": [{"role": "system", "content": "Be brief."}, *TALK]},
        anthropic={"system": "Be brief.", "messages": TALK},
        chat={"messages": [{"role": "system", "content": "Be brief."}, *TALK]},
        responses={"instructions": "Be brief.", "input": TALK},
        messages={
            "system": "Be brief.",
            "messages": [{**turn, "content": [text(turn["content"])]} for turn in TALK],
        },
    ),
    "images among words": with_each(
        openai={"messages": [user(*PICTURES)]},
        anthropic={"messages": [user(*SHOWN)]},
        chat={"messages": [user(*PICTURES)]},
        responses={
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": part["text"]}
                        if part["type"] == "text"
                        else {
                            "type": "input_image",
                            "image_url": part["image_url"]["url"],
                            "detail": "auto",
                        }
                        for part in PICTURES
                    ],
                }
            ]
        },
        messages={"messages": [user(*SHOWN)]},
    ),
    "tools, if they help": tools(
        {"tool_choice": {"type": "auto"}},
        openai={},
        chat={"tool_choice": "auto", **PARALLEL},
        responses={"tool_choice": "auto", **PARALLEL},
    ),
    "one tool at a time, but one": tools(
        {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        openai={"tool_choice": "required", **ONE_BY_ONE},
        chat={"tool_choice": "required", **ONE_BY_ONE},
        responses={"tool_choice": "required", **ONE_BY_ONE},
        messages=UNTHINKING,
        gemini={},
    ),
    "this tool": tools(
        {"tool_choice": {"type": "tool", "name": "now"}},
        openai={"tool_choice": {"type": "function", "function": {"name": "now"}}},
        chat={"tool_choice": {"type": "function", "function": {"name": "now"}}, **PARALLEL},
        responses={"tool_choice": {"type": "function", "name": "now"}, **PARALLEL},
        messages=UNTHINKING,
    ),
    "no tool now": tools(
        {"tool_choice": {"type": "none"}},
        openai={"tool_choice": "none"},
        chat={"tool_choice": "none", **PARALLEL},
        responses={"tool_choice": "none", **PARALLEL},
    ),
    "what came of its calls": a_loop(),
    "an answer by a schema": with_each(
        openai={"response_format": {"type": "json_schema", "json_schema": SCHEMA}},
        anthropic=FORMAT,
        chat={"response_format": {"type": "json_schema", "json_schema": SCHEMA}},
        responses={"text": {"format": {"type": "json_schema", **SCHEMA}}},
        messages=FORMAT,
    ),
    "how hard to think": with_each(
        openai={"reasoning_effort": "high"},
        anthropic={"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        chat={"reasoning_effort": "high"},
        responses={"reasoning": {"effort": "high"}},
        messages={"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
    ),
}


OFFERED = {
    "openai": THERE["tools, if they help"].openai,
    "anthropic": THERE["tools, if they help"].anthropic,
}


@pytest.mark.parametrize("case", THERE.values(), ids=list(THERE))
async def test_an_upstream_hears_what_either_client_asked_in_its_own_words(
    tmp_path: Path, case: Case
) -> None:
    async with behind(tmp_path) as all:
        for protocol in PROTOCOLS:
            expected = case.expected(protocol)
            for client in CLIENTS:
                told = case.openai if client == "openai" else case.anthropic
                heard, seen = await all.ask(client, protocol, told)
                heard.pop("cache_salt", None)
                assert (client, protocol.name, heard) == (client, protocol.name, expected)
                assert seen.text == "Yes."


async def test_a_tools_error_reaches_claude_as_one_and_the_others_in_its_words(
    tmp_path: Path,
) -> None:
    case = a_loop(is_error=True)
    async with behind(tmp_path) as all:
        for protocol in PROTOCOLS:
            heard, _ = await all.ask("anthropic", protocol, case.anthropic)
            heard.pop("cache_salt", None)
            assert heard == case.expected(protocol)


async def test_stop_sequences_go_to_who_knows_them_and_are_refused_for_who_does_not(
    tmp_path: Path,
) -> None:
    async with behind(tmp_path) as all:
        for client in CLIENTS:
            named = "stop" if client == "openai" else "stop_sequences"
            question = HI[client] | {named: ["END"]}
            for protocol in (CHAT, GEMINI, VLLM, ANTHROPIC):
                heard, _ = await all.ask(client, protocol, question)
                name = "stop_sequences" if protocol is ANTHROPIC else "stop"
                assert heard[name] == ["END"]
            with pytest.raises((openai.BadRequestError, anthropic.BadRequestError), match="stop"):
                await all.ask(client, RESPONSES, question)


async def test_a_callers_own_cache_mark_reaches_claude_from_either_client(tmp_path: Path) -> None:
    marked = {**text("Long."), "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    asked: dict[str, dict[str, Any]] = {
        "openai": {"messages": [{"role": "system", "content": [marked]}, user("Hi")]},
        "anthropic": {"system": [marked], "messages": [user("Hi")], "max_tokens": 64},
    }
    async with behind(tmp_path) as all:
        for client in CLIENTS:
            heard, _ = await all.ask(client, ANTHROPIC, asked[client])
            assert heard["system"] == [marked]


async def test_tools_and_an_effort_go_together_only_where_the_api_takes_both(
    tmp_path: Path,
) -> None:
    """OpenAI's own models refuse both on Chat Completions, and take both on Responses."""
    offered = OFFERED["openai"] | {"reasoning_effort": "high"}
    async with behind(tmp_path) as all:
        heard = {p.name: (await all.ask("openai", p, offered))[0] for p in PROTOCOLS}
        assert "reasoning_effort" not in heard["chat"] and heard["chat"]["tools"]
        assert heard["gemini"]["reasoning_effort"] == heard["vllm"]["reasoning_effort"] == "high"
        assert heard["responses"]["reasoning"] == {"effort": "high"}
        told, _ = await all.ask("openai", CHAT, offered | {"reasoning_effort": "none"})
        assert told["reasoning_effort"] == "none"


async def test_a_budget_for_thinking_is_kept_or_said_as_an_effort(tmp_path: Path) -> None:
    asked = {
        "openai": HI["openai"] | {"max_completion_tokens": 4096, "reasoning_effort": "medium"},
        "anthropic": HI["anthropic"]
        | {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 3000}},
    }
    async with behind(tmp_path, anthropic=", card: claude-haiku-4-5") as all:
        for client in CLIENTS:
            effort, budget = {"openai": ("medium", 2048), "anthropic": ("low", 3000)}[client]
            heard = {p.name: (await all.ask(client, p, asked[client]))[0] for p in PROTOCOLS}
            for name in ("chat", "gemini", "vllm"):
                assert heard[name]["reasoning_effort"] == effort
            assert heard["responses"]["reasoning"] == {"effort": effort}
            thinking = {"type": "enabled", "budget_tokens": budget}
            assert heard["anthropic"]["thinking"] == thinking


# ---- the way back ----------------------------------------------------------------------------

FINISH = {
    "openai": {
        "stop": "stop",
        "length": "length",
        "calls": "tool_calls",
        "filter": "content_filter",
    },
    "anthropic": {
        "stop": "end_turn",
        "length": "max_tokens",
        "calls": "tool_use",
        "filter": "refusal",
    },
}
BOTH_CALLS = (("call_a", "find", ARGUMENTS), ("call_b", "now", "{}"))
BACK = {
    "text": Says(text="Yes.\nOr “no” — ü."),
    "a thought": Says(text="Yes.", thought="Is it?", seal="s1"),
    "one call": Says(calls=BOTH_CALLS[:1], finish="calls"),
    "two calls after words": Says(text="Let me see.", calls=BOTH_CALLS, finish="calls"),
    "an answer cut short": Says(text="Yes, b", finish="length"),
    "a refusal": Says(refusal="I would rather not.", finish="filter"),
}


def expected(says: Says, protocol: Protocol, client: Client) -> dict[str, Any]:
    """Of `Seen`. Gemini tells no thoughts, and what it caches is not written for money."""
    gemini = protocol is GEMINI
    written, thought = (0, "") if gemini else (10, says.thought)
    words = {"read": 60, "written": written, "reasoning": 30}
    whole = {"prompt": 100, "completion": 50} | words
    apart = {"input": 30 + 10 - written, "output": 50} | words
    return {
        "text": "" if gemini and says.calls else says.text or says.refusal,
        "thinking": thought,
        "calls": tuple((id, name, json.loads(told)) for id, name, told in says.calls),
        "finish": FINISH[client][says.finish],
        "usage": whole if client == "openai" else apart,
    }


@pytest.mark.parametrize("says", BACK.values(), ids=list(BACK))
async def test_either_client_sees_what_an_upstream_said_in_its_own_words(
    tmp_path: Path, says: Says
) -> None:
    async with behind(tmp_path, says) as all:
        for protocol in PROTOCOLS:
            for client in CLIENTS:
                for stream in (False, True):
                    _, seen = await all.ask(client, protocol, OFFERED[client], stream=stream)
                    fields = expected(says, protocol, client)
                    found = {name: getattr(seen, name) for name in fields}
                    place = (client, protocol.name, stream)
                    assert (place, found) == (place, fields)


# ---- there and back again: thoughts in a loop of tools ---------------------------------------

SEALED = {
    GEMINI: {"extra_content": {"google": {"thought_signature": "s1"}}},
    RESPONSES: {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Is it?"}],
        "encrypted_content": "s1",
    },
    ANTHROPIC: {"type": "thinking", "thinking": "Is it?", "signature": "s1"},
}
"""How a thought that led to a call is to come back to who had it."""
WITHHELD = {
    GEMINI: SEALED[GEMINI],
    RESPONSES: {"type": "reasoning", "summary": [], "encrypted_content": "s1"},
    ANTHROPIC: {"type": "redacted_thinking", "data": "s1"},
}


def answered(client: Client, seen: Seen) -> dict[str, Any]:
    """The next question of a loop, with the client's own object of the answer before it."""
    if client == "openai":
        given = {"role": "tool", "tool_call_id": "call_a", "content": "3"}
        said = seen.raw.choices[0].message  # type: ignore[union-attr]
        return OFFERED["openai"] | {"messages": [{"role": "user", "content": "Hi"}, said, given]}
    result = {"type": "tool_result", "tool_use_id": "call_a", "content": "3"}
    said = {"role": "assistant", "content": seen.raw.content}  # type: ignore[union-attr]
    return OFFERED["anthropic"] | {"messages": [user("Hi"), said, user(result)]}


def found(protocol: Protocol, heard: dict[str, Any]) -> Any:
    """The thought in a request, where it is one of the protocol's own."""
    if protocol is RESPONSES:
        return heard["input"][1]
    said = heard["messages"][1]
    if protocol is ANTHROPIC:
        return said["content"][0]
    return {"extra_content": said["tool_calls"][0]["extra_content"]}


@STREAMED_OR_NOT
@pytest.mark.parametrize("thought", ["Is it?", ""], ids=["told", "withheld"])
async def test_a_thought_goes_back_with_its_seal_to_who_had_it_and_to_nobody_else(
    tmp_path: Path, thought: str, stream: bool
) -> None:
    says = Says(thought=thought, seal="s1", calls=BOTH_CALLS[:1], finish="calls")
    async with behind(tmp_path, says) as all:
        for protocol, expected in (SEALED if thought else WITHHELD).items():
            for client in CLIENTS:
                _, seen = await all.ask(client, protocol, OFFERED[client], stream=stream)
                again = answered(client, seen)
                heard, _ = await all.ask(client, protocol, again)
                assert (client, found(protocol, heard)) == (client, expected)
                for other in PROTOCOLS:
                    if other is not protocol:
                        heard, _ = await all.ask(client, other, again)
                        assert "s1" not in json.dumps(heard)


# ---- what only some can say ------------------------------------------------------------------


async def test_an_answer_tells_its_request_who_wrote_it_and_what_it_cost(tmp_path: Path) -> None:
    price = ", price: {input: 1, output: 10, cache_read: 0.5, cache_write_5m: 2}"
    async with behind(tmp_path, more=price) as all:
        for protocol, client in product(PROTOCOLS, CLIENTS):
            _, seen = await all.ask(client, protocol, HI[client])
            assert seen.raw._request_id == seen.raw.id
            # Claude Code gives a thought back only where this is the name that it asked for
            own = "m-2026" if client == "openai" else protocol.name
            assert (protocol.name, seen.raw.model) == (protocol.name, own)
            why = await all.clients.app.why(seen.raw.id)
            assert why["tier"] == protocol.name and why["attempts"][0]["model"] == "m-2026"
            written = expected(Says(text="Yes."), protocol, client)["usage"]["written"]
            cost: Any = seen.raw.to_dict()["rungwise"]
            nano = 1000 * (100 - 60 - written) + 500 * 60 + 2000 * written + 10_000 * 50
            assert round(cost["cost_usd"] * 1e9) == nano


async def test_several_answers_come_from_who_can_write_them(tmp_path: Path) -> None:
    two = [openai_delta(f"{i}", index=i) for i in (0, 1)]
    ends = [openai_delta(index=i, finish="stop") for i in (1, 0)]
    asked = HI["openai"] | {"n": 2}
    async with Upstream(Answer(openai_stream(*two, *ends))) as able, Upstream() as unable:
        rungs = [ANTHROPIC.rung("low", unable.url), CHAT.rung("top", able.url)]
        async with clients(tmp_path, *rungs) as both:
            for stream in (False, True):
                told = await both.completion({"model": "auto", **asked}, stream=stream)
                assert CHAT.heard(able)["n"] == 2 and unable.requests == []
                assert [choice.message.content for choice in told.choices] == ["0", "1"]
            with pytest.raises(openai.BadRequestError, match="writes one answer, not n=2"):
                await both.ask("openai", asked, model="low")


async def test_log_probabilities_come_from_who_gives_them(tmp_path: Path) -> None:
    rival = {"token": "No", "logprob": -2.5, "bytes": [78, 111]}
    token = {"token": "Yes", "logprob": -0.25, "bytes": [89, 101, 115], "top_logprobs": [rival]}
    told = openai_delta("Yes", logprobs={"content": [token], "refusal": None})
    asked = HI["openai"] | {"logprobs": True, "top_logprobs": 1}
    async with (
        Upstream(Answer(openai_stream(told, openai_delta(finish="stop")))) as able,
        Upstream() as unable,
    ):
        rungs = [ANTHROPIC.rung("low", unable.url), VLLM.rung("top", able.url)]
        async with clients(tmp_path, *rungs) as both:
            for stream in (False, True):
                completion = await both.completion({"model": "auto", **asked}, stream=stream)
                shown = completion.choices[0].logprobs
                assert shown is not None and shown.content is not None
                assert shown.content[0].to_dict() == token
                heard = VLLM.heard(able)
                assert (heard["logprobs"], heard["top_logprobs"]) == (True, 1)
            with pytest.raises(openai.BadRequestError, match="gives no log-probabilities"):
                await both.ask("openai", asked, model="low")


# ---- from a local rung to a hosted one -------------------------------------------------------


@EVERY_PROTOCOL
async def test_a_doubted_draft_is_never_seen_and_the_next_rung_answers_in_the_clients_words(
    tmp_path: Path, protocol: Protocol
) -> None:
    says = Says(text="Let me see.", thought="Is it?", seal="s1", calls=BOTH_CALLS, finish="calls")
    low = ScriptedTier("low", say("I guess so", logprob=-4.0), model="small")
    gates = "gates: [{tier: low, calibration: window.json}]"
    async with Upstream(protocol.answer(says)) as upstream:
        rung = protocol.rung("top", upstream.url)
        async with clients(tmp_path, low, rung, config=gates) as both:
            for client, stream in product(CLIENTS, (False, True)):
                seen = await both.ask(client, OFFERED[client], stream=stream)
                why = await both.app.why(seen.raw.id)
                wanted = expected(says, protocol, client)
                drafted = why["attempts"][0]["usage"]
                prompt, answer = {
                    "openai": ("prompt", "completion"),
                    "anthropic": ("input", "output"),
                }[client]
                wanted["usage"][prompt] += drafted["input"]
                wanted["usage"][answer] += drafted["output"]
                found = {name: getattr(seen, name) for name in wanted}
                assert (client, stream, found) == (client, stream, wanted)
                assert [attempt["tier"] for attempt in why["attempts"]] == ["low", "top"]
                assert "guess" not in str(seen.raw)
                assert [tool.name for tool in low.chats[-1].tools] == ["find", "now"]


async def test_a_local_rung_hears_and_says_the_same_as_the_hosted_ones(tmp_path: Path) -> None:
    words = say("Let me see.", reasoning="Is it?", finish=None)
    low = ScriptedTier("low", words + call("find", ARGUMENTS, id="call_a"), model="small")
    loop = THERE["what came of its calls"]
    async with clients(tmp_path, low) as both:
        for client, stream in product(CLIENTS, (False, True)):
            asked = loop.openai if client == "openai" else loop.anthropic
            seen = await both.ask(client, asked, stream=stream)
            assert (seen.text, seen.thinking) == ("Let me see.", "Is it?")
            assert seen.calls == (("call_a", "find", {"city": "a"}),)
            assert seen.finish == FINISH[client]["calls"]
    for chat in low.chats:
        asked_by, said, *results, _ = chat.messages
        assert [m.role for m in (asked_by, said, *results)] == ["user", "assistant", "tool", "tool"]
        assert [call.id for call in said.tool_calls] == ["call_a", "call_b"]
        assert [(m.tool_call_id, m.text) for m in results] == [("call_a", "3"), ("call_b", "noon")]
