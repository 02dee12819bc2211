"""How much does this server cost over vLLM's own? Both on the same model, in turn, as ratios."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import yaml

from rungwise.errors import ConfigError
from rungwise.lab.children import child, free_port
from rungwise.lab.load import Round, interval_of_ratio, load
from rungwise.lab.machine import describe
from rungwise.lab.steps import generate
from rungwise.ledger.report import percentile

__all__ = ["bench_engine"]

KEY_ENV = "RUNGWISE_BENCH_KEY"
SERVERS = ("vllm", "off", "on")
"""vLLM's own server; ours with the gate off (a pinned tier); ours with it reading every token."""
PROSE = ("planning", "code_generation", "summarisation", "multi_step_reasoning", "open_chat")


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    port: int
    model: str


def bench_engine(arguments: argparse.Namespace) -> int:
    """Run every point and print a table. Exit status 1 when a server could not be measured."""
    if not (arguments.model / "config.json").exists():
        raise ConfigError(f"--model: no model in {arguments.model}; see scripts/train-demo-models")
    points = [(c, stream) for c in arguments.concurrency for stream in (False, True)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rungwise-bench-")))
        servers = stack.enter_context(_servers(arguments, folder))
        rounds = asyncio.run(_measure(servers, points, arguments))
    ratios = [
        _ratio(rounds[name, *point], rounds["vllm", *point], name, *point)
        for point in points
        for name in ("off", "on")
    ]
    print(_table(ratios))
    if arguments.json is not None:
        about = {
            "command": "rungwise bench engine",
            "machine": describe(),
            "model": "85M random parameters" if arguments.random_weights else str(arguments.model),
            "max_tokens": arguments.max_tokens,
            "rounds": arguments.rounds,
        }
        arguments.json.write_text(json.dumps({**about, "ratios": ratios}, indent=2) + "\n")
    return 0


async def _measure(
    servers: Sequence[Server], points: Sequence[tuple[int, bool]], arguments: argparse.Namespace
) -> dict[tuple[str, int, bool], list[Round]]:
    from tqdm import tqdm

    found: dict[tuple[str, int, bool], list[Round]] = {}
    with tqdm(total=len(points) * arguments.rounds * len(servers), unit="round") as bar:
        for concurrency, stream in points:
            count = await _requests_per_round(servers[0], concurrency, stream, arguments)
            for _ in range(arguments.rounds):
                for server in servers:
                    bodies = _bodies(server, stream, arguments.max_tokens)
                    done = await load(
                        "127.0.0.1", server.port, bodies, concurrency=concurrency, requests=count
                    )
                    found.setdefault((server.name, concurrency, stream), []).append(done)
                    bar.update()
    return found


async def _requests_per_round(
    server: Server, concurrency: int, stream: bool, arguments: argparse.Namespace
) -> int:
    """As many as fill `--seconds` on the reference; this also warms it up."""
    bodies = _bodies(server, stream, arguments.max_tokens)
    trial = await load(
        "127.0.0.1", server.port, bodies, concurrency=concurrency, requests=3 * concurrency
    )
    fill = round(trial.rps * float(arguments.seconds) / concurrency)
    return max(1, fill) * concurrency


def _bodies(server: Server, stream: bool, max_tokens: int) -> list[bytes]:
    """Steps of the suite that are answered in prose: some hundred shared tokens of system prompt,
    answers of up to 200. Greedy, so that every server writes the same."""
    shared = {
        "model": server.model,
        "max_tokens": max_tokens,
        "temperature": 0.0,
        "stream": stream,
        **({"stream_options": {"include_usage": True}} if stream else {}),
    }
    steps = (step for step in generate("test", 320, seed=3) if step.step_type in PROSE)
    return [
        json.dumps({**shared, "messages": list(step.messages)}).encode()
        for step in islice(steps, 96)
    ]


def _ratio(
    ours: list[Round], theirs: list[Round], gate: str, concurrency: int, stream: bool
) -> dict[str, object]:
    def pair(value: Callable[[Round], float]) -> list[float]:
        return list(interval_of_ratio([value(r) for r in ours], [value(r) for r in theirs]))

    rps, low, high = pair(lambda r: r.rps)
    return {
        "gate": gate,
        "concurrency": concurrency,
        "stream": stream,
        "rps": rps,
        "rps_interval": [low, high],
        "p50": pair(lambda r: percentile(r.latencies_s, 0.5) or 0.0)[0],
        "p95": pair(lambda r: percentile(r.latencies_s, 0.95) or 0.0)[0],
        "first_byte_p50": pair(lambda r: percentile(r.first_s, 0.5) or 0.0)[0],
        "reference_rps": sum(r.rps for r in theirs) / len(theirs),
        "requests": sum(r.requests for r in ours),
        "tokens_per_answer": sum(r.tokens for r in ours) / sum(r.requests for r in ours),
    }


def _table(ratios: Sequence[dict[str, object]]) -> str:
    lines = ["gate  concurrency  stream  requests/s ratio [95 %]   p50    p95    vLLM's requests/s"]
    for row in ratios:
        interval = row["rps_interval"]
        assert isinstance(interval, list)
        lines.append(
            f"{row['gate']:<5} {row['concurrency']:>11}  {row['stream']!s:<6}  "
            f"{row['rps']:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]      "
            f"{row['p50']:.3f}  {row['p95']:.3f}  {row['reference_rps']:>8.1f}"
        )
    return "\n".join(lines)


@contextmanager
def _servers(arguments: argparse.Namespace, folder: Path) -> Iterator[list[Server]]:
    """vLLM's own server and ours, each with an engine of its own on the same arguments.

    One of ours serves both gate settings: pinned requests are not judged, `auto` ones are.
    """
    theirs, ours = free_port(), free_port()
    model = str(arguments.model.resolve())
    if arguments.random_weights:
        model = str(_larger(arguments.model, folder / "larger"))
    engine = ["--dtype", arguments.dtype, "--max-model-len", "2048", "--max-num-seqs", "64"]
    engine += ["--enforce-eager", "--load-format", _load_format(arguments)]
    engine += ["--kv-cache-memory-bytes", str(2**28)]
    reference = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model]
    reference += ["--port", str(theirs), "--host", "127.0.0.1", "--served-model-name", "bench"]
    reference += [*engine, "--disable-log-stats", "--disable-uvicorn-access-log"]
    config = folder / "bench.yaml"
    config.write_text(yaml.safe_dump(_ours(arguments, model, ours, folder)), encoding="utf-8")
    own = [sys.executable, "-m", "rungwise", "serve", "--config", str(config)]
    with (
        child(reference, folder / "vllm.log") as vllm,
        child(own, folder / "serve.log", {KEY_ENV: "none"}) as rungwise,
    ):
        vllm.wait_for(f"http://127.0.0.1:{theirs}/health")
        rungwise.wait_for(f"http://127.0.0.1:{ours}/readyz")
        yield [
            Server("vllm", theirs, "bench"),
            Server("off", ours, "tier1"),
            Server("on", ours, "auto"),
        ]


def _ours(arguments: argparse.Namespace, model: str, port: int, folder: Path) -> dict[str, object]:
    """tier1 is read by a gate that always accepts, so that both servers write the same tokens."""
    accepting = {
        "name": "always",
        "model": "bench",
        "signals": ["mean_logprob", "worst_window_logprob"],
        "weights": [0.01, 0.01],
        "intercept": 20.0,
        "threshold": 0.01,
        "provenance": {
            "data": "none: accepts everything, for measuring only",
            "data_sha256": "",
            "count": 1,
            "right": 1,
            "date": "",
            "seed": 0,
            "max_loss": 1.0,
            "confidence": 0.0,
            "procedure": "none",
        },
    }
    calibration = folder / "always.json"
    calibration.write_text(json.dumps(accepting), encoding="utf-8")
    engine = {
        "dtype": arguments.dtype,
        "max_model_len": 2048,
        "max_num_seqs": 64,
        "kv_cache_gib": 0.25,
        "enforce_eager": True,
        "load_format": _load_format(arguments),
    }
    tier = {"kind": "vllm", "model": model, "served_as": "bench", "engine": engine}
    return {
        "server": {"port": port},
        "ledger": {"path": str(folder / "bench.db")},
        "tiers": [{"name": "tier1", **tier}, _never_reached(port)],
        "gates": [{"tier": "tier1", "calibration": str(calibration), "truncation": "return"}],
    }


def _load_format(arguments: argparse.Namespace) -> str:
    return "dummy" if arguments.random_weights else "auto"


def _larger(model: Path, folder: Path) -> Path:
    """The same model with larger matrices and no weights: vLLM makes up random ones."""
    folder.mkdir()
    for file in model.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, folder)
    config = json.loads((model / "config.json").read_text())
    config |= {"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 2048}
    config |= {"num_attention_heads": 12, "num_key_value_heads": 12, "head_dim": 64}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _never_reached(port: int) -> dict[str, object]:
    """A rung above tier1, without which nothing would be judged; the gate never sends it any."""
    return {
        "name": "tier2",
        "kind": "openai",
        "model": "never-reached",
        "base_url": f"http://127.0.0.1:{port}/never",
        "api_key_env": KEY_ENV,
    }
