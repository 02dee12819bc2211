"""The whole product over real HTTP: an openai client, our server, a real engine, a hosted rung."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from tests.confidence.test_calibration import FILE
from tests.doubles.upstream import Answer, Upstream, openai_delta, openai_stream

from rungwise.access.static import StaticKeyring
from rungwise.build import build_cascade, build_ladder, new_id
from rungwise.config import load
from rungwise.edge.app import make_app
from rungwise.lab.steps import SYSTEM, generate
from rungwise.ledger.sql import SqliteLedger, read_entries
from rungwise.ledger.tee import Tee
from rungwise.observe.metrics import Metrics
from rungwise.tiers.local.vllm import VllmTier
from rungwise.tiers.revision import revision_of
from rungwise.types import Entry, StepType

pytestmark = [
    pytest.mark.engine,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore"),  # vLLM and what it imports warn of each other
]

ROOT = Path(__file__).parents[2]
HOSTED = "the hosted answer"
CONFIG = """
server: {heartbeat_s: 0.3}
tiers:
  - name: tier1
    kind: vllm
    model: %(model)s
    served_as: demo-bottom
    usd_per_gpu_hour: 1
    engine:
      {dtype: bfloat16, max_model_len: 2048, max_num_seqs: 16, kv_cache_gib: 0.25,
       enforce_eager: true, tool_parser: hermes}
  - name: tier2
    kind: openai
    model: hosted
    base_url: %(url)s/v1
    api_key_env: KEY
    price: {input: 1, output: 2}
gates:
  - {tier: tier1, calibration: gate.json, truncation: return}
"""


@dataclass
class Stack:
    client: openai.AsyncOpenAI
    url: str
    engine: VllmTier
    upstream: Upstream
    ledger: Path
    seen: list[Entry]


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("served")
    model = ROOT / "models/demo/bottom"
    answer = Answer(
        openai_stream(
            openai_delta(HOSTED),
            openai_delta(finish="stop"),
            {"usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}},
        )
    )
    async with Upstream(answer) as upstream:
        path = folder / "config.yaml"
        path.write_text(CONFIG % {"model": model, "url": upstream.url})
        config = load(path, {"KEY": "secret"})
        curve = {"weights": {"mean_logprob": 2.0}, "intercept": 3.0}
        sure = {"whole": 0.5, "prefix": 0.9, "labels": 400}
        gate = {
            **FILE,
            "model": "demo-bottom",
            "revision": revision_of(config.tiers[0]),
            "finished": curve,
            "prefixes": [{"tokens": 8, "acceptable": curve, "recovery": curve}],
            "thresholds": {step_type.value: sure for step_type in StepType},
        }
        (folder / "gate.json").write_text(json.dumps(gate))
        ladder, metrics, seen = build_ladder(config), Metrics(), []
        ledger = Tee(SqliteLedger(config.ledger.path), readers=[metrics.read, seen.append])
        app = make_app(
            cascade=build_cascade(config, ladder, ledger),
            ladder=ladder,
            ledger=ledger,
            keyring=StaticKeyring(()),
            config=config.server,
            render_metrics=metrics.rendered,
            new_id=new_id,
        )
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
            serving = asyncio.ensure_future(server.serve(sockets=[listener]))
            async with httpx.AsyncClient(base_url=url) as probe:
                await _until(lambda: server.started or serving.done(), 200)
                await _ready(probe)
            client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
            engine = ladder[0]
            assert isinstance(engine, VllmTier)
            yield Stack(client, url, engine, upstream, config.ledger.path, seen)
            await client.close()
            server.should_exit = True
            await serving


async def _ready(probe: httpx.AsyncClient) -> None:
    end = time.monotonic() + 200
    while (await probe.get("/readyz")).status_code != 200:
        assert time.monotonic() < end, "never ready"
        await asyncio.sleep(0.2)


async def _until(condition: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.01)


def _user(text: str) -> list[Any]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


async def test_a_step_is_answered_by_the_engine(stack: Stack) -> None:
    raw = await stack.client.chat.completions.with_raw_response.create(
        model="auto",
        messages=_user("Classify: Raro writes about the refund."),
        temperature=0,
        max_tokens=8,
    )
    answer = raw.parse()
    assert answer.choices[0].message.content == "billing"
    assert raw.headers["x-rungwise-tier"] == "tier1"
    assert raw.headers["x-rungwise-model"] == answer.model == "demo-bottom"
    assert raw.headers["x-rungwise-rungs-tried"] == "1"
    (entry,) = [e for e in read_entries(stack.ledger) if e.id == raw.headers["x-request-id"]]
    (attempt,) = entry.attempts
    assert attempt.readings and attempt.confidence and attempt.engine_s
    assert attempt.cost_nano == round(attempt.engine_s / 3600 * 1e9)


async def test_streaming_gives_the_same_text_in_the_protocols_order(stack: Stack) -> None:
    messages = _user("Write lete(x): add 34.")
    asked: dict[str, Any] = {"messages": messages, "temperature": 0, "max_tokens": 64}
    whole = await stack.client.chat.completions.create(model="tier1", **asked)
    chunks = [
        chunk
        async for chunk in await stack.client.chat.completions.create(
            model="tier1", stream=True, stream_options={"include_usage": True}, **asked
        )
    ]
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    text = "".join(choice.delta.content or "" for choice in choices)
    assert text == whole.choices[0].message.content and "def lete(x):" in text
    assert [c.delta.role for c in choices if c.delta.role] == ["assistant"]
    assert [c.finish_reason for c in choices if c.finish_reason] == ["stop"]
    assert len(choices) > 5, "piece by piece"
    assert chunks[-1].usage and whole.usage
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


async def test_a_long_system_prompt_is_read_from_the_cache_the_second_time(stack: Stack) -> None:
    for _ in range(2):
        answer = await stack.client.chat.completions.create(
            model="tier1", messages=_user("Classify: Raro writes about the bug."), max_tokens=4
        )
    assert answer.usage and answer.usage.prompt_tokens_details
    assert (answer.usage.prompt_tokens_details.cached_tokens or 0) >= 256


async def test_a_doubtful_draft_climbs_and_no_byte_of_it_is_seen(stack: Stack) -> None:
    """At this temperature the tiny model writes noise; its own text must not be in the stream."""
    for stream in (False, True):
        before = len(stack.seen)
        body = {
            "model": "auto",
            "messages": _user("zzz qqq 17 !!"),
            "temperature": 2.0,
            "seed": 5,
            "max_tokens": 200,
            "stream": stream,
        }
        async with httpx.AsyncClient(timeout=30) as http:
            got = await http.post(f"{stack.url}/v1/chat/completions", json=body)
        assert got.status_code == 200
        if stream:
            events = [json.loads(e[6:]) for e in got.text.split("\n\n") if e.startswith("data: {")]
            text = "".join(
                c["delta"].get("content") or "" for e in events for c in e.get("choices", ())
            )
        else:
            text = got.json()["choices"][0]["message"]["content"]
        assert text == HOSTED
        entry = stack.seen[before]
        assert [a.state for a in entry.attempts] == ["abandoned", "released"]
        assert entry.attempts[0].usage.output < 200, "stopped early"
        assert stack.engine.unfinished == 0


async def test_a_sure_stream_leaves_while_it_is_still_written_and_says_why(stack: Stack) -> None:
    asked: dict[str, Any] = {"messages": _user("Write lete(x): add 34."), "temperature": 0}
    async with stack.client.chat.completions.with_streaming_response.create(
        model="auto", stream=True, max_tokens=64, **asked
    ) as raw:
        assert raw.headers["x-rungwise-tier"] == "tier1"
        held_by_the_engine = stack.engine.unfinished
        text = (await raw.text()).replace("\\n", "\n")
    assert held_by_the_engine == 1, "the first byte left before the last token was written"
    assert text.rstrip().endswith("data: [DONE]")
    async with httpx.AsyncClient() as http:
        told = (await http.get(f"{stack.url}/v1/answers/{raw.headers['x-request-id']}")).json()
    (attempt,) = told["attempts"]
    assert "after 8 tokens" in attempt["reason"] and attempt["threshold"] == 0.9
    assert attempt["confidence"]["probability"] > 0.9 and attempt["readings"]["mean_logprob"] < 0


async def test_killing_the_client_mid_stream_stops_the_engine(stack: Stack) -> None:
    body = {"model": "tier1", "messages": _user("x"), "max_tokens": 1500, "stream": True}
    body |= {"temperature": 2.0, "seed": 1, "n": 1}
    before = len(stack.seen)
    async with (
        httpx.AsyncClient(timeout=30) as http,
        http.stream("POST", f"{stack.url}/v1/chat/completions", json=body) as got,
    ):
        async for line in got.aiter_lines():
            if '"content":"' in line and '"content":""' not in line:
                break
        assert stack.engine.unfinished == 1
    left = time.monotonic()
    await _until(lambda: stack.engine.unfinished == 0, 1.0)
    assert time.monotonic() - left < 1.0
    await _until(lambda: len(stack.seen) > before, 2.0)
    assert stack.seen[-1].state == "cancelled"
    assert 0 < stack.seen[-1].attempts[0].usage.output < 1500


async def test_killing_the_client_while_the_draft_is_held_stops_the_engine(stack: Stack) -> None:
    body = {"model": "auto", "messages": _user("Write lete(x): add 34."), "max_tokens": 1500}
    body |= {"temperature": 0.0}
    before = len(stack.seen)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(stack.url.rsplit(":", 1)[1]))
    data = json.dumps(body).encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(data), data)
    )
    await _until(lambda: stack.engine.unfinished == 1, 5.0)
    writer.transport.abort()
    await _until(lambda: stack.engine.unfinished == 0, 1.0)
    await _until(lambda: len(stack.seen) > before, 2.0)
    assert stack.seen[-1].state == "cancelled"
    del reader


async def test_structured_output_parses(stack: Stack) -> None:
    step = next(s for s in generate("test", 60) if s.step_type == "extraction")
    answer = await stack.client.chat.completions.create(
        model="tier1",
        messages=list(step.messages),  # type: ignore[arg-type]
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": step.response_schema or {}, "strict": True},
        },
        max_tokens=96,
        temperature=0,
    )
    found = json.loads(answer.choices[0].message.content or "")
    assert found.keys() == json.loads(step.answer).keys()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_call_parses(stack: Stack, stream: bool) -> None:
    step = next(s for s in generate("test", 60) if s.step_type == "tool_selection")
    asked: dict[str, Any] = {
        "model": "tier1",
        "messages": list(step.messages),
        "tools": list(step.tools),
        "max_tokens": 96,
        "temperature": 0,
    }
    if stream:
        name = arguments = ""
        async for chunk in await stack.client.chat.completions.create(stream=True, **asked):
            for call in (chunk.choices[0].delta.tool_calls or ()) if chunk.choices else ():
                assert call.function
                name += call.function.name or ""
                arguments += call.function.arguments or ""
    else:
        answer = await stack.client.chat.completions.create(**asked)
        assert answer.choices[0].finish_reason == "tool_calls"
        (call,) = answer.choices[0].message.tool_calls or ()
        assert call.type == "function"
        name, arguments = call.function.name, call.function.arguments
    assert name in {tool["function"]["name"] for tool in step.tools}
    assert isinstance(json.loads(arguments), dict)


async def test_too_long_for_every_rung_is_the_callers_error(stack: Stack) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await stack.client.chat.completions.create(model="tier1", messages=_user("word " * 3000))
    assert raised.value.code == "context_length_exceeded"


async def test_the_metrics_have_seen_it_all(stack: Stack) -> None:
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{stack.url}/metrics")).text
    assert 'rungwise_attempts_total{role="draft",state="abandoned",tier="tier1"} 2.0' in text
    assert 'rungwise_attempts_total{role="draft",state="left",tier="tier1"} 1.0' in text
    assert 'rungwise_attempts_total{role="draft",state="cancelled",tier="tier1"} 1.0' in text
