"""Does the stand-in start, answer both SDKs and stop, as a process with real engines?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

pytestmark = pytest.mark.engine

MODELS = Path(os.environ.get("RUNGWISE_DEMO_MODELS", Path(__file__).parents[2] / "models/demo"))
START_S = 240
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"enum": ["Rome", "Oslo"]}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    for name in ("middle", "top"):
        if not (MODELS / name / "config.json").exists():
            pytest.skip(f"no model in {MODELS / name}; run scripts/train-demo-models")
    folder = tmp_path_factory.mktemp("standin")
    port_file = folder / "port"
    command = [sys.executable, "-m", "rungwise.demo.standin", "--port-file", str(port_file)]
    command += ["--openai-model", str(MODELS / "middle"), "--anthropic-model", str(MODELS / "top")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + START_S
        while not port_file.exists():
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < end, (folder / "log").read_text()[-2000:]
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port_file.read_text()}"
    finally:
        children = _children(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    end = time.monotonic() + 15
    while alive := [child for child in children if Path(f"/proc/{child}").exists()]:
        assert time.monotonic() < end, f"left behind: {alive}"
        time.sleep(0.1)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = [int(child) for child in listed]
    return own + [grandchild for child in own for grandchild in _children(child)]


def test_openai_wire(url: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="standin-test", max_retries=0) as client:
        # strict, because vLLM holds no other call to its schema
        function = {"name": "weather", "parameters": PARAMETERS, "strict": True}
        tool = {"type": "function", "function": function}
        ask: dict[str, Any] = {
            "model": "stand-in-mid",
            "messages": [{"role": "user", "content": "weather in Rome?"}],
            "max_tokens": 12,
            "temperature": 0,
        }
        chunks = list(
            client.chat.completions.create(
                **ask, stream=True, logprobs=True, stream_options={"include_usage": True}
            )
        )
        assert {chunk.model for chunk in chunks} == {"stand-in-mid"}
        assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens > 0
        assert [c.finish_reason for chunk in chunks for c in chunk.choices][-1]
        read = [c.logprobs for chunk in chunks for c in chunk.choices if c.logprobs]
        assert read and all(t.logprob <= 0 for r in read for t in r.content or ())
        named = {"type": "function", "function": {"name": "weather"}}
        called = client.chat.completions.create(
            **{**ask, "max_tokens": 200}, tools=[tool], tool_choice=named
        )
        (call,) = called.choices[0].message.tool_calls or ()
        assert call.type == "function" and call.function.name == "weather"
        assert call.function.arguments.startswith("{")


def test_anthropic_wire(url: str) -> None:
    with anthropic.Anthropic(base_url=url, api_key="standin-test", max_retries=0) as client:
        ask: dict[str, Any] = {
            "model": "stand-in-frontier",
            "messages": [{"role": "user", "content": "weather in Rome?"}],
        }
        with client.messages.stream(**ask, max_tokens=12) as stream:
            said = stream.get_final_message()
        assert said.model == "stand-in-frontier" and said.stop_reason
        assert said.usage.input_tokens > 0 and said.usage.output_tokens > 0
        tool = {"name": "weather", "input_schema": PARAMETERS, "strict": True}
        choice = {"type": "tool", "name": "weather"}
        with client.messages.stream(
            **ask, max_tokens=200, tools=[tool], tool_choice=choice
        ) as stream:
            (block,) = stream.get_final_message().content
        assert block.type == "tool_use" and block.name == "weather"


def test_other_keys_are_refused(url: str) -> None:
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="sk-x", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
