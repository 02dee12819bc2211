"""Does a model come whole, checked and sealed, whatever breaks on the way?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from rungwise.errors import ConfigError
from rungwise.weights import fetching
from rungwise.weights.from_hub import HubSource
from rungwise.weights.manifest import MANIFEST, read
from rungwise.weights.sound import altered, faults
from rungwise.weights.sources import Advance, Listed, Listing, Sought
from tests.doubles.hub import COMMIT, OLDER, Hub
from tests.weights.fetched import DEMO, MODEL, WANTED, WEIGHTS, demo_files, demo_hub, fetch

Open = Callable[[Hub], Hub]
SIZE = (DEMO / WEIGHTS).stat().st_size


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_describes_a_model_comes_and_neither_code_nor_pickles(
    open_hub: Open, tmp_path: Path
) -> None:
    run = fetch(open_hub(demo_hub()), tmp_path, COMMIT)
    folder = tmp_path / MODEL
    assert names(folder) == sorted([*WANTED, MANIFEST])
    assert (folder / WEIGHTS).read_bytes() == (DEMO / WEIGHTS).read_bytes()
    assert run.plan is not None and run.moved == run.plan.size == sum(
        (folder / name).stat().st_size for name in WANTED
    )
    assert run.said[-1] == f"  {WEIGHTS}: 931.3 KiB, {len(WANTED)} of {len(WANTED)}"


def test_vllm_s_preflight_takes_what_was_fetched(open_hub: Open, tmp_path: Path) -> None:
    fetch(open_hub(demo_hub()), tmp_path, COMMIT)
    assert [*faults(tmp_path / MODEL), *altered(tmp_path / MODEL)] == []


def test_the_manifest_says_the_commit_and_each_hash(open_hub: Open, tmp_path: Path) -> None:
    fetch(open_hub(demo_hub()), tmp_path)
    told = json.loads((tmp_path / MODEL / MANIFEST).read_text())
    assert (told["repository"], told["revision"]) == (MODEL, COMMIT)
    content = (DEMO / WEIGHTS).read_bytes()
    assert told["files"][WEIGHTS] == {"size": SIZE, "sha256": sha256(content).hexdigest()}
    assert sorted(told["files"]) == WANTED


def test_what_is_there_and_sound_is_left_alone_without_a_network(
    open_hub: Open, tmp_path: Path
) -> None:
    hub = open_hub(demo_hub())
    for revision in (COMMIT, None):
        fetch(hub, tmp_path, revision)
    asked = len(hub.seen)
    run = fetch(hub, tmp_path)
    assert len(hub.seen) == asked and run.plan is not None and run.plan.listing is None
    assert run.said == [f"{MODEL}: is in {tmp_path / MODEL}; checking its hashes"]


def test_a_file_that_was_altered_since_is_had_again_and_no_other(
    open_hub: Open, tmp_path: Path
) -> None:
    hub = open_hub(demo_hub())
    fetch(hub, tmp_path, COMMIT)
    (tmp_path / MODEL / "LICENSE").write_bytes(b"Apache-1.1\n")
    hub.seen.clear()
    fetch(hub, tmp_path, COMMIT)
    assert [one.path.rpartition("/")[2] for one in hub.had("hub")] == ["LICENSE"]
    assert hub.had() == [] and not list(altered(tmp_path / MODEL))


def test_a_cut_connection_is_taken_up_where_it_broke(open_hub: Open, tmp_path: Path) -> None:
    hub = open_hub(demo_hub(cuts=[None, 200_000]))  # the tokenizer comes whole
    fetch(hub, tmp_path, COMMIT)
    _, whole, rest = hub.had()
    assert (whole.range, rest.range) == (None, f"bytes={200_000 // 65_536 * 65_536}-")
    assert not list(altered(tmp_path / MODEL))


def test_the_next_run_goes_on_from_what_the_last_one_had(open_hub: Open, tmp_path: Path) -> None:
    hub = open_hub(demo_hub(fails=[0, 0, 500], cuts=[None, 400_000]))
    with pytest.raises(ConfigError, match="answers 500 Internal Server Error for org/bottom; try"):
        fetch(hub, tmp_path, COMMIT)
    assert not (tmp_path / MODEL / MANIFEST).exists(), "half of a model is none"
    (part,) = (tmp_path / MODEL).glob("*.part")
    had, run = part.stat().st_size, fetch(hub, tmp_path, COMMIT)
    assert had > 300_000 and hub.had()[-1].range == f"bytes={had}-"
    assert run.plan is not None and run.moved == run.plan.size
    assert names(tmp_path / MODEL) == sorted([*WANTED, MANIFEST])


def test_a_server_without_ranges_gives_it_all_again(open_hub: Open, tmp_path: Path) -> None:
    hub = open_hub(demo_hub(ranges=False, cuts=[None, 200_000]))
    run = fetch(hub, tmp_path, COMMIT)
    assert not list(altered(tmp_path / MODEL))
    assert run.plan is not None and run.moved == run.plan.size


@pytest.mark.parametrize("name", [WEIGHTS, "LICENSE"])
def test_a_wrong_hash_names_the_file_and_leaves_no_part(
    name: str, open_hub: Open, tmp_path: Path
) -> None:
    hub = open_hub(demo_hub(altered={name}))
    with pytest.raises(ConfigError) as raised:
        fetch(hub, tmp_path, COMMIT)
    assert str(raised.value) == (
        f"{name} of {MODEL} at {hub.url} has not the size and hash that are told of it; what came "
        "was removed: run it again, or take another mirror"
    )
    folder = tmp_path / MODEL
    assert not (folder / MANIFEST).exists() and not (folder / name).exists()
    assert not list(folder.glob("*.part"))
    hub.altered.clear()
    fetch(hub, tmp_path, COMMIT)
    assert not list(altered(folder))


def test_a_part_of_another_revision_is_no_beginning_of_this_one(
    open_hub: Open, tmp_path: Path
) -> None:
    hub = demo_hub(fails=[0, 0, 500], cuts=[None, 400_000])
    older = {**demo_files(), WEIGHTS: demo_files()[WEIGHTS][::-1]}
    hub.repositories[MODEL].commits[OLDER] = older
    with pytest.raises(ConfigError, match="answers 500"):
        fetch(open_hub(hub), tmp_path, OLDER)
    fetch(hub, tmp_path, COMMIT)
    assert hub.had()[-1].range is None and not list((tmp_path / MODEL).glob("*.part"))


def test_another_revision_is_not_mixed_into_a_folder(open_hub: Open, tmp_path: Path) -> None:
    hub = demo_hub()
    hub.repositories[MODEL].commits[OLDER] = demo_files()
    fetch(open_hub(hub), tmp_path, COMMIT)
    for revision, ref in ((OLDER, COMMIT), ("main", OLDER)):
        hub.repositories[MODEL].refs["main"] = ref
        with pytest.raises(ConfigError) as raised:
            fetch(hub, tmp_path, revision)
        assert str(raised.value) == (
            f"{tmp_path / MODEL} holds {MODEL} at {COMMIT}, and {OLDER} is wanted; name another "
            "folder with --to, or remove that one"
        )
    assert not list(altered(tmp_path / MODEL))


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        (
            None,
            f"note: {MODEL} is not pinned: this is {COMMIT}, which {MANIFEST} will say; name it",
        ),
        ("main", f"note: {MODEL}: main is {COMMIT} now"),
    ],
)
def test_a_branch_is_written_down_as_its_commit(
    revision: str | None, said: str, open_hub: Open, tmp_path: Path
) -> None:
    run = fetch(open_hub(demo_hub()), tmp_path, revision)
    fetched = read(tmp_path / MODEL)
    assert run.said[0].startswith(said) and fetched is not None and fetched.revision == COMMIT


def test_a_full_disk_is_told_before_anything_large(
    open_hub: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = open_hub(demo_hub())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 100_000))
    with pytest.raises(ConfigError) as raised:
        fetch(hub, tmp_path, COMMIT)
    assert str(raised.value).startswith(f"{tmp_path} has 97.7 KiB free, and ")
    assert "are needed; free some, or name another disk with --to" in str(raised.value)
    assert hub.had() == [], "nothing was asked of the CDN"


def test_a_folder_that_cannot_be_written_is_one_line(open_hub: Open, tmp_path: Path) -> None:
    (tmp_path / "org").write_text("a file")
    with pytest.raises(ConfigError, match=r"org.*: .*; free some disk, or name another folder"):
        fetch(open_hub(demo_hub()), tmp_path, COMMIT)


def test_two_runs_do_not_write_into_one_file(open_hub: Open, tmp_path: Path) -> None:
    hub, had = open_hub(demo_hub()), []

    @dataclass
    class Meanwhile:
        """A source during whose copy another run begins."""

        source: HubSource

        def listing(self, sought: Sought) -> Listing:
            return self.source.listing(sought)

        def copy(
            self, sought: Sought, listing: Listing, file: Listed, part: Path, advance: Advance
        ) -> None:
            with pytest.raises(ConfigError, match=r"\.part is being written by another run; wait"):
                fetch(hub, tmp_path, COMMIT)
            self.source.copy(sought, listing, file, part, advance)
            had.append(file.name)

    fetch(Meanwhile(HubSource(hub.url)), tmp_path, COMMIT)
    assert sorted(had) == WANTED and not list(altered(tmp_path / MODEL))


def test_sharded_weights_are_those_that_the_index_names(open_hub: Open, tmp_path: Path) -> None:
    files = demo_files()
    weights = files.pop(WEIGHTS)
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    shards = {f"model-{n}.safetensors": weights for n in (1, 2, 3)}
    files |= {"model.safetensors.index.json": json.dumps(index).encode(), **shards}
    fetch(open_hub(demo_hub(files)), tmp_path, COMMIT)
    had = [name for name in names(tmp_path / MODEL) if name.endswith(".safetensors")]
    assert had == ["model-1.safetensors", "model-2.safetensors"]


def test_names_that_lead_elsewhere_are_not_followed(open_hub: Open, tmp_path: Path) -> None:
    hub = demo_hub({**demo_files(), "../evil.json": b"{}", "/etc/evil.json": b"{}"})
    fetch(open_hub(hub), tmp_path / "to", COMMIT)
    assert names(tmp_path) == ["to"] and names(tmp_path / "to" / MODEL) == sorted(
        [*WANTED, MANIFEST]
    )


def test_sizes_are_told_in_words() -> None:
    told = [fetching.sized(count) for count in (5, 2048, 3 << 20, 16_381_470_720)]
    assert told == ["5 B", "2.0 KiB", "3.0 MiB", "15.3 GiB"]
