"""Does what the image runs start, become ready, and end, as a user without rights in a clean root?

No docker runs here. The steps are the image's own: its entry script, its healthcheck, its user.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from rungwise.access.secret import digest_of
from rungwise.lab.children import free_port
from tests.image.root import USER, Root, made_root

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
    config = environ["RUNGWISE_CONFIG"]
    with container(root, environ) as first:
        made, scraped = root.data / "first-key", root.scrape / "prometheus-key"
        owner, prometheus = made.read_text().strip(), scraped.read_text()
        assert first.get("/v1/models").status_code == 401
        assert first.get("/v1/models", owner).status_code == 200
        rights = first.root.run("rungwise", "keys", "list", "--config", config, environ=environ)
        assert "sees all; outcomes noted" in rights.stdout
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


# ---- the caller's key, by starts that end before they listen -----------------------------------


@dataclass(frozen=True, slots=True)
class Box:
    """Its data, and what a start says there."""

    root: Root
    data: Path

    def start(self) -> str:
        environ = configured(self.root, self.data.name, NOBODY.format(data=self.data))
        environ |= {"RUNGWISE_DATA": str(self.data), "RUNGWISE_PORT": "none"}
        told = self.root.run(str(self.root.app / "scripts" / "container"), environ=environ)
        assert "Traceback" not in told.stderr and "argument --port" in told.stderr
        return told.stdout + told.stderr

    @property
    def key(self) -> Path:
        return self.data / "first-key"

    @property
    def scraped(self) -> str:
        return (self.root.scrape / "prometheus-key").read_text()

    @property
    def digests(self) -> Mapping[str, str]:
        """Of all keys that the ledger knows, by name."""
        with closing(sqlite3.connect(self.data / "rungwise.db")) as ledger:
            return dict(ledger.execute("select name, digest from api_key"))

    @property
    def opens(self) -> bool:
        """Whether the ledger knows the key that is in the file."""
        return self.digests["first"] == digest_of(self.key.read_text().strip())

    def keys(self, *told: str) -> str:
        """What `rungwise keys` prints."""
        environ = configured(self.root, self.data.name, NOBODY.format(data=self.data))
        config = environ["RUNGWISE_CONFIG"]
        made = self.root.run("rungwise", "keys", *told, "--config", config, environ=environ)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()


@pytest.fixture
def box(root: Root) -> Box:
    data = Path(tempfile.mkdtemp(dir=root.data))
    if os.getuid() == 0:
        os.chown(data, USER, USER)
    return Box(root, data)


def test_a_key_that_was_never_written_down_is_made_anew(box: Box) -> None:
    box.start()
    first = box.key.read_text()
    box.key.unlink()  # as if it was killed when the ledger had the key, and the file not yet
    half = box.key.with_name("first-key.half")
    half.touch()
    half.chmod(0o666)
    said = box.start()
    assert f"the first API key is in {box.key}" in said
    assert box.opens and box.key.read_text() != first and not half.exists()
    box.key.write_text("")  # and as a full disk may leave it
    box.start()
    assert box.opens
    kept = box.key.read_text()
    box.start()
    assert box.key.read_text() == kept, "what was written down stays"


def test_a_key_whose_file_its_owner_took_away_still_opens(box: Box) -> None:
    box.start()
    kept = box.key.read_text()
    box.key.unlink()
    said = box.start()
    assert f"no {box.key}; if it is lost: rungwise keys rotate first" in said
    assert not box.key.exists()
    box.key.write_text(kept)
    assert box.opens


def test_a_key_that_cannot_be_written_down_is_told_and_made_by_a_later_start(box: Box) -> None:
    half = box.key.with_name("first-key.half")
    half.mkdir()
    assert "could not be written" in box.start(), "before there is a key in the ledger"
    half.rmdir()
    half.symlink_to("/dev/full")
    said = box.start()
    assert "could not be written" in said and "room" in said and not box.key.exists()
    half.unlink()
    half.touch()  # what a full disk leaves
    half.chmod(0o666)
    box.start()
    assert box.opens


def test_a_key_of_prometheus_name_that_somebody_made_is_left_alone(box: Box) -> None:
    made = box.keys("create", "scraper", "--sees-all", "--cap", "5/month")
    assert "the key scraper is revoked, or was not made here" in box.start()
    assert box.digests["scraper"] == digest_of(made)
    first = box.scraped
    assert box.digests["scraper-2"] == digest_of(first)
    box.start()
    assert box.digests["scraper-2"] == digest_of(box.scraped) != digest_of(first)
    assert box.digests["scraper"] == digest_of(made) and set(box.digests) == {
        *("first", "scraper", "scraper-2")
    }


def test_a_key_of_prometheus_that_was_revoked_is_replaced(box: Box) -> None:
    said = box.start()
    assert "not made here" not in said and box.digests["scraper"] == digest_of(box.scraped)
    revoked = box.scraped
    box.keys("revoke", "scraper")
    box.start()
    assert box.scraped != revoked and box.digests["scraper-2"] == digest_of(box.scraped)
    box.start()
    assert box.digests["scraper-2"] == digest_of(box.scraped)


def test_a_ledger_that_does_not_open_is_told_with_its_reason(box: Box) -> None:
    (box.data / "rungwise.db").write_text("no database, and long enough to be none" * 100)
    assert "not a database" in box.start()


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
