"""What holds for every request to one upstream? Its section of the configuration, and its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from rungwise.config import AnthropicTierConfig, HostedTierConfig
from rungwise.tiers.cards import Card
from rungwise.tiers.hosted.dialects import OPENAI, Dialect, dialect_of
from rungwise.types import CacheMark, Effort

__all__ = ["Terms", "Thinks", "terms_of"]

CACHE_MINIMUM = 1024
"""Where the card does not say. A mark too early costs nothing: the API passes over it."""

Thinks: TypeAlias = Literal["none", "budgeted", "adaptive", "effort"]
"""How a model is asked to think: not at all, in so many tokens, as it finds fit, or at a level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`max_tokens` and `effort` hold where a caller does not say; None leaves them to the API."""

    tier: str
    model: str
    max_tokens: int | None = None
    effort: Effort | None = None
    efforts: tuple[Effort, ...] | None = None
    """Those that the model knows; None: not known, so any may be tried."""
    thinks: Thinks | None = None
    sampling: bool | None = None
    """Whether the model takes a temperature and a top_p; None: not known, or not always."""
    tools_with_effort: bool = True
    """Whether Chat Completions takes tools beside a named effort."""
    dialect: Dialect = OPENAI
    prompt_cache: bool = True
    """Whether prefixes are marked, or named, where the caller does not."""
    cache_minimum: int = CACHE_MINIMUM
    """Tokens that a prefix needs to be cached at all."""
    cache_ttl: CacheMark = "5m"

    def draws(self, effort: Effort | None) -> bool:
        """Whether temperature and top_p may be sent beside this effort: models that take them now
        and then do so only while they do not think."""
        thinks = self.thinks == "effort" and effort not in (None, "none")
        return self.sampling is True or (self.sampling is None and not thinks)


def terms_of(
    config: HostedTierConfig, card: Card | None = None, *, dialect: str | None = None
) -> Terms:
    """The section wins over the card; `dialect` is one of DIALECTS, None: as the address tells."""
    ttl: CacheMark = "5m"
    sampling = None if card is None else card.sampling
    if isinstance(config, AnthropicTierConfig):
        ttl = config.cache_ttl
        sampling = sampling if config.sampling is None else config.sampling
    return Terms(
        tier=config.name,
        model=config.model,
        max_tokens=config.max_tokens,
        effort=config.effort,
        efforts=None if card is None else card.efforts,
        thinks=None if card is None else card.thinking,
        sampling=sampling,
        tools_with_effort=card is None or card.tools_with_effort is not False,
        dialect=dialect_of(config.base_url, dialect),
        prompt_cache=config.prompt_cache,
        cache_minimum=(card.cache_from if card is not None else None) or CACHE_MINIMUM,
        cache_ttl=ttl,
    )
