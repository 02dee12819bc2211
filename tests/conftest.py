"""What every test shares: asyncio as the only backend of async tests, and no way off this machine.

What is sent from C without Python's sockets, and what other processes do, is not seen here.
"""

import ipaddress
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.browser import browser
from tests.databases import _redis_server, postgres_server, postgres_url, redis_url, store_url

__all__ = ["_redis_server", "browser", "postgres_server", "postgres_url", "redis_url", "store_url"]

settings.register_profile("untimed", deadline=None)  # no test asserts a time
settings.load_profile("untimed")

_stopped: list[str] = []
_open = False


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough", action="store_true", help="as many rounds as the README's numbers stand on"
    )


@pytest.fixture
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether there is time for every round, and not just for a few."""
    return bool(request.config.getoption("--thorough"))


@pytest.fixture
def usual_signals() -> Iterator[None]:
    """Also where nohup or `&` has made this process, and so its children, ignore some."""
    before = {n: signal.signal(n, signal.SIG_DFL) for n in (signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def stopped_at_the_door(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Every attempt to reach another machine is refused, and then fails the test that made it,
    even where the code under test takes the refusal for an error of its own. Tests marked `live`
    go out."""
    global _open
    _open = request.node.get_closest_marker("live") is not None
    _stopped.clear()
    yield _stopped
    _open = False
    assert not _stopped, f"tests stay on loopback; this one tried {', '.join(_stopped)}"


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket.") or _open:
        return
    match event, arguments:
        case (("socket.connect" | "socket.sendto" | "socket.sendmsg"), (sock, address, *_)):
            host = address[0] if isinstance(address, tuple) else None
            told = sock.family in (socket.AF_INET, socket.AF_INET6)
        case (("socket.getaddrinfo" | "socket.gethostbyname"), (host, *_)):
            told = True
        case _:
            return
    if told and not _is_loopback(host):
        _stopped.append(f"{event.removeprefix('socket.')} {host}")
        raise PermissionError(f"tests stay on loopback: {host}")


def _is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return False


sys.addaudithook(_guard)
