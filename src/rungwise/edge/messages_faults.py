"""How is a failure told to an Anthropic client? In the protocol's own body, or as an event."""

from __future__ import annotations

from rungwise.edge.quoting import encoded

__all__ = ["PATH", "error_body", "error_event"]

PATH = "/v1/messages"
"""Here, and below it, failures are told so: also before a route is found."""


def error_body(kind: str, message: str, id: str) -> str:
    """ASCII, on one line. `kind` is one of the protocol's; `id` is the request's."""
    error = {"type": kind, "message": message}
    return encoded({"type": "error", "error": error, "request_id": id})


def error_event(body: str) -> str:
    return f"event: error\ndata: {body}\n\n"
