"""Where is a store: what is its address, and what of it may be told?"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

__all__ = ["path_of", "read_only", "secrets_of", "shown", "url_of"]

_FILE = "sqlite:///"
_SECRETS = ("password", "sslpassword", "passfile")
LEAST = 4
"""Less than that of a password tells nothing, and is in too many words."""


def url_of(place: str | Path) -> str:
    """The address that SQLAlchemy takes: of a file by its path, of Postgres by its own address."""
    text = str(place)
    if isinstance(place, Path) or "://" not in text:
        return _FILE + quote(text)
    scheme, rest = text.split("://", 1)
    return f"postgresql+psycopg://{rest}" if scheme in ("postgresql", "postgres") else text


def path_of(url: str) -> Path | None:
    """The file behind an address; None where it is none."""
    return Path(unquote(url.removeprefix(_FILE))) if url.startswith(_FILE) else None


def shown(place: str | Path) -> str:
    """What messages call it: a file's path, or server and database without user and password."""
    url = url_of(place)
    path = path_of(url)
    if path is not None:
        return str(path)
    scheme, _, after = _parted(url)
    where = after.partition("?")[0]
    return f"{scheme.partition('+')[0]}://{where}"


def secrets_of(url: str) -> list[str]:
    """What of an address no message may hold, as it is written there and as it is meant."""
    _, before, _ = _parted(url)
    password = before.partition(":")[2]
    asked = parse_qsl(url.partition("?")[2])
    pieces = (piece for piece in password.split("@") if len(piece) >= LEAST)
    written = [password, *pieces, *(value for key, value in asked if key in _SECRETS)]
    return [text for secret in written if secret for text in {secret, unquote(secret)}]


def _parted(url: str) -> tuple[str, str, str]:
    """Scheme, user with password, and the rest. A password may hold what it should have quoted, and
    so may a value after the question mark."""
    scheme, _, rest = url.partition("://")
    head, mark, asked = rest.partition("?")
    if "@" in head or "=" in asked.partition("@")[0]:  # else the mark is within the password
        before, _, after = head.rpartition("@")
        return scheme, before, after + mark + asked
    before, _, after = rest.rpartition("@")
    return scheme, before, after


def read_only(path: Path, more: str = "") -> sqlite3.Connection:
    """A name may hold what means something in an address."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro{more}",
        uri=True,
        check_same_thread=False,
        isolation_level=None,
    )
