"""Which keys are there? The table of keys: made, listed, revoked, given a new secret.

Each function is a job for `store.Store`: it has no effect but on its connection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from rungwise.access.rights import caller_of, rights_of
from rungwise.errors import ConfigError
from rungwise.store.tables import api_key
from rungwise.types import Caller

__all__ = ["StoredKey", "create", "keys", "revoke", "rotate"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TAKEN = re.compile(r"anonymous|golden|key[0-9]+")
"""Whom the server itself names so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key without its secret, which nobody has but its owner."""

    caller: Caller
    created_at: float
    revoked_at: float | None


def create(connection: Connection, caller: Caller, digest: str, *, at: float) -> None:
    """Raises ConfigError for a name that is taken, also by a key that was revoked: what was spent
    under a name stays with it."""
    name = caller.name
    if NAME.fullmatch(name) is None or TAKEN.fullmatch(name) is not None:
        raise ConfigError(
            f"NAME: {name!r:.80} cannot be a key's name; take up to 64 letters, digits and .-_ "
            "(and neither `anonymous` nor `key` with a number: the server calls callers so)"
        )
    if connection.execute(select(api_key.c.name).where(api_key.c.name == name)).first():
        raise ConfigError(
            f"NAME: there is, or was, a key {name!r}; take another name, or give it a new secret "
            "with `rungwise keys rotate`"
        )
    row = {"name": name, "digest": digest, "created_at": at, "rights": rights_of(caller)}
    connection.execute(insert(api_key).values(row))


def keys(connection: Connection) -> list[StoredKey]:
    """All of them by name, the revoked ones too."""
    return [
        StoredKey(
            caller=caller_of(row.name, row.rights),
            created_at=row.created_at,
            revoked_at=row.revoked_at,
        )
        for row in connection.execute(select(api_key).order_by(api_key.c.name))
    ]


def revoke(connection: Connection, name: str, *, at: float) -> None:
    """Raises ConfigError where there is no such key; one that was revoked stays so."""
    _known(connection, name)
    live = (api_key.c.name == name) & api_key.c.revoked_at.is_(None)
    connection.execute(update(api_key).where(live).values(revoked_at=at))


def rotate(connection: Connection, name: str, digest: str) -> None:
    """The same rights and spending under a new secret. Raises ConfigError where there is no such
    key, or it was revoked: that is for good."""
    if _known(connection, name) is not None:
        raise ConfigError(f"NAME: the key {name!r} was revoked; create another")
    connection.execute(update(api_key).where(api_key.c.name == name).values(digest=digest))


def _known(connection: Connection, name: str) -> float | None:
    """When it was revoked, if it was."""
    row = connection.execute(select(api_key.c.revoked_at).where(api_key.c.name == name)).first()
    if row is None:
        raise ConfigError(f"NAME: there is no key {name!r:.80}; see `rungwise keys list`")
    return None if row.revoked_at is None else float(row.revoked_at)
