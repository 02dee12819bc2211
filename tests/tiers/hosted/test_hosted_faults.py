"""Whose fault is a failure, may it be billed all the same, and does nobody learn a secret?"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import aiohttp
import pytest

from rungwise.tiers.hosted.hosted_faults import (
    AT_ONCE_S,
    Malformed,
    Refused,
    fault_of,
    may_be_billed,
)
from rungwise.tiers.hosted.hosted_wire import Address, Wire

KEY: Any = None
UNSENT = [
    aiohttp.ClientConnectorError(KEY, OSError(111, "refused")),
    aiohttp.ClientProxyConnectionError(KEY, OSError(111, "refused")),
    aiohttp.ConnectionTimeoutError(),
    aiohttp.ServerFingerprintMismatch(b"", b"", "host", 1),
    ValueError("what is no JSON"),
]
SENT = [
    aiohttp.ServerDisconnectedError(),
    aiohttp.ClientOSError(104, "reset by peer"),
    aiohttp.ClientConnectionResetError(),
    ConnectionResetError(),
    TimeoutError(),
]


@pytest.mark.parametrize("error", UNSENT, ids=lambda e: type(e).__name__)
def test_what_was_never_sent_is_not_billed(error: Exception) -> None:
    assert not may_be_billed(error, took_s=60.0)


@pytest.mark.parametrize("error", SENT, ids=lambda e: type(e).__name__)
def test_what_was_sent_whole_may_be_billed(error: Exception) -> None:
    assert may_be_billed(error, took_s=0.0)


@pytest.mark.parametrize(
    ("status", "took_s", "billed"),
    [
        (400, 9.0, False),
        (429, 9.0, False),
        (500, 9.0, False),
        (503, 9.0, False),
        (408, 0.0, True),
        (504, 0.0, True),
        (524, 0.0, True),
        (502, AT_ONCE_S / 2, False),
        (502, AT_ONCE_S * 2, True),
    ],
)
def test_a_gateway_that_gave_up_says_nothing_of_what_stands_behind_it(
    status: int, took_s: float, billed: bool
) -> None:
    assert may_be_billed(Refused(status, "", ""), took_s=took_s) is billed


def test_a_lost_connection_is_not_said_to_be_none() -> None:
    lost = fault_of("t", aiohttp.ServerDisconnectedError(), opened=False, secret="")
    none = fault_of("t", UNSENT[2], opened=False, secret="")
    assert lost.fault == none.fault == "unavailable"
    assert "was lost before an answer" in lost.message and "no connection" in none.message


def test_a_stream_that_is_no_stream_was_not_refused() -> None:
    assert fault_of("t", Malformed("odd"), opened=False, secret="").message == "odd"


@pytest.mark.anyio
async def test_a_proxy_s_password_is_in_no_message() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy = f"http://user:hunter2@127.0.0.1:{port}"
    trust = ssl.create_default_context()
    wire = Wire(Address(url="https://api.example.com/v1", headers={}, proxy=proxy, trust=trust))
    with pytest.raises(aiohttp.ClientHttpProxyError) as caught:
        await wire.open({})
    await wire.close()
    server.close()
    assert "hunter2" in str(caught.value), "its own words would tell"
    fault = fault_of("t", caught.value, opened=False, secret="")
    assert (fault.fault, fault.message) == (
        "unavailable",
        "no connection: its proxy answered HTTP 407",
    )
    assert not may_be_billed(caught.value, took_s=0.0)


def test_an_address_that_is_none_is_not_told() -> None:
    error = aiohttp.InvalidURL("http://user:hunter2@", "no host")
    assert "hunter2" not in fault_of("t", error, opened=False, secret="").message
