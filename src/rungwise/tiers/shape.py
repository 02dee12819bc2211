"""How large is a model? The numbers from which follows what memory it needs."""

from __future__ import annotations

from pydantic import Field

from rungwise.config.section import Section

__all__ = ["Attention", "Shape"]


class Attention(Section):
    """Layers that keep keys and values of their own, all alike."""

    layers: int = Field(ge=1)
    kv_heads: int = Field(ge=1)
    head_size: int = Field(ge=1)
    window: int | None = Field(default=None, ge=1, description="tokens looked back at; unset: all")


class Shape(Section):
    """Names follow a model's config.json; parameters are counted as vLLM holds them, so that an
    output embedding which is the input's counts once."""

    parameters: int = Field(ge=1)
    embedding: int = Field(
        ge=0, description="of them, the vocabulary's: 16 bit also where the rest is quantised"
    )
    towers: int = Field(
        default=0, ge=0, description="of them, what reads images and sound: as well"
    )
    hidden: int = Field(ge=1)
    intermediate: int = Field(ge=1)
    heads: int = Field(ge=1)
    vocabulary: int = Field(ge=1)
    attention: tuple[Attention, ...] = Field(min_length=1)

    @property
    def linear(self) -> int:
        """The parameters that quantisation makes smaller, and that compute."""
        return max(0, self.parameters - self.embedding - self.towers)
