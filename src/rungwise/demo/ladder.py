"""Which processes make the demo? The stand-in for the hosted APIs, and the server itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from rungwise.demo.run import first_answer
from rungwise.errors import ConfigError
from rungwise.lab.children import child, free_port

__all__ = ["STANDIN_KEY", "DemoServer", "Standin", "demo_ladder", "standin", "with_standin"]

STANDIN_KEY = "standin-demo-key"
STANDIN_KEY_ENV = "RUNGWISE_STANDIN_KEY"


class DemoServer:
    """A running server: where it listens, and where it writes its ledger.

    `first_answer_s` is how long after the start its embedded rung gave the first answer.
    """

    def __init__(self, url: str, ledger: Path, first_answer_s: float) -> None:
        self.url, self.ledger, self.first_answer_s = url, ledger, first_answer_s


@contextmanager
def demo_ladder(
    config: Path, folder: Path, port: int, tell: Callable[[str], None], *, audits: bool = True
) -> Iterator[DemoServer]:
    """Start the stand-in and the server side by side; give the server once both are ready. Without
    its audits nothing is asked beside what is measured."""
    began = time.monotonic()
    ledger = folder / "rungwise.db"
    with standin(config, folder, tell) as upstream:
        port = port or free_port()
        url = f"http://127.0.0.1:{port}"
        document = with_standin(config, upstream.url, ledger)
        document["server"] = {"port": port}
        if not audits:
            document.pop("audits", None)
        served = folder / "demo.yaml"
        served.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        command = ["rungwise", "serve", "--config", str(served)]
        with child(command, folder / "serve.log", {STANDIN_KEY_ENV: STANDIN_KEY}) as server:
            tell(f"server: starting tier1's engine behind {url}")
            server.wait_for(f"{url}/readyz")
            tell(f"first answer, by tier1: {first_answer(url)}")
            first_answer_s = time.monotonic() - began
            upstream.wait()
            yield DemoServer(url, ledger, first_answer_s)


class Standin:
    """The stand-in while it starts: where it will listen, and how to wait for it."""

    def __init__(self, url: str, wait: Callable[[], None]) -> None:
        self.url, self.wait = url, wait


@contextmanager
def standin(config: Path, folder: Path, tell: Callable[[str], None]) -> Iterator[Standin]:
    """Start the stand-in for the hosted APIs; it stops at the end. Raises ConfigError where there
    is no such configuration, or no model beside it."""
    if not config.exists():
        raise ConfigError(f"{config}: not found; run this in a checkout of rungwise")
    port, port_file = free_port(), folder / "standin.port"
    command = ["rungwise.demo.standin", "--port", str(port), "--port-file", str(port_file)]
    command += _standin_models(config)
    with child(command, folder / "standin.log") as process:
        tell("stand-in for the hosted APIs: starting its two engines")
        yield Standin(f"http://127.0.0.1:{port}", lambda: process.wait_until(port_file.exists))


def with_standin(config: Path, standin: str, ledger: Path) -> dict[str, object]:
    """The demo's configuration with the stand-in's address and absolute paths filled in; what is
    kept, is kept beside the ledger."""
    root = config.resolve().parent.parent
    document: dict[str, object] = yaml.safe_load(config.read_text(encoding="utf-8"))
    document["ledger"] = {"path": str(ledger)}
    box = document.get("box", {})
    assert isinstance(box, dict), "box in the demo's configuration has keys and values"
    document["box"] = {**box, "state": str(ledger.parent)}
    for tier in _sections(document, "tiers"):
        if tier["kind"] == "vllm":
            tier["model"] = str(root / str(tier["model"]))
        elif "base_url" in tier:
            suffix = "/v1" if tier["kind"] == "openai" else ""
            tier["base_url"] = standin + suffix
    for gate in _sections(document, "gates"):
        if "calibration" in gate:
            gate["calibration"] = str(root / str(gate["calibration"]))
    routing = document.get("routing", {})
    assert isinstance(routing, dict), "routing in the demo's configuration has keys and values"
    for choice in (routing, routing.get("shadow", {})):
        if "difficulty" in choice:
            choice["difficulty"] = str(root / choice["difficulty"])
    return document


def _sections(document: dict[str, object], key: str) -> list[dict[str, object]]:
    found = document.get(key, [])
    assert isinstance(found, list), f"{key} in the demo's configuration is a list"
    return found


def _standin_models(config: Path) -> list[str]:
    models = config.resolve().parent.parent / "models" / "demo"
    for folder in (models / "middle", models / "top"):
        if not (folder / "config.json").exists():
            raise ConfigError(f"{folder}: no model there; run scripts/train-demo-models")
    return ["--openai-model", str(models / "middle"), "--anthropic-model", str(models / "top")]
