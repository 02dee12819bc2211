"""How is text put into a body that no client can break apart? As JSON in ASCII."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii

from starlette.responses import JSONResponse

from rungwise.types import JsonObject

__all__ = ["Quoted", "encoded", "quoted"]


def quoted(text: str) -> str:
    # ASCII: some clients break lines at U+2028, and then an event falls apart
    return encode_basestring_ascii(text if text.isascii() else _whole(text))


def encoded(value: JsonObject) -> str:
    text = _ASCII.encode(value)
    return _ASCII.encode(json.loads(_whole(_ANY.encode(value)))) if "\\ud" in text else text


class Quoted(JSONResponse):
    """A body that tells names and reasons of others: half a surrogate pair in one, as a file of
    YAML can hold and no UTF-8, fails no answer."""

    def render(self, content: JsonObject) -> bytes:
        return encoded(content).encode("ascii")


def _whole(text: str) -> str:
    """Half a surrogate pair, which no strict parser takes, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


_ASCII = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_ANY = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
