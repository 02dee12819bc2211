"""No test gets off this machine unnoticed."""

import asyncio
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

ELSEWHERE = "192.0.2.1"  # kept for documentation, RFC 5737: nobody is there


def test_a_connection_to_another_machine_is_refused(stopped_at_the_door: list[str]) -> None:
    with pytest.raises(PermissionError, match="tests stay on loopback"):
        socket.create_connection((ELSEWHERE, 80), timeout=0.1)
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(PermissionError):
        sock.sendto(b"x", (ELSEWHERE, 53))
    assert {ELSEWHERE in told for told in stopped_at_the_door} == {True}
    stopped_at_the_door.clear()


@pytest.mark.anyio
async def test_code_that_swallows_the_refusal_is_found_out(stopped_at_the_door: list[str]) -> None:
    with suppress(OSError):
        await asyncio.open_connection("api.example.com", 443)
    async with httpx.AsyncClient(trust_env=False) as client:
        with suppress(httpx.HTTPError, OSError):
            await client.get("http://api.example.com/")
    assert len(stopped_at_the_door) == 2
    stopped_at_the_door.clear()


def test_whoever_tries_fails(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import contextlib, socket\n"
        "def test_it():\n"
        "    with contextlib.suppress(OSError):\n"
        "        socket.getaddrinfo('api.example.com', 443)\n"
    )
    pytest_on = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(pytest_on, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "tried getaddrinfo api.example.com" in done.stdout


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    assert socket.getaddrinfo("localhost", 80)
