"""Which processes make the demo? The stand-in for the hosted APIs, and the server itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from rungwise.errors import ConfigError

__all__ = ["STANDIN_KEY", "DemoServer", "Standin", "demo_ladder", "standin", "with_standin"]

STANDIN_KEY = "standin-demo-key"
START_S = 240
"""Longer than any engine start seen, so that a slow machine is not taken for a broken one."""
STANDIN_KEY_ENV = "RUNGWISE_STANDIN_KEY"


class DemoServer:
    """A running server: where it listens, and where it writes its ledger."""

    def __init__(self, url: str, ledger: Path) -> None:
        self.url, self.ledger = url, ledger


@contextmanager
def demo_ladder(
    config: Path, folder: Path, port: int, tell: Callable[[str], None]
) -> Iterator[DemoServer]:
    """Start the stand-in and the server side by side; give the server once both are ready."""
    ledger = folder / "rungwise.db"
    with standin(config, folder, tell) as upstream:
        port = port or _free_port()
        url = f"http://127.0.0.1:{port}"
        document = with_standin(config, upstream.url, ledger)
        document["server"] = {"port": port}
        served = folder / "demo.yaml"
        served.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "rungwise", "serve", "--config", str(served)]
        with _process(command, folder / "serve.log") as process:
            tell(f"server: starting tier1's engine behind {url}")
            _wait(process, folder / "serve.log", lambda: _ready(url))
            upstream.wait()
            yield DemoServer(url, ledger)


class Standin:
    """The stand-in while it starts: where it will listen, and how to wait for it."""

    def __init__(self, url: str, wait: Callable[[], None]) -> None:
        self.url, self.wait = url, wait


@contextmanager
def standin(config: Path, folder: Path, tell: Callable[[str], None]) -> Iterator[Standin]:
    """Start the stand-in for the hosted APIs; it stops at the end."""
    port, port_file, log = _free_port(), folder / "standin.port", folder / "standin.log"
    command = [sys.executable, "-m", "rungwise.demo.standin", "--port", str(port)]
    command += ["--port-file", str(port_file), *_standin_models(config)]
    with _process(command, log) as process:
        tell("stand-in for the hosted APIs: starting its two engines")
        yield Standin(f"http://127.0.0.1:{port}", lambda: _wait(process, log, port_file.exists))


def with_standin(config: Path, standin: str, ledger: Path) -> dict[str, object]:
    """The demo's configuration with the stand-in's address and absolute paths filled in."""
    root = config.resolve().parent.parent
    document: dict[str, object] = yaml.safe_load(config.read_text(encoding="utf-8"))
    document["ledger"] = {"path": str(ledger)}
    for tier in _sections(document, "tiers"):
        if tier["kind"] == "vllm":
            tier["model"] = str(root / str(tier["model"]))
        elif "base_url" in tier:
            suffix = "/v1" if tier["kind"] == "openai" else ""
            tier["base_url"] = standin + suffix
    for gate in _sections(document, "gates"):
        if "calibration" in gate:
            gate["calibration"] = str(root / str(gate["calibration"]))
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


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, STANDIN_KEY_ENV: STANDIN_KEY}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environ
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    end = time.monotonic() + START_S
    while not ready():
        if process.poll() is not None:
            raise ConfigError(f"a demo process ended early: {_last_line(log)} (all of it: {log})")
        if time.monotonic() > end:
            raise ConfigError(f"a demo process was not ready after {START_S} s; see {log}")
        time.sleep(0.2)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
