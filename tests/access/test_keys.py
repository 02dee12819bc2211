"""Which keys does a server know, and how soon does it forget one?"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from rungwise.access.keybook import create, keys, revoke, rotate
from rungwise.access.keys import StoredKeyring
from rungwise.access.secret import digest_of, new_secret
from rungwise.config import LimitsConfig
from rungwise.errors import ConfigError, NotAuthorised
from rungwise.store.sql import Store
from rungwise.types import Caller

pytestmark = pytest.mark.anyio

REFRESH_S = 0.05


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = Store(store_url)
    await store.start()
    yield store
    await store.stop()


@asynccontextmanager
async def keyring(store: Store, *others: str, **limits: int) -> AsyncIterator[StoredKeyring]:
    ring = StoredKeyring(store, refresh_s=REFRESH_S, limits=LimitsConfig(**limits), others=others)
    await ring.start()
    try:
        yield ring
    finally:
        await ring.stop()


async def made(store: Store, caller: Caller) -> str:
    secret = new_secret()
    await store.write(partial(create, caller=caller, digest=digest_of(secret), at=1.0))
    return secret


def known(ring: StoredKeyring, secret: str) -> bool:
    try:
        ring.identify(secret)
    except NotAuthorised:
        return False
    return True


async def soon(is_so: Callable[[], bool]) -> None:
    """The promise is `refresh_s`; how busy this machine is, is not promised."""
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(REFRESH_S / 5)


def test_a_secret_has_256_random_bits_and_a_prefix_that_tells_what_it_opens() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch(r"rw_[A-Za-z0-9_-]{43}", secret) for secret in secrets)


async def test_a_key_brings_its_rights_and_the_configured_limits(store: Store) -> None:
    own = Caller(name="ci", tiers=frozenset({"t1"}), local_only=True, concurrent=2)
    secret = await made(store, own)
    async with keyring(store, requests_per_minute=60, concurrent=9) as ring:
        assert ring.identify(secret) == Caller(
            name="ci",
            tiers=frozenset({"t1"}),
            local_only=True,
            concurrent=2,
            requests_per_minute=60,
        )


@pytest.mark.parametrize("secret", [None, "", "rw_", "\ud800", "rw_" + 43 * "A"])
async def test_without_a_known_key_nobody_comes_in(store: Store, secret: str | None) -> None:
    async with keyring(store) as ring:
        with pytest.raises(NotAuthorised) as caught:
            ring.identify(secret)
        assert not secret or len(secret) < 4 or secret not in caught.value.message


async def test_a_server_that_has_not_read_the_keys_lets_nobody_in(store: Store) -> None:
    ring = StoredKeyring(store, refresh_s=1, limits=LimitsConfig())
    with pytest.raises(NotAuthorised):
        ring.identify(None)
    await ring.stop()


async def test_keys_of_the_environment_stand_beside_the_stored_ones(store: Store) -> None:
    secret = await made(store, Caller(name="ci"))
    async with keyring(store, "one-secret", requests_per_minute=7) as ring:
        assert ring.identify(secret).name == "ci"
        assert ring.identify("one-secret") == Caller(
            name="key1", requests_per_minute=7, sees_all=True
        )


async def test_a_revoked_key_is_refused_and_a_new_one_known_without_a_restart(
    store: Store,
) -> None:
    secret = await made(store, Caller(name="ci"))
    async with keyring(store) as ring:
        assert known(ring, secret)
        await store.write(partial(revoke, name="ci", at=2.0))
        other = await made(store, Caller(name="cd"))
        await soon(lambda: not known(ring, secret) and known(ring, other))


async def test_a_rotated_key_keeps_its_name_and_rights_under_another_secret(store: Store) -> None:
    old, new = await made(store, Caller(name="ci", local_only=True)), new_secret()
    async with keyring(store) as ring:
        await store.write(partial(rotate, name="ci", digest=digest_of(new)))
        await soon(lambda: known(ring, new))
        assert not known(ring, old)
        assert ring.identify(new) == Caller(name="ci", local_only=True)


async def test_a_key_whose_rights_cannot_be_read_is_refused_and_the_others_hold(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    good = await made(store, Caller(name="ci"))
    bad = await made(store, Caller(name="newer"))

    def spoil(connection: Connection) -> None:
        connection.exec_driver_sql(
            """update api_key set rights = '{"god_mode":true}' where name = 'newer'"""
        )

    await store.write(spoil)
    async with keyring(store) as ring:
        assert known(ring, good) and not known(ring, bad)
    assert "newer" in caplog.text


async def test_while_the_database_fails_the_last_known_keys_hold_and_the_log_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys.db"
    store = Store(path)
    await store.start()
    secret = await made(store, Caller(name="ci"))
    async with keyring(store) as ring:
        with sqlite3.connect(path) as other:
            other.execute("alter table api_key rename to gone")
        await soon(lambda: bool(complaints(caplog)))
        await asyncio.sleep(3 * REFRESH_S)
        assert len(complaints(caplog)) == 1 and known(ring, secret)
        with sqlite3.connect(path) as other:
            other.execute("alter table gone rename to api_key")
        other.close()
        await store.write(partial(revoke, name="ci", at=2.0))
        await soon(lambda: not known(ring, secret))
    await store.stop()


def complaints(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if "the last known ones hold" in record.message]


@pytest.mark.parametrize(
    "name", ["", "a b", "-x", "é", "a/b", 65 * "a", "anonymous", "key1", "key12", "x\n"]
)
async def test_a_name_is_plain_and_none_that_the_server_gives(store: Store, name: str) -> None:
    with pytest.raises(ConfigError, match="NAME"):
        await made(store, Caller(name=name))


async def test_a_name_is_given_once_also_after_it_was_revoked(store: Store) -> None:
    await made(store, Caller(name="ci"))
    with pytest.raises(ConfigError, match="there is, or was, a key 'ci'"):
        await made(store, Caller(name="ci"))
    await store.write(partial(revoke, name="ci", at=2.0))
    await store.write(partial(revoke, name="ci", at=3.0))
    with pytest.raises(ConfigError, match="there is, or was"):
        await made(store, Caller(name="ci"))
    with pytest.raises(ConfigError, match="was revoked"):
        await store.write(partial(rotate, name="ci", digest="d"))
    (key,) = await store.read(keys)
    assert (key.caller, key.created_at, key.revoked_at) == (Caller(name="ci"), 1.0, 2.0)


async def test_a_name_that_is_not_known_cannot_be_revoked_or_rotated(store: Store) -> None:
    for job in (partial(revoke, name="no", at=1.0), partial(rotate, name="no", digest="d")):
        with pytest.raises(ConfigError, match="there is no key 'no'"):
            await store.write(job)
