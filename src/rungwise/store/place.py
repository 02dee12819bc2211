"""Where is a store: what is its address, and what of it may be told?"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

__all__ = ["path_of", "read_only", "secrets_of", "shown", "url_of"]

_FILE = "sqlite:///"
_SECRETS = ("password", "sslpassword", "passfile")


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
    parts = urlsplit(url)
    at = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme.partition('+')[0]}://{at}{parts.path}"


def secrets_of(url: str) -> list[str]:
    """What of an address no message may hold, as it is written there and as it is meant."""
    parts = urlsplit(url)
    written = [parts.password or "", *(v for k, v in parse_qsl(parts.query) if k in _SECRETS)]
    return [text for secret in written if secret for text in {secret, unquote(secret)}]


def read_only(path: Path, more: str = "") -> sqlite3.Connection:
    """A name may hold what means something in an address."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro{more}",
        uri=True,
        check_same_thread=False,
        isolation_level=None,
    )
