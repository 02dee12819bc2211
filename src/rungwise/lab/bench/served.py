"""Which servers does a measurement need? vLLM's own, and ours, on the same engine arguments."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from rungwise.config import VllmTierConfig
from rungwise.errors import ConfigError
from rungwise.lab.bench import shapes
from rungwise.lab.bench.prompts import PROSE, Asks, bodies_of, prose
from rungwise.lab.children import child, free_port
from rungwise.tiers.local.vllm_flags import engine_flags
from rungwise.tiers.revision import revision_of
from rungwise.types import StepType

__all__ = [
    "PROSE",
    "Server",
    "accepting",
    "bodies",
    "engine_of",
    "name_of",
    "own",
    "prose",
    "reference",
]

KEY_ENV = "RUNGWISE_BENCH_KEY"


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    port: int
    model: str
    pid: int = 0
    """Of the process that answers; its engine is below it."""


def bodies(
    server: Server, stream: bool, max_tokens: int, asked: Sequence[Asks], *, salted: bool = False
) -> list[bytes]:
    """What this server is asked. `salted`: its prefixes are its own, though it may share its
    engine's cache with another."""
    return bodies_of(
        asked,
        model=server.model,
        stream=stream,
        max_tokens=max_tokens,
        typed=server.name != "vllm",
        salt=server.name if salted else None,
    )


def engine_of(arguments: argparse.Namespace, folder: Path) -> VllmTierConfig:
    """The rung that is measured. Raises ConfigError where there is no model."""
    if not (arguments.model / "config.json").exists():
        raise ConfigError(f"--model: no model in {arguments.model}; see scripts/train-demo-models")
    model = arguments.model.resolve()
    if arguments.random_weights:
        model = shapes.make(
            arguments.random_weights, arguments.model, folder / "larger", tiny=arguments.tiny
        )
    engine = {
        "dtype": arguments.dtype,
        "max_model_len": arguments.max_model_len,
        "max_num_seqs": max(64, *arguments.concurrency),
        "kv_cache_gib": arguments.kv_cache_gib,
        "gpu_memory_utilization": 0.3,  # vLLM starts only where so much is free: two share a GPU
        "enforce_eager": not arguments.compiled,
        "load_format": "dummy" if arguments.random_weights else "auto",
    }
    return VllmTierConfig.model_validate(
        {
            "name": "tier1",
            "kind": "vllm",
            "model": str(model),
            "served_as": "bench",
            "engine": engine,
        }
    )


def name_of(arguments: argparse.Namespace) -> str:
    """How the figures call the model."""
    shape = arguments.random_weights
    if not shape:
        return str(arguments.model)
    return f"random parameters, shape of {shape}{', in small' if arguments.tiny else ''}"


@contextmanager
def reference(tier: VllmTierConfig, folder: Path) -> Iterator[Server]:
    """vLLM's own server, with the very flags that our engine is started with."""
    port = free_port()
    command = ["vllm.entrypoints.openai.api_server", "--port", str(port), "--host", "127.0.0.1"]
    command += [*engine_flags(tier), "--disable-uvicorn-access-log"]
    with child(command, folder / "vllm.log") as process:
        process.wait_for(f"http://127.0.0.1:{port}/health")
        yield Server("vllm", port, "bench", process.process.pid)


@contextmanager
def own(
    tier: VllmTierConfig, folder: Path, calibration: Path | None = None, *, deaf: bool = False
) -> Iterator[tuple[Server, Server]]:
    """Our server with the gate off and on. It is one: pinned requests are not judged, `auto` ones
    are. Without a calibration the gate reads everything and accepts it, so that both write the
    same tokens. `deaf`: the words themselves give no reason to doubt, as with random weights."""
    port = free_port()
    if calibration is None:
        calibration = folder / "always.json"
        calibration.write_text(json.dumps(accepting(tier)), encoding="utf-8")
    document = {
        "server": {"port": port},
        "ledger": {"path": str(folder / "bench.db")},
        "box": {"state": str(folder / "state")},
        "tiers": [tier.model_dump(mode="json", exclude_none=True), _never_reached(port)],
        "gates": [
            {
                "tier": "tier1",
                "calibration": str(calibration),
                "truncation": "return",
                **_words(heard=not deaf and tier.engine.load_format != "dummy"),
            }
        ],
        "checks": {"code": False},  # what the small model writes does not always parse
    }
    config = folder / "bench.yaml"
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    command = ["rungwise", "serve", "--config", str(config)]
    with child(command, folder / "serve.log", {KEY_ENV: "none"}) as process:
        process.wait_for(f"http://127.0.0.1:{port}/readyz")
        yield (
            Server("off", port, "tier1", process.process.pid),
            Server("on", port, "auto", process.process.pid),
        )


def _words(*, heard: bool) -> dict[str, object]:
    """Random weights write no language at all, and made-up prompts ask in none."""
    return dict.fromkeys(("repetition", "language", "format", "hedging"), heard)


def accepting(tier: VllmTierConfig) -> dict[str, object]:
    """A calibration, as its file has it, by which the gate reads a draft to its end and then
    accepts it, whatever it reads."""
    signals = ("mean_logprob", "worst_window_logprob", "min_logprob")
    curve = {"weights": dict.fromkeys(signals, 0.01), "intercept": 20.0}
    sure = {"whole": 0.01, "prefix": 0.01, "labels": 1}
    return {
        "name": "always",
        "model": "bench",
        "revision": revision_of(tier),
        "signals": signals,
        "finished": curve,
        "prefixes": [
            {"tokens": tokens, "acceptable": curve, "recovery": curve}
            for tokens in (8, 16, 32, 64, 128)
        ],
        "thresholds": {step_type.value: sure for step_type in StepType},
        "promise": {
            "limit": 0.99,
            "confidence": 0.01,
            "level": 0.99,
            "reference": "none",
            "procedure": "none: accepts everything, for measuring only",
        },
        "provenance": {
            "data": "none",
            "data_sha256": "",
            "count": 1,
            "right": 1,
            "date": "",
            "seed": 0,
        },
    }


def _never_reached(port: int) -> dict[str, object]:
    """A rung above tier1, without which nothing would be judged; the gate never sends it any."""
    return {
        "name": "tier2",
        "kind": "openai",
        "model": "never-reached",
        "base_url": f"http://127.0.0.1:{port}/never",
        "api_key_env": KEY_ENV,
    }
