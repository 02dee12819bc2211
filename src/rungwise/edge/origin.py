"""Could somebody else's web page be behind this request? Asked where no key keeps it out.

A browser on this machine sends what any page tells it to, also to loopback: with that page's
`Origin`, and under a name of that page's own where its DNS answers 127.0.0.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from rungwise.config.loopback import is_loopback
from rungwise.edge.refusals import Foreign

__all__ = ["refuse_foreign"]


def refuse_foreign(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raises Foreign. A request that names neither host nor origin is no browser's."""
    for name, value in headers:
        if name not in (b"host", b"origin"):
            continue
        told = value.decode("latin-1")
        if not is_loopback(_host(told if name == b"origin" else f"http://{told}")):
            raise Foreign(
                f"{name.decode()}: {told!r:.80} is not this machine; without API keys only its own "
                "programs and pages may ask: set server.api_keys_env for others",
                param=name.decode(),
                code="foreign_origin",
            )


def _host(address: str) -> str:
    try:
        parts = urlsplit(address)
        return parts.hostname or "" if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""
