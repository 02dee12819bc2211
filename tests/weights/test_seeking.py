"""Is it the commit that the card pins which is fetched, unless somebody says otherwise?"""

from __future__ import annotations

from pathlib import Path

import pytest

from rungwise.errors import ConfigError
from rungwise.tiers.cards import Card, shipped
from rungwise.weights.from_folder import FolderSource
from rungwise.weights.from_hub import HubSource
from rungwise.weights.seeking import seek, source
from rungwise.weights.sources import is_commit

COMMIT = "0123456789" * 4


def card(revision: str | None) -> Card:
    told = {
        "id": "qwen",
        "provider": "alibaba",
        "api": "local",
        "as_of": "2026-11-25",
        "local": {"hub": "Qwen/Qwen3-8B", "revision": revision},
    }
    return Card.model_validate(told)


@pytest.mark.parametrize("name", ["qwen", "Qwen/Qwen3-8B"])
def test_a_card_pins_its_repository(name: str) -> None:
    found = seek(name, None, [card(COMMIT)])
    assert (found.repository, found.revision, found.pinned) == ("Qwen/Qwen3-8B", COMMIT, True)
    found = seek(name, "main", [card(COMMIT)])
    assert (found.revision, found.pinned) == ("main", False)


def test_what_has_no_card_or_no_pin_is_not_pinned() -> None:
    for name, cards in (("a/b", []), ("qwen", [card(None)])):
        found = seek(name, None, cards)
        assert (found.revision, found.pinned) == (None, False)


def test_a_branch_in_a_card_is_no_pin() -> None:
    with pytest.raises(ConfigError) as raised:
        seek("qwen", None, [card("main")])
    assert str(raised.value) == (
        "the card of Qwen/Qwen3-8B pins 'main', which is no commit and could move; correct it, or "
        "name what you want with --revision"
    )
    assert seek("qwen", "main", [card("main")]).revision == "main"


@pytest.mark.parametrize(
    "name", ["bert", "../etc/passwd", "a/../b", "/a/b", "a/b/c", "a b/c", "a/"]
)
def test_an_id_is_an_owner_and_a_name(name: str) -> None:
    with pytest.raises(ConfigError, match="is no id of a model; say ORG/NAME, as the hub has it"):
        seek(name, None, [])


def test_the_shipped_cards_pin_commits() -> None:
    local = [card.local for card in shipped().values() if card.local is not None]
    pinned = [one.revision for one in local if one.revision is not None]
    assert pinned and all(is_commit(revision) for revision in pinned)
    assert len({*pinned}) == len(pinned)


def test_models_come_from_the_hub_a_mirror_or_a_folder(tmp_path: Path) -> None:
    assert source(None) == HubSource()
    assert source("https://mirror.example/") == HubSource(endpoint="https://mirror.example")
    assert source(str(tmp_path)) == FolderSource(tmp_path)
    with pytest.raises(ConfigError, match="--from: nowhere is no folder, and no https:// address"):
        source("nowhere")
