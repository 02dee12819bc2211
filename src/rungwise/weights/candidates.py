"""Which models could be run? The open ones that have a card, or one in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.tiers.cards import Card, find
from rungwise.tiers.shape import Shape
from rungwise.weights import manifest
from rungwise.weights.float16 import may_float16
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
    folder: Path | None = None
    """None: it is a repository of the hub."""
    stored: str | None = None
    """How its weights are kept (`bf16`, `fp8`, `awq`, or another name); None: as it is asked for,
    each precision in a repository of its own where it needs one."""
    float16: bool = True
    """Whether it may be computed in that, where a GPU has no bfloat16."""
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
        """A folder is here already, and of repositories in 4 bit nobody has told it."""
        return self.stored is None and bool(self.card and self.card.local and self.card.local.gated)


def carded(cards: Iterable[Card]) -> tuple[Candidate, ...]:
    return tuple(_of_card(card) for card in cards if card.local is not None)


def _of_card(card: Card) -> Candidate:
    shape = card.local.shape if card.local else None
    return Candidate(
        name=card.id,
        shape=shape,
        context=card.context,
        card=card,
        float16=may_float16(card, None),
    )


def named(model: str, cards: Iterable[Card]) -> Candidate:
    """By the id of its card, the repository of its 4-bit weights, or its folder; in small letters
    too. Raises ConfigError where it is none of them, or the folder cannot be read."""
    known = tuple(card for card in cards if card.local is not None)
    folder = Path(model).expanduser()
    if (found := _carded(model, known)) is not None:
        return found
    if model and folder.is_dir():
        return _of_folder(model, folder, known)
    raise ConfigError(
        f"--model: {model!r} is no folder, and has no card; `rungwise models` lists the cards"
    )


def _carded(model: str, known: Sequence[Card]) -> Candidate | None:
    if (card := find(model, known)) is not None:
        return _of_card(card)
    told = model.lower()
    for card in known:
        if card.local is not None and told == (card.local.awq or "").lower() != "":
            return replace(_of_card(card), name=str(card.local.awq), stored="awq")
        if told == card.id.lower() and not Path(model).expanduser().is_dir():
            return _of_card(card)
    return None


def _of_folder(model: str, folder: Path, known: Sequence[Card]) -> Candidate:
    read, fetched = read_folder(folder), manifest.read(folder)
    known_as = fetched.repository if fetched is not None else None
    return Candidate(
        name=model,
        shape=read.shape,
        context=read.context,
        card=find(known_as, known) if known_as is not None else None,
        folder=folder,
        stored=read.stored,
        float16=may_float16(None, read.model_type),
        exact=read.exact,
    )
