"""A router as the server builds it, for a ladder of a test."""

from collections.abc import Sequence

from rungwise.build.routing import build_routing
from rungwise.config import RoutingConfig
from rungwise.contracts import Router, Tier

__all__ = ["routed"]


def routed(ladder: Sequence[Tier], config: RoutingConfig | None = None) -> Router:
    return build_routing(config or RoutingConfig(), ladder, lambda: 1e9).router
