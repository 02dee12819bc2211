"""Which gateways are compared before the same fixed upstream? Each one a child of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from rungwise.lab.bench.fixed_upstream import MODEL
from rungwise.lab.children import Child, child, free_port

__all__ = ["Gateway", "bare", "bodies", "litellm", "passthrough", "rungwise", "together"]

KEYS_ENV, UPSTREAM_ENV = "RUNGWISE_BENCH_KEYS", "RUNGWISE_BENCH_KEY"
KEY = "sk-bench-0123456789"
"""No secret: it opens nothing but the children of one measurement."""
_ENVIRON = {KEYS_ENV: KEY, UPSTREAM_ENV: KEY}
SYSTEM = "You are a careful assistant. " * 12
QUESTION = "Which of these three orders should be shipped first, and why? " * 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    name: str
    port: int
    model: str = MODEL
    key: str | None = None
    pid: int = 0
    """Of the process that answers, where that is known."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def bodies(gateway: Gateway, *, stream: bool) -> list[bytes]:
    """One agent step of some 700 characters, numbered so that no two in a row are equal."""
    return [json.dumps(_request(gateway.model, i, stream)).encode() for i in range(32)]


def _request(model: str, number: int, stream: bool) -> dict[str, object]:
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": f"{number}: {QUESTION}"},
        ],
        "max_tokens": 64,
        "temperature": 0.0,
        "stream": stream,
        **({"stream_options": {"include_usage": True}} if stream else {}),
    }


@contextmanager
def bare(folder: Path, tokens: int) -> Iterator[Gateway]:
    """The upstream itself."""
    port = free_port()
    command = ["rungwise.lab.bench.fixed_upstream", "--port", str(port), "--tokens", str(tokens)]
    with child(command, folder / "upstream.log") as process:
        process.wait_for(f"http://127.0.0.1:{port}/")
        yield Gateway(name="bare", port=port)


@contextmanager
def rungwise(
    folder: Path, upstream: Gateway, *, name: str = "rungwise", rungs: int = 1
) -> Iterator[Gateway]:
    """This server with keys, a price, a cap, its ledger and its metrics, and one hosted rung, or
    as many of them as are asked for."""
    config, port = _configured(folder, upstream, name, rungs)
    command = ["rungwise", "serve", "--config", str(config)]
    with child(command, folder / f"{name}.log", _ENVIRON) as process:
        process.wait_for(f"http://127.0.0.1:{port}/readyz")
        yield _gateway(name, port, process)


@contextmanager
def together(
    folder: Path, upstream: Gateway, names: Sequence[str], *, watched: str
) -> Iterator[Sequence[Gateway]]:
    """So many of this server in one process, in this order; of all but the one that is `watched`
    nothing is counted of an answer but in the ledger."""
    made = {name: _configured(folder, upstream, name, 1) for name in names}
    command = ["rungwise.cli.together"]
    for name, (config, _) in made.items():
        command += ["--config" if name == watched else "--unwatched", str(config)]
    with child(command, folder / "together.log", _ENVIRON) as process:
        for _, port in made.values():
            process.wait_for(f"http://127.0.0.1:{port}/readyz")
        yield [_gateway(name, port, process) for name, (_, port) in made.items()]


def _gateway(name: str, port: int, process: Child) -> Gateway:
    return Gateway(name=name, port=port, model="auto", key=KEY, pid=process.process.pid)


def _configured(folder: Path, upstream: Gateway, name: str, rungs: int) -> tuple[Path, int]:
    """Its configuration, and where it will listen."""
    port = free_port()
    tiers = [_rung(f"tier{2 + number}", upstream) for number in range(rungs)]
    document = {
        "server": {"port": port, "api_keys_env": KEYS_ENV},
        "ledger": {"path": str(folder / f"{name}.db")},
        "access": {"limits": {"caps": [{"usd": 1_000_000, "window": "day"}]}},
        "tiers": tiers,
    }
    config = folder / f"{name}.yaml"
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    return config, port


def _rung(name: str, upstream: Gateway) -> dict[str, object]:
    return {
        "name": name,
        "kind": "openai",
        "model": MODEL,
        "base_url": f"{upstream.url}/v1",
        "api_key_env": UPSTREAM_ENV,
        "price": {"input": 1.0, "output": 4.0, "cache_read": 0.1},
    }


@contextmanager
def passthrough(folder: Path, upstream: Gateway) -> Iterator[Gateway]:
    port = free_port()
    command = ["rungwise.lab.bench.passthrough", "--port", str(port), "--upstream", upstream.url]
    with child(command, folder / "passthrough.log") as process:
        process.wait_for(f"http://127.0.0.1:{port}/openapi.json")
        yield Gateway(name="passthrough", port=port)


@contextmanager
def litellm(folder: Path, upstream: Gateway, program: Path) -> Iterator[Gateway]:
    """LiteLLM's proxy as it comes, with a key and one worker. `program` is its executable, of
    whatever environment."""
    port = free_port()
    document = {
        "model_list": [
            {
                "model_name": MODEL,
                "litellm_params": {
                    "model": f"openai/{MODEL}",
                    "api_base": f"{upstream.url}/v1",
                    "api_key": KEY,
                },
            }
        ],
        "general_settings": {"master_key": KEY},
    }
    config = folder / "litellm.yaml"
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    command = ["rungwise.lab.bench.outside", str(program), "--config", str(config)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    quiet = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with child(command, folder / "litellm.log", quiet) as process:
        process.wait_for(f"http://127.0.0.1:{port}/health/liveliness")
        yield Gateway(name="litellm", port=port, key=KEY)
