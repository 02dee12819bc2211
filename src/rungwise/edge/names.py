"""Which names may stand in `model`, and what does each ask of the cascade?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rungwise.contracts import Tier
from rungwise.errors import UnknownModel
from rungwise.types import StepType

__all__ = ["Name", "Names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    id: str
    kind: Literal["alias", "tier", "model"]
    description: str
    tier: str | None = None
    """The tier it pins; None lets the cascade choose."""
    step_type: StepType | None = None

    @property
    def route(self) -> str:
        """What reports group by: bounded by the ladder's names."""
        return self.tier or self.id


class Names:
    """Every name of this ladder, in the order /v1/models lists them."""

    def __init__(self, ladder: Sequence[Tier]) -> None:
        self.tiers = tuple(tier.name for tier in ladder)
        found: dict[str, Name] = {}
        for name in _names(ladder):
            found.setdefault(name.id, name)
        self._found: Mapping[str, Name] = found

    def __iter__(self) -> Iterator[Name]:
        return iter(self._found.values())

    def find(self, id: str) -> Name:
        """Raises UnknownModel."""
        name = self._found.get(id)
        if name is None:
            raise UnknownModel(
                f"no model {id!r:.80}; there are auto, auto:<step type>, "
                f"{', '.join(self.tiers)} and the models of GET /v1/models",
                param="model",
                code="model_not_found",
            )
        return name


def _names(ladder: Sequence[Tier]) -> Iterator[Name]:
    """Where two share a name the earlier one has it: an alias before a tier before a model, and
    the lower of two rungs with the same model."""
    yield Name(id="auto", kind="alias", description="the cascade chooses the rung")
    for step_type in StepType:
        yield Name(
            id=f"auto:{step_type.value}",
            kind="alias",
            description=f"the cascade chooses the rung for {step_type.value.replace('_', ' ')}",
            step_type=step_type,
        )
    for tier in ladder:
        where = "on this machine" if tier.local else "hosted"
        description = f"always {tier.model}, {where}"
        yield Name(id=tier.name, kind="tier", description=description, tier=tier.name)
    for tier in ladder:
        description = f"always tier {tier.name}"
        yield Name(id=tier.model, kind="model", description=description, tier=tier.name)
