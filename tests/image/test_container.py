"""Does what the image runs start, become ready, and end, as a user without rights in a clean root?

No docker runs here. The steps are the image's own: its entry script, its healthcheck, its user.
"""

from __future__ import annotations

import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from rungwise.lab.children import free_port
from tests.image.root import Root, made_root

PATIENCE_S = 60.0
ASK = {"model": "auto", "messages": [{"role": "user", "content": "Hello."}], "max_tokens": 8}
NOBODY = """
tiers:
  - {{name: tier2, kind: openai, model: m, api_key_env: SOME_KEY, base_url: 'http://127.0.0.1:9'}}
ledger: {{path: '{data}/rungwise.db'}}
access: {{stored_keys: true}}
"""
"""A rung at a port where nobody listens: it counts as well until it is asked."""


@pytest.fixture(scope="module")
def root() -> Iterator[Root]:
    with made_root() as root:
        told = root.run("sh", "-c", "rungwise --version", environ=root.environ())
        if told.returncode and "Permission denied" in told.stderr:
            pytest.skip("another user cannot read the packages of this checkout")
        yield root


class Container:
    def __init__(self, root: Root, environ: Mapping[str, str], process: subprocess.Popen[bytes]):
        self.root, self.environ, self.process = root, environ, process

    @property
    def is_ready(self) -> bool:
        return is_ready(self.root, self.environ)

    def get(self, path: str, key: str | None = None) -> httpx.Response:
        url = f"http://127.0.0.1:{self.environ['RUNGWISE_PORT']}{path}"
        return httpx.get(url, headers=bearer(key), trust_env=False)

    def ask(self, key: str) -> httpx.Response:
        url = f"http://127.0.0.1:{self.environ['RUNGWISE_PORT']}/v1/chat/completions"
        return httpx.post(url, json=ASK, headers=bearer(key), trust_env=False, timeout=PATIENCE_S)


def bearer(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


def is_ready(root: Root, environ: Mapping[str, str]) -> bool:
    """By the image's healthcheck."""
    return root.run(str(root.app / "scripts" / "ready"), environ=environ).returncode == 0


@contextmanager
def container(root: Root, environ: Mapping[str, str]) -> Iterator[Container]:
    """From its entry script to ready, and ended by a SIGTERM at the end, with exit status 0."""
    log = root.folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            root.as_user(str(root.app / "scripts" / "container")),
            env=environ,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        started, end = Container(root, environ, process), time.monotonic() + PATIENCE_S
        while not started.is_ready:
            assert process.poll() is None and time.monotonic() < end, log.read_text("utf-8")
            time.sleep(0.1)
        yield started
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 0, log.read_text("utf-8")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def configured(root: Root, name: str, text: str) -> dict[str, str]:
    file = root.folder / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o644)
    port = str(free_port())
    return root.environ(RUNGWISE_CONFIG=str(file), RUNGWISE_PORT=port, SOME_KEY="sk-of-nobody")


def test_it_starts_makes_its_keys_and_ends(root: Root) -> None:
    environ = configured(root, "nobody", NOBODY.format(data=root.data))
    assert not is_ready(root, environ)
    with container(root, environ) as first:
        made, scraped = root.data / "first-key", root.scrape / "prometheus-key"
        owner, prometheus = made.read_text().strip(), scraped.read_text()
        assert first.get("/v1/models").status_code == 401
        assert first.get("/v1/models", owner).status_code == 200
        shown = first.get("/metrics", prometheus)
        assert shown.status_code == 200 and "rungwise_answers_total" in shown.text
        assert 400 <= first.ask(prometheus).status_code < 500, "it may spend nothing"
        assert first.ask(owner).status_code == 503, "it may, and reaches a rung that is away"
        modes = [stat.S_IMODE(file.stat().st_mode) for file in (made, scraped)]
        assert modes == [0o600, 0o644], "another container's user reads the second"
        told = (root.folder / "log").read_text("utf-8")
        assert str(made) in told and owner not in told and prometheus not in told
        assert not root.written_elsewhere()
    with container(root, environ) as again:
        assert made.read_text().strip() == owner and scraped.read_text() != prometheus
        assert again.get("/metrics", owner).status_code == 200
        assert again.get("/metrics", prometheus).status_code == 401
        assert again.get("/metrics", scraped.read_text()).status_code == 200


def test_a_command_runs_in_its_place(root: Root) -> None:
    told = root.run(
        str(root.app / "scripts" / "container"), "rungwise", "--version", environ=root.environ()
    )
    assert told.returncode == 0 and told.stdout.startswith("rungwise ")


def test_what_it_was_given_wrongly_is_one_line_and_no_restart_loop_of_tracebacks(
    root: Root,
) -> None:
    environ = root.environ(RUNGWISE_CONFIG="configs/nowhere.yaml")
    told = root.run(str(root.app / "scripts" / "container"), environ=environ)
    last = told.stderr.strip().splitlines()[-1]
    assert told.returncode == 2 and "nowhere.yaml" in last and "Traceback" not in told.stderr


def test_without_a_configuration_one_is_made_that_fits_the_keys(root: Root) -> None:
    file = root.data / "made.yaml"
    told = root.run(
        "python",
        *("-m", "rungwise.cli.container"),
        *("--from", str(root.app / "configs" / "gpu-24g.yaml"), "--to", str(file)),
        environ=root.environ(ANTHROPIC_API_KEY="sk-of-nobody", HF_HUB_OFFLINE="1"),
    )
    assert told.returncode == 0, told.stderr
    made = yaml.safe_load(file.read_text("utf-8"))
    assert [tier["name"] for tier in made["tiers"] if "api_key_env" in tier] == ["tier3"]
    assert Path(made["ledger"]["path"]).parent == root.data
