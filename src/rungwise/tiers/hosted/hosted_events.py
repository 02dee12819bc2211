"""What do a stream's bytes say? Server-sent events, and the JSON in their data."""

from __future__ import annotations

import json
from typing import Any

from rungwise.tiers.hosted.hosted_faults import Malformed, failed

__all__ = ["Events", "Fields", "read_event"]

MOST_BYTES = 16 * 2**20
"""Longer than any event that is meant: an upstream that never ends a line must not fill memory."""


class Events:
    """Cuts a stream into its events' data, wherever the network has cut it.

    Only `data` is kept: every protocol here names an event's kind in its JSON too. As the
    standard has it, an event counts once its blank line has come.
    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        """The line that is not whole yet."""
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that is now whole. Raises Malformed for one without end."""
        if chunk and (self._after_cr or b"\r" in chunk):
            chunk = self._plain(chunk)
        *lines, rest = chunk.split(b"\n")
        self._size += len(chunk)
        if lines and self._line:
            lines[0] = b"".join([*self._line, lines[0]])
            self._line = []
        events = [data for line in lines if (data := self._take(line)) is not None]
        if rest:
            self._line.append(rest)
        if events:
            self._size = len(rest)
        if self._size > MOST_BYTES:
            raise Malformed(f"an event of the stream is over {MOST_BYTES >> 20} MiB")
        return events

    def _plain(self, chunk: bytes) -> bytes:
        """With line feeds alone; a carriage return ends a line too."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, line: bytes) -> bytes | None:
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b" ", 5) else line[5:])
        elif line == b"data":
            self._data.append(b"")
        elif not line and self._data:
            data, self._data = self._data, []
            return data[0] if len(data) == 1 else b"\n".join(data)
        return None


class Fields(dict[str, Any]):
    """A JSON object, its values read as attributes like those of the SDKs' types: None where
    there is none. What a dict has methods for (`items`, `get`, ...) must be read as a key."""

    __slots__ = ()

    __getattr__ = dict.get  # not a function of ours: it would cost five times as much


_JSON = json.JSONDecoder(object_hook=Fields)


def read_event(data: bytes) -> Fields:
    """One event. Raises Malformed for an error that came as one, and for what is no object;
    what decoding raises for what is no JSON."""
    event = _JSON.decode(data.decode())
    if not isinstance(event, Fields):
        raise Malformed(f"expected an object, not {type(event).__name__}")
    if event.get("error"):
        raise failed(event["error"])
    return event
