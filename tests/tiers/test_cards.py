"""Is each card whole, found by every name of its model, and strict about its keys?"""

from __future__ import annotations

from pathlib import Path

import pytest

from rungwise.config import OpenAITierConfig
from rungwise.errors import ConfigError
from rungwise.tiers.cards import card_of, find, is_snapshot, read_cards, shipped

NAMED = """claude-haiku-4-5 gpt-5-mini meta-llama/Llama-3.1-8B-Instruct google/gemma-3-4b-it
google/gemma-3-12b-it Qwen/Qwen3-8B claude-sonnet-4-6 gpt-5 gemini-2.5-pro gemini-2.5-flash
claude-opus-4-7 gpt-5-pro gemini-3.1-pro-preview gemini-3.8-flash""".split()


def tier(model: str, card: str | None = None) -> OpenAITierConfig:
    return OpenAITierConfig(name="t", kind="openai", model=model, card=card, api_key_env="KEY")


@pytest.mark.parametrize("model", NAMED)
def test_the_article_s_models_have_cards(model: str) -> None:
    assert shipped()[model].as_of.year >= 2026


def test_a_model_that_ends_has_a_successor_that_does_not() -> None:
    for card in shipped().values():
        if card.shutdown is not None:
            assert card.successor is not None
            heir = shipped().get(card.successor)
            assert heir is None or heir.shutdown is None


def test_open_models_say_how_to_serve_them() -> None:
    for card in shipped().values():
        assert (card.api == "local") == (card.local is not None)


def test_names_that_do_not_exist_are_told_apart() -> None:
    folder = Path(__file__).parents[2] / "models" / "cards"
    text = "\n".join(file.read_text(encoding="utf-8") for file in folder.glob("*.yaml"))
    for name in ('"Llama-4-8B" does not exist', '"Qwen3-7B" does not exist', "Gemini 3 Ultra"):
        assert name in text
    assert find("Llama-4-8B", shipped().values()) is None


@pytest.mark.parametrize(
    ("told", "id"),
    [
        ("gpt-5", "gpt-5"),
        ("gpt-5-2025-08-07", "gpt-5"),
        ("gpt-5-mini-2025-08-07", "gpt-5-mini"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gpt-5-nano", None),
        ("gpt-5-20", None),
        ("gpt", None),
    ],
)
def test_a_card_is_found_by_its_model_s_id_and_by_dated_states_of_it(
    told: str, id: str | None
) -> None:
    found = card_of(tier(told))
    assert (found and found.id) == id


def test_latest_is_any_state() -> None:
    assert is_snapshot("claude-3-5-haiku-20241022", "claude-3-5-haiku-latest")


def test_the_section_s_card_wins() -> None:
    found = card_of(tier("house-model", card="gpt-5-mini"))
    assert found is not None
    assert found.id == "gpt-5-mini"


def test_a_card_that_there_is_not_is_named() -> None:
    with pytest.raises(ConfigError, match=r"tier 't': card: there is no card 'gpt-55'.*gpt-5"):
        card_of(tier("gpt-5", card="gpt-55"))


WHOLE = "id: a\nprovider: openai\napi: chat\nas_of: 2026-11-25\n"


def folder_with(path: Path, **cards: str) -> Path:
    for name, text in cards.items():
        (path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return path


def test_aliases_are_names_too(tmp_path: Path) -> None:
    cards = read_cards(folder_with(tmp_path, a=WHOLE + "aliases: [b]\n"))
    assert find("b", cards.values()) is find("b-2026-01-01", cards.values()) is cards["a"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (WHOLE + "contxt: 5\n", "a.yaml: contxt: no such key"),
        (WHOLE + "context: many\n", "a.yaml: context: "),
        (WHOLE + "images: 1\n", "a.yaml: images: "),
        (WHOLE + "local: {hub: x, dtype: int3}\n", "a.yaml: local.dtype: "),
        ("id: a\n", "a.yaml: provider: "),
        ("- [", "a.yaml: cannot be read"),
    ],
)
def test_a_faulty_card_is_named_with_its_key(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_cards(folder_with(tmp_path, a=text))
    assert str(caught.value).startswith(complaint)


def test_two_cards_for_one_model_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has a card already"):
        read_cards(folder_with(tmp_path, a=WHOLE, b=WHOLE))
