"""Which requests are refused before anybody has read them, or after they were to end?"""

from __future__ import annotations

from rungwise.errors import CallerError, RungwiseError

__all__ = [
    "Busy",
    "Draining",
    "Foreign",
    "LongHead",
    "NotHttp",
    "SlowBody",
    "SlowHead",
    "Stopping",
    "WrongKind",
]


class NotHttp(CallerError):
    """What arrived is not the protocol."""


class LongHead(CallerError):
    """The request's first line and headers are over the limit."""


class SlowHead(CallerError):
    """They did not arrive in time."""


class SlowBody(CallerError):
    """The body stopped arriving."""


class WrongKind(CallerError):
    """The body does not call itself JSON."""


class Foreign(CallerError):
    """No key keeps anybody out, and this is not from the machine's own pages and programs."""


class Busy(RungwiseError):
    """There are as many connections as there may be."""


class Draining(RungwiseError):
    """The server is about to end: open answers go on, new ones do not begin. `retry_after_s` is
    when it will be gone, and another may stand in its place."""

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__("the server is stopping and begins no new answers")
        self.retry_after_s = retry_after_s


class Stopping(RungwiseError):
    """The server ends, and the time that open answers had is over."""
