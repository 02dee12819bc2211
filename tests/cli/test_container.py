"""Is the ladder that is made for the image one that this machine and these keys can climb?"""

import shutil
from collections.abc import Set
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rungwise.cli.container import boxed, held, main
from rungwise.cli.preflight import lacks
from rungwise.config import Config, load
from rungwise.errors import ConfigError
from tests.weights.test_recommended_is_served import Played, play

ROOT = Path(__file__).parents[2]
PATTERN = yaml.safe_load((ROOT / "configs" / "gpu-24g.yaml").read_text("utf-8"))
FITS = {
    "name": "tier1",
    "kind": "vllm",
    "model": "Qwen/Qwen3-4B",
    "engine": {"max_model_len": 8192},
}
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")
LEDGER = Path("/data/rungwise.db")


def made(keys: Set[str], local: dict[str, Any] | None = FITS) -> dict[str, Any]:
    return boxed(PATTERN, local, keys.__contains__, LEDGER)


def names(keys: Set[str], local: dict[str, Any] | None = FITS) -> list[str]:
    return [tier["name"] for tier in made(keys, local)["tiers"]]


def test_the_hosted_rungs_are_those_whose_key_is_there() -> None:
    assert names({*KEYS}) == ["tier1", "tier2", "tier3"]
    assert names({"OPENAI_API_KEY"}) == ["tier1", "tier2"]
    assert names({"ANTHROPIC_API_KEY"}) == ["tier1", "tier3"]
    assert names(set()) == ["tier1"]


def test_where_no_model_fits_the_hosted_rungs_are_the_ladder() -> None:
    assert names({"OPENAI_API_KEY"}, None) == ["tier2"]
    assert made({"OPENAI_API_KEY"}, None)["gates"] == []


def test_without_a_rung_it_says_what_would_bring_one() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        made(set(), None)


@given(st.sets(st.sampled_from([*KEYS, "RUNGWISE_LEDGER"])), st.booleans())
def test_whatever_is_there_it_is_a_configuration_that_asks_for_keys(
    keys: set[str], fits: bool
) -> None:
    if not fits and not keys & {*KEYS}:
        return
    config = Config.model_validate(made(keys, FITS if fits else None))
    assert config.access.stored_keys
    assert config.access.limits.caps, "the pattern's own bounds stay"


def test_drafts_of_a_model_chosen_just_now_are_judged_by_checks() -> None:
    (gate,) = made({"OPENAI_API_KEY"})["gates"]
    assert gate == {"tier": "tier1", "accept": "checked"}
    assert made(set())["gates"] == [], "nothing stands above it"


def test_a_start_on_a_rung_that_is_gone_is_left_to_the_shipped_table() -> None:
    types = made({"ANTHROPIC_API_KEY"})["routing"]["step_types"]
    assert types["planning"] == {} and types["multi_step_reasoning"] == {"start": "tier3"}


def test_the_ledger_is_beside_it_or_where_the_variable_says() -> None:
    assert made({*KEYS})["ledger"] == {"path": str(LEDGER)}
    assert made({*KEYS, "RUNGWISE_LEDGER"})["ledger"] == {"url_env": "RUNGWISE_LEDGER"}


def place_with_a_model(folder: Path) -> Path:
    shutil.copytree(ROOT / "models" / "demo" / "bottom", folder / "Qwen" / "Qwen3-4B")
    return folder


def test_a_model_that_was_brought_here_is_not_fetched(tmp_path: Path) -> None:
    place = place_with_a_model(tmp_path)
    found = held(FITS, [place, tmp_path / "kept"], fetch=lambda _: pytest.fail("it is here"))
    assert found["model"] == str(place / "Qwen" / "Qwen3-4B")
    assert found["card"] == "Qwen/Qwen3-4B", "a folder has no id by which its card is found"
    pinned = {**FITS, "revision": "0" * 40}
    assert held(pinned, [place], fetch=lambda _: False) == found, "and no revision of the hub's"


def test_one_that_is_broken_off_is_fetched_into_the_last_place(tmp_path: Path) -> None:
    place, asked = place_with_a_model(tmp_path / "brought"), list[str]()
    next(place.rglob("*.safetensors")).unlink()
    kept = tmp_path / "kept"
    found = held(FITS, [place, kept], fetch=lambda name: asked.append(name) is None)
    assert asked == ["Qwen/Qwen3-4B"] and found["model"] == str(kept / "Qwen" / "Qwen3-4B")


def test_what_cannot_be_fetched_is_left_to_the_engine(tmp_path: Path) -> None:
    assert held(FITS, [tmp_path], fetch=lambda _: False) == FITS


BUSY, FREE = ("RTX 4090", 0.6), ("RTX 4090", 0.97)


class Machine:
    """A home of its own, and GPUs that are played; models are copied, not fetched."""

    def __init__(self, patch: pytest.MonkeyPatch, place: Path) -> None:
        self.patch, self.place, self.file = patch, place, place / "made" / "rungwise.yaml"
        self.fetched: list[str] = []
        self.file.parent.mkdir()
        patch.setenv("HOME", str(place))
        for name in (*KEYS, "RUNGWISE_LEDGER"):
            patch.delenv(name, raising=False)

    def start(self, *gpus: Played, token: bool = True, has: bool = True) -> dict[str, Any]:
        """The ladder that is made there; `has`: whether the hub has the models."""
        play(self.patch, gpus, None, token, self.place)
        pattern = str(ROOT / "configs" / "gpu-24g.yaml")
        fetch = self.fetch if has else lambda _: False
        assert main(["--from", pattern, "--to", str(self.file)], fetch) == 0
        found = yaml.safe_load(self.file.read_text("utf-8"))
        assert isinstance(found, dict)
        return found

    def fetch(self, repository: str) -> bool:
        self.fetched.append(repository)
        folder = self.place / ".cache" / "rungwise" / "models" / repository
        shutil.copytree(ROOT / "models" / "demo" / "bottom", folder)
        return True


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path)


@pytest.mark.parametrize("keys", [KEYS, ()], ids=["keys", "no keys"])
@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize(
    "gpus",
    [[FREE], [BUSY], [("Tesla T4", 0.98)], [("RTX 3060", 0.97), FREE], [BUSY, FREE], [FREE, FREE]],
)
def test_nothing_of_what_is_made_is_lacking_on_its_gpus(
    machine: Machine, gpus: list[Played], token: bool, keys: tuple[str, ...]
) -> None:
    for name in keys:
        machine.patch.setenv(name, "k")
    machine.start(*gpus, token=token, has=False)
    assert [found.line for found in lacks(load(machine.file))] == []


def test_a_choice_is_kept_while_other_programs_come_and_go(machine: Machine) -> None:
    first = machine.start(FREE)
    assert machine.start(BUSY) == machine.start(FREE) == first
    assert len(machine.fetched) == 1


def test_another_machine_or_a_model_that_is_gone_is_a_new_choice(machine: Machine) -> None:
    first = machine.start(FREE)["tiers"][0]
    other = machine.start(("RTX 3060", 0.97))["tiers"][0]
    assert other["model"] != first["model"]
    shutil.rmtree(other["model"])
    machine.start(("RTX 3060", 0.97))
    assert len(machine.fetched) == 3


def test_the_choice_is_made_anew_where_the_file_is_removed_or_is_none(machine: Machine) -> None:
    first = machine.start(BUSY)["tiers"][0]
    for text in (None, "", "[", "tiers: 3", "tiers: []"):
        machine.file.unlink()
        if text is not None:
            machine.file.write_text(text)
        assert machine.start(FREE)["tiers"][0]["model"] != first["model"]


def test_where_nothing_fits_hosted_rungs_are_left_with_a_warning(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.patch.setenv("OPENAI_API_KEY", "k")
    assert [tier["name"] for tier in machine.start(("RTX 4090", 0.05))["tiers"]] == ["tier2"]
    told = capsys.readouterr()
    assert "warning: no local rung" in told.err and "end what else uses it" in told.out
