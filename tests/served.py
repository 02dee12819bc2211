"""What does a caller of the whole server see? A YAML document, the app it makes, and a client."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import openai
from fastapi import FastAPI
from openai.types.chat import ChatCompletion

from rungwise.build import build_app
from rungwise.confidence.calibration import Calibration
from rungwise.config import load
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import StepType
from tests.confidence.test_calibration import calibration
from tests.doubles.upstream import openai_delta, openai_stream
from tests.edge.doubles import serving

CHAT = "/v1/chat/completions"
PATIENCE_S = 20.0
"""An answer that takes this long never comes."""
KEY = "sk-of-the-owner"
RUNGS = "rungs_of_a_test"
"""The module that the documents name in `kind`; it holds the rungs of the test that runs."""


def fitted(
    *,
    threshold: float | None = 0.9,
    intercept: float = 3.0,
    prefix: bool = False,
    table: Mapping[str, Sequence[float]] | None = None,
    **weights: float,
) -> Calibration:
    """P = sigmoid(intercept + weights x readings), or from `table`; one threshold for all types.

    With `prefix` the beginning says something too, once four tokens were read: P the same, and the
    chance to recover sigmoid(4 + 2 weights x readings).
    """
    curve = {"weights": weights, "intercept": intercept, "table": table}
    recovery = {"weights": {name: 2 * weight for name, weight in weights.items()}, "intercept": 4.0}
    found = {"whole": threshold, "prefix": threshold if prefix else None, "labels": 400}
    return calibration(
        revision="small",
        signals=tuple(weights),
        finished=curve,
        prefixes=[{"tokens": 4, "acceptable": curve, "recovery": recovery}] if prefix else [],
        thresholds={step_type.value: found for step_type in StepType},
    )


CALIBRATIONS = {
    "window.json": fitted(worst_window_logprob=2.0),
    "beginning.json": fitted(mean_logprob=2.0, prefix=True),
    "entropy.json": fitted(mean_logprob=2.0, mean_entropy=-2.0),
    "entropy_table.json": fitted(
        mean_logprob=2.0, mean_entropy=-2.0, table={"z": [-1.0, 1.0], "p": [0.1, 0.95]}
    ),
    "thin.json": fitted(mean_logprob=2.0, threshold=None),
    "self_check.json": fitted(mean_logprob=2.0, self_check=6.0, intercept=-2.0),
    "agreement.json": fitted(mean_logprob=2.0, agreement=6.0, intercept=-2.0),
}
"""Files that a document may name, for the model `small`."""


def scripted(rung: ScriptedTier) -> str:
    return f"{{name: {rung.name}, kind: '{RUNGS}:{rung.name}', model: {rung.model}}}"


def hosted(
    name: str, url: str, *, kind: str = "openai", model: str = "small", more: str = ""
) -> str:
    """A rung behind a real connection, as YAML; `more` begins with a comma."""
    base = f"{url}/v1" if kind == "openai" else url
    told = f"name: {name}, kind: {kind}, model: {model}, base_url: '{base}', api_key_env: KEY"
    return f"{{{told}{more}}}"


def hosted_words(
    text: str,
    *,
    logprob: float | None = -0.01,
    finish: str | None = "stop",
    usage: Mapping[str, Any] | None = None,
) -> bytes:
    """A Chat Completions stream of one chunk for each word. Without a finish it just ends."""
    given: dict[str, Any] = {"token": "x", "logprob": logprob, "bytes": None, "top_logprobs": []}
    told = None if logprob is None else {"content": [given], "refusal": None}
    chunks = [openai_delta(f"{word} ", logprobs=told) for word in text.split()]
    ends = [openai_delta(finish=finish)] if finish is not None else []
    counted = [{"usage": dict(usage)}] if usage is not None else []
    return openai_stream(*chunks, *ends, *counted, done=finish is not None)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as the official client put it together, and what the server says of it."""

    completion: ChatCompletion
    why: Mapping[str, Any]

    @property
    def text(self) -> str:
        return self.completion.choices[0].message.content or ""

    @property
    def calls(self) -> list[tuple[str, str, Any]]:
        """Id, name and arguments of each tool call."""
        told = [call.to_dict() for call in self.completion.choices[0].message.tool_calls or ()]
        made: list[tuple[Any, Any]] = [(call["id"], call["function"]) for call in told]
        return [(id, call["name"], json.loads(call["arguments"])) for id, call in made]

    @property
    def tier(self) -> str:
        return str(self.why["tier"])

    @property
    def attempts(self) -> list[Mapping[str, Any]]:
        return list(self.why["attempts"])

    def attempt(self, tier: str, role: str = "draft") -> Mapping[str, Any]:
        (found,) = [a for a in self.attempts if (a["tier"], a["role"]) == (tier, role)]
        return found


class Served:
    """The app from outside: `sdk` is the official client, `http` the bare one."""

    def __init__(self, app: FastAPI, http: httpx.AsyncClient) -> None:
        self.app, self.http = app, http
        self.sdk = openai.AsyncOpenAI(
            base_url=f"{http.base_url}/v1",
            api_key="any",
            max_retries=0,
            http_client=http,  # type: ignore[arg-type] # it takes httpx's, too
        )

    async def ask(
        self,
        text: str = "What is it?",
        *,
        stream: bool = False,
        model: str = "auto",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Answer:
        """Raises what the official client raises."""
        asked: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": text}],
            "extra_headers": headers,
            **more,
        }
        async with asyncio.timeout(PATIENCE_S):
            completion = await self._completion(asked, stream)
            return Answer(completion, await self.why(completion.id))

    async def _completion(self, asked: dict[str, Any], stream: bool) -> ChatCompletion:
        if not stream:
            whole: ChatCompletion = await self.sdk.chat.completions.create(**asked)
            return whole
        asked["stream_options"] = {"include_usage": True}
        async with self.sdk.chat.completions.stream(**asked) as events:
            return await events.get_final_completion()

    async def why(self, id: str) -> Mapping[str, Any]:
        told: Mapping[str, Any] = (await self.http.get(f"/v1/answers/{id}")).json()
        return told

    async def stream(self, text: str = "What is it?", **more: Any) -> httpx.Response:
        """The bytes of a stream, to its end."""
        asked = {"model": "auto", "messages": [{"role": "user", "content": text}], "stream": True}
        return await self.http.post(CHAT, json={**asked, **more})

    async def metrics(self) -> str:
        return (await self.http.get("/metrics")).text


@asynccontextmanager
async def served(
    folder: Path,
    *rungs: ScriptedTier | str,
    config: str = "",
    listening: bool = False,
    key: str = KEY,
    callers: Sequence[str] = (),
) -> AsyncIterator[Served]:
    """The app of these rungs, lowest first, and of `config`, which is the rest of the document.

    `listening`: on a real socket, where the order and the time of bytes can be seen. `key`: what
    the variable of the hosted rungs holds. `callers`: the keys of those who may ask; none: anyone.
    """
    with app_of(folder, *rungs, config=config, key=key, callers=callers) as app:
        if listening:
            async with serving(app) as port:
                url = f"http://127.0.0.1:{port}"
                async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
                    yield Served(app, http)
            return
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                yield Served(app, http)


@contextmanager
def app_of(
    folder: Path,
    *rungs: ScriptedTier | str,
    config: str,
    key: str = KEY,
    callers: Sequence[str] = (),
) -> Iterator[FastAPI]:
    """From the document to the app, by the way that `rungwise serve` goes."""
    path = document(folder, *rungs, config=config)
    module = ModuleType(RUNGS)
    for rung in rungs:
        if isinstance(rung, ScriptedTier):
            setattr(module, rung.name, lambda _, rung=rung: rung)
    sys.modules[RUNGS] = module
    try:
        yield build_app(load(path, {"KEY": key}), callers)
    finally:
        del sys.modules[RUNGS]


def document(folder: Path, *rungs: ScriptedTier | str, config: str) -> Path:
    """Write it, beside the calibrations that it may name."""
    folder.mkdir(exist_ok=True)
    tiers = [f"  - {rung if isinstance(rung, str) else scripted(rung)}" for rung in rungs]
    path = folder / "rungwise.yaml"
    path.write_text("\n".join(["tiers:", *tiers, config]))
    for name, fit in CALIBRATIONS.items():
        (folder / name).write_text(fit.model_dump_json())
    return path
