"""What can a model do, and how long will it be there? The cards in models/cards/."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from rungwise.config import TierConfig
from rungwise.config.section import Section
from rungwise.errors import ConfigError
from rungwise.tiers.shape import Shape
from rungwise.types import Effort

__all__ = ["Card", "LocalCard", "card_of", "find", "is_snapshot", "read_cards", "shipped"]

_SNAPSHOT = re.compile(r"(-20\d{2}-\d{2}-\d{2}|-20\d{6}|@.+)")
"""What a provider appends to a model's id for one dated state of it."""


class LocalCard(Section):
    """How an open model is served on one's own GPU; names follow vLLM's."""

    hub: str = Field(description="the repository on the Hugging Face hub")
    revision: str | None = Field(default=None, description="a commit; unset: not pinned")
    dtype: Literal["bfloat16", "float16", "float32"] | None = None
    tool_parser: str | None = None
    reasoning_parser: str | None = None
    gated: bool | None = Field(default=None, description="its licence must be accepted on the hub")
    awq: str | None = Field(default=None, description="a repository of it in 4 bit; unset: unknown")
    shape: Shape | None = Field(default=None, description="unset: nothing is said of its memory")

    def pinned(self, repository: str) -> str | None:
        """The commit of its repository; of another, such as that in 4 bit, none is known."""
        return self.revision if repository == self.hub else None


class Card(Section):
    """One model. What is null is not known, and lacks nothing."""

    id: str = Field(min_length=1)
    aliases: tuple[str, ...] = ()
    provider: Literal["anthropic", "openai", "google", "meta", "alibaba"]
    api: Literal["chat", "responses", "messages", "local"] = Field(
        description="chat: also what answers on the Responses API; responses: only there"
    )
    context: int | None = Field(default=None, ge=1, description="prompt and answer together")
    max_output: int | None = Field(default=None, ge=1, description="of an answer, with thinking")
    images: bool | None = None
    image_tokens: int | None = Field(default=None, ge=1, description="of one image at most")
    tools: bool | None = None
    parallel_tools: bool | None = None
    forced_tools: bool | None = None
    tools_with_effort: bool | None = Field(
        default=None, description="on Chat Completions: takes tools and a named effort at once"
    )
    structured: bool | None = Field(default=None, description="answers by a JSON schema")
    json_mode: bool | None = Field(default=None, description="answers in JSON without a schema")
    sampling: bool | None = Field(default=None, description="takes temperature and top_p")
    many: bool | None = Field(default=None, description="several answers at once (n)")
    logprobs: bool | None = None
    thinking: Literal["none", "budgeted", "adaptive", "effort"] | None = Field(
        default=None,
        description="budgeted: so many tokens; adaptive: as it sees fit; effort: a level",
    )
    efforts: tuple[Effort, ...] | None = None
    cache_from: int | None = Field(
        default=None, ge=1, description="the shortest prefix, in tokens, that is cached"
    )
    shutdown: date | None = None
    successor: str | None = None
    as_of: date
    local: LocalCard | None = None


def is_snapshot(told: str, model: str) -> bool:
    """Whether an id is this model's, or names one dated state of it."""
    told, model = told.removeprefix("models/"), model.removeprefix("models/")  # Gemini's own way
    model = model.removesuffix("-latest")
    return told == model or (
        told.startswith(model) and _SNAPSHOT.fullmatch(told, len(model)) is not None
    )


def find(model: str, cards: Iterable[Card]) -> Card | None:
    """The card of this id, of this alias, or of the model of which this is a dated state."""
    known = tuple(cards)
    exact = (card for card in known if model in (card.id, *card.aliases))
    dated = (card for card in known if any(is_snapshot(model, n) for n in (card.id, *card.aliases)))
    return next(exact, None) or next(dated, None)


def card_of(config: TierConfig, cards: Mapping[str, Card] | None = None) -> Card | None:
    """The card that the tier names, else its model's; None where none is known.

    Raises ConfigError for a name that no card has.
    """
    known = shipped() if cards is None else cards
    if config.card is None:
        return find(config.model, known.values())
    if (card := find(config.card, known.values())) is None:
        raise ConfigError(
            f"tier {config.name!r}: card: there is no card {config.card!r}; "
            f"the cards are {', '.join(sorted(known))}"
        )
    return card


@cache
def shipped() -> Mapping[str, Card]:
    """The cards that come with the package, by id."""
    package = Path(__file__).parent.parent
    folders = (package / "cards", package.parent.parent / "models" / "cards")  # a wheel, a checkout
    return read_cards(next((folder for folder in folders if folder.is_dir()), folders[0]))


def read_cards(folder: Path) -> Mapping[str, Card]:
    """Every `*.yaml` of a folder, by id. Raises ConfigError with one line that names the file."""
    cards: dict[str, Card] = {}
    for file in sorted(folder.glob("*.yaml")):
        card = _read(file)
        if find(card.id, cards.values()) is not None:
            raise ConfigError(f"{file.name}: id: {card.id!r} has a card already")
        cards[card.id] = card
    return cards


def _read(file: Path) -> Card:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        return Card.model_validate_json(json.dumps(document, default=str), strict=True)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file.name}: cannot be read ({' '.join(str(error).split())})") from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        known = fault["type"] != "extra_forbidden"
        raise ConfigError(
            f"{file.name}: {place}: {fault['msg'] if known else 'no such key'}; correct the card"
        ) from None
