"""What does a chat need that this rung cannot do? By its card, its protocol and its section."""

from __future__ import annotations

from dataclasses import dataclass

from rungwise.config import TierConfig, VllmTierConfig
from rungwise.tiers.cards import Card
from rungwise.tiers.local.vllm_request import fetched_image
from rungwise.tiers.size import about_tokens, fewest_tokens
from rungwise.types import SHORT_CONTEXT, Ability, Chat

__all__ = ["Abilities", "abilities_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What is not known, can be tried."""

    context: int | None = None
    images: bool = True
    fetches: bool = True
    """Images by their addresses."""
    stops: bool = True
    tools: bool = True
    forced_tools: bool = True
    structured: bool = True
    thinking: bool = True
    json_mode: bool = True
    many: bool = True
    logprobs: bool = True

    def lacks(self, chat: Chat) -> str | None:
        """In a few words, to be put after the rung's name; None where it can try.

        Whether prompt and answer fit is the upstream's to say where it is not plain: only what
        would be too long with few tokens for its characters is too long here.
        """
        if (lack := self._needed(chat.wish.needs)) is not None:
            return lack
        if not self.images and any(message.images for message in chat.messages):
            return "takes no images"
        if not self.fetches and fetched_image(chat) is not None:
            return "fetches no images: it takes them as data: URLs"
        if chat.tools and (lack := self._tools(chat)) is not None:
            return lack
        if chat.shape is not None and (lack := self._shape(chat)) is not None:
            return lack
        sampling = chat.sampling
        if not self.many and sampling.n > 1:
            return f"writes one answer, not n={sampling.n}"
        if not self.stops and sampling.stop:
            return "knows no stop sequences"
        if not self.logprobs and sampling.top_logprobs is not None and not chat.labels:
            return "gives no log-probabilities"
        return self._length(chat)

    def _needed(self, needs: frozenset[Ability]) -> str | None:
        """What the caller asks for, though nothing in the chat may use it."""
        if not self.images and "images" in needs:
            return "takes no images"
        if not self.tools and "tools" in needs:
            return "has no tools"
        if not self.structured and "structured" in needs:
            return "cannot keep to a JSON schema"
        if not self.thinking and "thinking" in needs:
            return "does not think before it answers"
        return None

    def _tools(self, chat: Chat) -> str | None:
        mode = chat.tool_choice.mode
        if not self.tools and mode != "none":
            return "has no tools"
        if not self.forced_tools and mode in ("required", "named"):
            return "cannot be made to call a tool"
        return None

    def _shape(self, chat: Chat) -> str | None:
        if chat.shape is not None and chat.shape.schema is not None:
            return None if self.structured else "cannot keep to a JSON schema"
        return None if self.json_mode else "has no JSON mode"

    def _length(self, chat: Chat) -> str | None:
        if self.context is None:
            return None
        answer = chat.sampling.max_tokens or 0
        if fewest_tokens(chat) + answer <= self.context:
            return None
        about = _round(about_tokens(chat) + answer)
        return f"{SHORT_CONTEXT} {self.context:,} tokens, too short for about {about:,}"


def _round(tokens: int) -> int:
    """To two digits, upwards: it is an estimate, and longer than the context."""
    step = int("1" + "0" * (len(str(tokens)) - 2))
    return -(-tokens // step) * step


def abilities_of(config: TierConfig, card: Card | None) -> Abilities:
    """The section's `context`, or the engine's, wins over the card's."""
    context = config.context
    if context is None and isinstance(config, VllmTierConfig):
        context = config.engine.max_model_len
    if context is None and card is not None:
        context = card.context
    kind = getattr(config, "kind", "")
    return Abilities(
        context=context,
        images=_may(card, "images"),
        fetches=kind != "vllm",
        stops=kind != "responses",
        tools=_may(card, "tools"),
        forced_tools=_may(card, "forced_tools"),
        structured=_may(card, "structured"),
        thinking=card is None or card.thinking != "none",
        json_mode=_may(card, "json_mode"),
        many=kind not in ("anthropic", "responses") and _may(card, "many"),
        logprobs=kind != "anthropic" and _may(card, "logprobs"),
    )


def _may(card: Card | None, ability: str) -> bool:
    return getattr(card, ability, None) is not False
