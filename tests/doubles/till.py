"""What does the upstream itself charge? It answers in three protocols, and keeps its own bill."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.doubles.upstream import (
    Answer,
    Request,
    anthropic_block,
    anthropic_end,
    anthropic_start,
    anthropic_stream,
    openai_delta,
    openai_stream,
)

__all__ = ["Act", "Asked", "Rates", "Served", "Till", "Tokens", "responses_events"]

MARK = "~"
_ENDS: Mapping[str, Literal["end", "cut", "hang"]] = {
    "whole": "end",
    "paid": "cut",
    "cut": "cut",
    "hang": "hang",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """As it counts them for one answer; the parts do not overlap."""

    input: int
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def completion(self) -> int:
        return self.output + self.reasoning


@dataclass(frozen=True, slots=True)
class Rates:
    """Whole nano-dollars for a token; from a prompt over `long` on, `times` as much."""

    input: int
    read: int
    write_5m: int
    write_1h: int
    output: int
    long: int | None = None
    times: int = 1

    def nano(self, told: Tokens) -> int:
        times = self.times if self.long is not None and told.prompt > self.long else 1
        return times * (
            self.input * told.input
            + self.read * told.cache_read
            + self.write_5m * told.cache_write_5m
            + self.write_1h * told.cache_write_1h
            + self.output * told.completion
        )

    @property
    def yaml(self) -> str:
        """As a rung's `price`: dollars for a million tokens."""

        def rates(times: int) -> str:
            named = {
                "input": self.input,
                "cache_read": self.read,
                "cache_write_5m": self.write_5m,
                "cache_write_1h": self.write_1h,
                "output": self.output,
            }
            return ", ".join(f"{name}: {nano * times / 1000}" for name, nano in named.items())

        if self.long is None:
            return f"{{{rates(1)}}}"
        return f"{{{rates(1)}, long_context: [{{over: {self.long}, {rates(self.times)}}}]}}"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call, as its script sees it. The number is what follows the last `#` of the request."""

    rung: str
    number: int
    turn: int
    """How many calls of this rung and number came before."""
    judging: bool
    samples: int


@dataclass(frozen=True, slots=True)
class Act:
    """What to do with a call. `end`: "paid" tells the usage and breaks off before the end, "cut"
    breaks off before the usage, "hang" waits for the client to go, without the usage."""

    words: str = "fine words"
    others: tuple[str, ...] = ()
    """Texts of further samples, where there are several; else the same again."""
    refuse: int | None = None
    end: Literal["whole", "paid", "cut", "hang"] = "whole"
    model: str | None = None
    """The id that is billed; else one that names the call."""
    drip_s: float = 0.0
    """Waited before each event."""


@dataclass(frozen=True, slots=True)
class Served:
    """One line of the bill. A call that was refused costs nothing, and is none."""

    id: str
    rung: str
    number: int
    tokens: Tokens
    nano: int
    told: bool
    """Whether the usage was sent."""


@dataclass
class Till:
    """Give it to an Upstream, and to each rung `URL/<rung>` as its address."""

    script: Callable[[Asked], Act]
    rates: Mapping[str, Rates]
    """By rung, or by the id that is billed."""
    served: list[Served] = field(default_factory=list)
    hung: dict[int, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    """Set once a call of this number hangs."""
    _turns: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def __call__(self, request: Request) -> Answer:
        rung = request.path.split("/")[1]
        said = json.dumps(request.body)
        asked = Asked(
            rung,
            number := int(re.findall(r"#(\d+)", said)[-1]),
            self._turns[rung, number],
            judging="You grade the answer" in said,
            samples=int(request.body.get("n") or 1),
        )
        self._turns[rung, number] += 1
        act = self.script(asked)
        if act.refuse is not None:
            error = json.dumps({"error": {"type": "t", "message": "not now"}}).encode()
            return Answer(error, status=act.refuse, type="application/json")
        served = self._write_down(asked, act)
        if act.end == "hang":
            self.hung[number].set()
        write = {"messages": _messages, "responses": _responses}.get(
            request.path.rpartition("/")[2], _completions
        )
        body = write(act, asked, act.model or served.id, served.tokens)
        parts = tuple(re.findall(rb".*?\n\n", body, re.DOTALL)) if act.drip_s else body
        return Answer(parts, drip_s=act.drip_s, then=_ENDS[act.end])

    def _write_down(self, asked: Asked, act: Act) -> Served:
        id = f"{asked.rung}{MARK}{len(self.served)}"
        tokens = _drawn(random.Random(id), anthropic=asked.rung == "high")
        nano = self.rates[act.model or asked.rung].nano(tokens)
        told = act.end in ("whole", "paid")
        self.served.append(Served(id, asked.rung, asked.number, tokens, nano, told))
        return self.served[-1]


def _drawn(draw: random.Random, *, anthropic: bool) -> Tokens:
    return Tokens(
        input=draw.randint(1, 3000),
        cache_read=draw.choice((0, draw.randint(1, 5000))),
        cache_write_5m=draw.choice((0, draw.randint(1, 2000))),
        cache_write_1h=draw.choice((0, draw.randint(1, 2000))) if anthropic else 0,
        output=draw.randint(1, 900),
        reasoning=draw.choice((0, draw.randint(1, 500))),
    )


# ---- the same in each protocol ---------------------------------------------------------------


def _completions(act: Act, asked: Asked, model: str, told: Tokens) -> bytes:
    given = {"token": "x", "logprob": -0.01, "bytes": None, "top_logprobs": []}
    texts = [act.words, *(act.others or (act.words,) * asked.samples)][: asked.samples]
    words = [
        openai_delta(f"{word} ", index=i, logprobs={"content": [given], "refusal": None})
        for i, text in enumerate(texts)
        for word in text.split()
    ]
    usage = {
        "prompt_tokens": told.prompt,
        "completion_tokens": told.completion,
        "total_tokens": told.prompt + told.completion,
        "prompt_tokens_details": {
            "cached_tokens": told.cache_read,
            "cache_write_tokens": told.cache_write_5m,
        },
        "completion_tokens_details": {"reasoning_tokens": told.reasoning},
    }
    ends = [openai_delta(index=i, finish="stop") for i in range(asked.samples)]
    chunks = [{"model": model, **chunk} for chunk in (*words, *ends, {"usage": usage})]
    begun = chunks[: len(words)]
    if act.end == "paid":
        return openai_stream(*begun, chunks[-1], done=False)
    return openai_stream(*(chunks if act.end == "whole" else begun), done=act.end == "whole")


def _messages(act: Act, asked: Asked, model: str, told: Tokens) -> bytes:
    prompt = {
        "input_tokens": told.input,
        "cache_read_input_tokens": told.cache_read,
        "cache_creation_input_tokens": told.cache_write_5m + told.cache_write_1h,
        "cache_creation": {
            "ephemeral_5m_input_tokens": told.cache_write_5m,
            "ephemeral_1h_input_tokens": told.cache_write_1h,
        },
    }
    start = anthropic_start(**prompt, output_tokens=1)
    start["message"]["model"] = model
    deltas = [{"type": "text_delta", "text": f"{word} "} for word in act.words.split()]
    block = anthropic_block(0, {"type": "text", "text": ""}, *deltas)
    details = {"thinking_tokens": told.reasoning}
    end = anthropic_end("end_turn", output_tokens=told.completion, output_tokens_details=details)
    match act.end:
        case "whole":
            return anthropic_stream(start, *block, *end)
        case "paid":
            return anthropic_stream(start, *block, end[0])
        case _:
            return anthropic_stream(start, *block[:2])


def _responses(act: Act, asked: Asked, model: str, told: Tokens) -> bytes:
    usage = {
        "input_tokens": told.prompt,
        "input_tokens_details": {
            "cached_tokens": told.cache_read,
            "cache_write_tokens": told.cache_write_5m,
        },
        "output_tokens": told.completion,
        "output_tokens_details": {"reasoning_tokens": told.reasoning},
        "total_tokens": told.prompt + told.completion,
    }
    return responses_events(act.words, model, usage if act.end == "whole" else None)


def responses_events(words: str, model: str, usage: Mapping[str, Any] | None) -> bytes:
    """A Responses stream; without a usage it breaks off."""
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "output": [], "tools": []}
    whole |= {"model": model, "parallel_tool_calls": True, "tool_choice": "auto"}
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**whole, "status": "in_progress"}},
        *(
            {"type": "response.output_text.delta", **where, "delta": f"{word} "}
            for word in words.split()
        ),
    ]
    if usage is not None:
        ended = {**whole, "status": "completed", "usage": dict(usage)}
        events.append({"type": "response.completed", "response": ended})
    numbered = ({"sequence_number": n, **event} for n, event in enumerate(events))
    return anthropic_stream(*numbered)  # framed the same
