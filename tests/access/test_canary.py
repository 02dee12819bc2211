"""Does a caller's secret stay with the caller? Looked for wherever this room or the door speaks."""

from __future__ import annotations

import logging
import traceback
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, select
from starlette.responses import PlainTextResponse

from rungwise.access.keybook import create, keys, revoke
from rungwise.access.keys import StoredKeyring
from rungwise.access.listing import as_json, as_table, listed
from rungwise.access.pace import LocalPace
from rungwise.access.secret import digest_of, new_secret
from rungwise.config import LimitsConfig
from rungwise.edge.closing import Closing
from rungwise.edge.door import Door
from rungwise.errors import NotAuthorised
from rungwise.store.sql import Store
from rungwise.store.tables import api_key
from rungwise.types import Caller

pytestmark = pytest.mark.anyio

LIMITS = LimitsConfig(requests_per_minute=2)


async def test_a_secret_is_in_no_log_body_value_or_database(
    store_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stored, own, wrong = new_secret(), "canary-of-the-environment", "canary-of-nobody"
    store = Store(store_url)
    await store.start()
    made = partial(create, caller=Caller(name="ci"), digest=digest_of(stored), at=1.0)
    await store.write(made)
    ring = StoredKeyring(store, refresh_s=0.05, limits=LIMITS, others=(own,))
    await ring.start()
    told: list[object] = [ring, vars(ring), vars(ring._others), ring.identify(stored)]
    door = Door(
        PlainTextResponse("ok"),
        keyring=ring,
        new_id=lambda: "req",
        closing=Closing(),
        pace=LocalPace(),
    )
    transport = httpx.ASGITransport(app=door)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for secret in (stored, own, wrong, stored[:-1]):
            for head in ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}) * 2:
                answer = await http.post("/v1/chat/completions", headers=head)
                told += [answer.status_code, answer.text, answer.headers]
    assert {200, 401, 429} <= {status for status in told if isinstance(status, int)}
    try:
        ring.identify(wrong)
    except NotAuthorised as error:
        told += [repr(error), *traceback.format_exception(error)]
    found = await store.read(partial(listed, limits=LIMITS, at=2.0))
    told += [found, as_table(found), as_json(found), await store.read(keys), made]
    await store.write(partial(revoke, name="ci", at=3.0))
    told += [await store.read(rows)]
    await ring.stop()
    await store.stop()
    files = files_of(tmp_path)
    for canary in (stored, own, wrong, stored.removeprefix("rw_")):
        assert canary not in caplog.text
        assert canary not in "\n".join(map(repr, told))
        assert not any(canary.encode() in kept for kept in files)


def files_of(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


def rows(connection: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(select(api_key))]
