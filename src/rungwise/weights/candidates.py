"""Which models could be run? The open ones that have a card, or one in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.tiers.cards import Card, find
from rungwise.tiers.shape import Shape
from rungwise.weights import manifest
from rungwise.weights.folder import read_folder
from rungwise.weights.memory import Precision

__all__ = ["Candidate", "carded", "named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    name: str
    shape: Shape | None
    """None: nothing is said of its memory."""
    context: int | None = None
    card: Card | None = None
    """Of a folder: that of what was fetched into it."""
    stored: str | None = None
    """Of a folder: how its weights are kept (`bf16`, `fp8`, `awq`, or another name)."""
    exact: int | None = None
    """Of a folder: the bytes of its weights."""

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """In what precisions it can be run: 16 bit can be made 8 bit while it loads, 4 bit needs a
        repository of its own."""
        if self.stored not in (None, "bf16"):
            return (self.stored,) if self.stored in ("fp8", "awq") else ()  # type: ignore[return-value]
        return ("bf16", "fp8", "awq") if self.stored is None else ("bf16", "fp8")

    def weights(self, precision: Precision, tensor: int) -> int | None:
        """The exact bytes on each GPU; None: as the shape has it."""
        if self.exact is None or self.stored != precision:
            return None
        return -(-self.exact // tensor)

    def repository(self, precision: Precision) -> str | None:
        """What to serve; None: no repository in this precision is known."""
        if precision != "awq" or self.stored == "awq":
            return self.name
        return self.card.local.awq if self.card and self.card.local else None

    @property
    def gated(self) -> bool:
        """A folder is here already."""
        return self.stored is None and bool(self.card and self.card.local and self.card.local.gated)


def carded(cards: Iterable[Card]) -> tuple[Candidate, ...]:
    return tuple(_of_card(card) for card in cards if card.local is not None)


def _of_card(card: Card) -> Candidate:
    shape = card.local.shape if card.local else None
    return Candidate(name=card.id, shape=shape, context=card.context, card=card)


def named(model: str, cards: Iterable[Card]) -> Candidate:
    """By the id of its card, the repository of its 4-bit weights, or its folder. Raises ConfigError
    where it is neither, or the folder cannot be read."""
    known = tuple(card for card in cards if card.local is not None)
    if (card := find(model, known)) is not None:
        return _of_card(card)
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise ConfigError(
            f"--model: {model!r} is no folder, and has no card; `rungwise models` lists the cards"
        )
    read, fetched = read_folder(folder), manifest.read(folder)
    known_as = fetched.repository if fetched is not None else None
    return Candidate(
        name=model,
        shape=read.shape,
        context=read.context,
        card=find(known_as, known) if known_as is not None else None,
        stored=read.stored,
        exact=read.exact,
    )
