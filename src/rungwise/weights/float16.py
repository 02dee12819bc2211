"""May a model compute in float16? Older GPUs have no bfloat16."""

from __future__ import annotations

from rungwise.tiers.cards import Card

__all__ = ["BFLOAT16_FROM", "may_float16"]

BFLOAT16_FROM = (8, 0)
"""The compute capability: below it vLLM computes in float16, or in 32 bit where that is refused."""
REFUSED = ("gemma2", "gemma3", "gemma3_text", "glm4")
"""By their `model_type`: vLLM's `_FLOAT16_NOT_SUPPORTED_MODELS` (0.32), for they overflow."""


def may_float16(card: Card | None, model_type: str | None) -> bool:
    """By the `model_type` of its config.json, or by the name of its card."""
    if model_type is not None:
        return model_type not in REFUSED
    name = card.id.rpartition("/")[2].lower().replace("-", "") if card is not None else ""
    return not name.startswith(REFUSED)
