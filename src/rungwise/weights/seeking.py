"""Which repository, and which commit of it, does an id mean? Its card says, or who asks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.tiers.cards import Card
from rungwise.weights.from_folder import FolderSource
from rungwise.weights.from_hub import HubSource
from rungwise.weights.sources import Sought, Source, is_commit

__all__ = ["seek", "source"]

_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)


def seek(model: str, revision: str | None, cards: Iterable[Card]) -> Sought:
    """`revision`, where it is given, goes before the card's. Raises ConfigError."""
    locals_ = (card.local for card in cards if card.local and model in (card.id, card.local.hub))
    local = next(locals_, None)
    repository = local.hub if local else model
    if not _ID.fullmatch(repository) or ".." in repository:
        raise ConfigError(f"{model!r} is no id of a model; say ORG/NAME, as the hub has it")
    if revision is not None:
        return Sought(repository=repository, revision=revision)
    pinned = local.revision if local else None
    if pinned is not None and not is_commit(pinned):
        raise ConfigError(
            f"the card of {repository} pins {pinned!r}, which is no commit and could move; correct "
            "it, or name what you want with --revision"
        )
    return Sought(repository=repository, revision=pinned, pinned=pinned is not None)


def source(told: str | None) -> Source:
    """A folder, a mirror's address, or the hub. Raises ConfigError for neither."""
    if told is None:
        return HubSource()
    if told.startswith(("http://", "https://")):
        return HubSource(endpoint=told.rstrip("/"))
    folder = Path(told).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"--from: {told} is no folder, and no https:// address of a mirror")
    return FolderSource(folder)
