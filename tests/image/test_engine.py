"""Does an engine start in the image's clean root, without a network? What does it write, where?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.image.root import Root, made_root

pytestmark = pytest.mark.engine

PATIENCE_S = 420.0
CONFIG = """
tiers:
  - name: tier1
    kind: vllm
    model: {app}/models/demo/bottom
    engine: {{max_model_len: 1024, max_num_seqs: 4, kv_cache_gib: 0.25, enforce_eager: true}}
    restart: {{tries: 0}}
ledger: {{path: '{data}/rungwise.db'}}
access: {{stored_keys: true}}
"""
ASK = """
import json, sys, urllib.request
key, body = open(sys.argv[1]).read().strip(), json.dumps(json.loads(sys.argv[2])).encode()
head = {"authorization": f"Bearer {key}", "content-type": "application/json"}
asked = urllib.request.Request("http://127.0.0.1:8080/v1/chat/completions", body, head)
print(urllib.request.urlopen(asked, timeout=60).read().decode())
"""
CHAT = {"model": "tier1", "messages": [{"role": "user", "content": "Hello."}], "max_tokens": 8}
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "alone")
"""With no network but a loopback of its own."""


@pytest.fixture(scope="module")
def root() -> Iterator[Root]:
    if os.getuid() or subprocess.run([*ALONE, "true"], capture_output=True).returncode:
        pytest.skip("only root makes a network of its own, and becomes another user")
    with made_root() as root:
        told = root.run("sh", "-c", "rungwise --version", environ=root.environ())
        if told.returncode and "Permission denied" in told.stderr:
            pytest.skip("another user cannot read the packages of this checkout")
        yield root


@contextmanager
def container(root: Root, environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with (root.folder / "log").open("wb") as out:
        process = subprocess.Popen(
            [*ALONE, *root.as_user(str(root.app / "scripts" / "container"))],
            env=environ,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def beside(process: subprocess.Popen[bytes], root: Root, *command: str) -> Sequence[str]:
    """The command in the same network, of the same user."""
    return ("nsenter", f"--net=/proc/{process.pid}/ns/net", *root.as_user(*command))


def test_it_answers_on_its_own_engine_without_a_network_and_ends(root: Root) -> None:
    config = root.folder / "engine.yaml"
    config.write_text(CONFIG.format(app=root.app, data=root.data), encoding="utf-8")
    config.chmod(0o644)
    environ = root.environ(RUNGWISE_CONFIG=str(config))
    with container(root, environ) as process:

        def run(*command: str) -> subprocess.CompletedProcess[str]:
            asked = beside(process, root, *command)
            return subprocess.run(asked, env=environ, capture_output=True, text=True, timeout=90)

        while os.readlink(f"/proc/{process.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        end = time.monotonic() + PATIENCE_S
        while run(str(root.app / "scripts" / "ready")).returncode:
            assert process.poll() is None and time.monotonic() < end, said(root)
            time.sleep(0.2)
        answer = run("python", "-c", ASK, str(root.data / "first-key"), json.dumps(CHAT))
        assert answer.returncode == 0, answer.stderr + said(root)
        assert json.loads(answer.stdout)["rungwise"]["tier"] == "tier1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, said(root)
    assert not root.written_elsewhere()
    made = {path.name for path in (root.folder / "home").iterdir()}
    assert made <= {".cache"}, "all else in HOME would be lost with the container"


def said(root: Root) -> str:
    return (root.folder / "log").read_text("utf-8", errors="replace")
