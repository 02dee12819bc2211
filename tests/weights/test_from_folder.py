"""Is a model had from a folder of copies as safely as that folder allows, and is the rest said?"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha1, sha256
from pathlib import Path

import pytest

from rungwise.errors import ConfigError
from rungwise.weights.from_folder import FolderSource
from rungwise.weights.manifest import MANIFEST, read
from rungwise.weights.sound import altered, faults
from tests.doubles.hub import COMMIT, OLDER, Hub
from tests.weights.fetched import DEMO, MODEL, WANTED, WEIGHTS, Run, demo_hub, fetch

Open = Callable[[Hub], Hub]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A mirror that tells nothing: files alone, and some that are not wanted."""
    shutil.copytree(DEMO, tmp_path / "mirror" / MODEL)
    for name in ("LICENSE", "modeling_bottom.py", "pytorch_model.bin"):
        (tmp_path / "mirror" / MODEL / name).write_text("x")
    return tmp_path / "mirror"


@pytest.fixture
def fetched(open_hub: Open, tmp_path: Path) -> Path:
    """A mirror that was fetched by us."""
    fetch(open_hub(demo_hub()), tmp_path / "fetched", COMMIT)
    return tmp_path / "fetched"


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """The layout of the hub's cache: each file is a link to one that its hash names."""
    there = tmp_path / "cache" / f"models--{MODEL.replace('/', '--')}"
    for folder in ("refs", "blobs", f"snapshots/{COMMIT}"):
        (there / folder).mkdir(parents=True)
    (there / "refs" / "main").write_text(COMMIT)
    for path in DEMO.iterdir():
        content = path.read_bytes()
        large = path.suffix == ".safetensors"
        git = sha1(b"blob %d\0" % len(content) + content).hexdigest()
        blob = there / "blobs" / (sha256(content).hexdigest() if large else git)
        blob.write_bytes(content)
        (there / "snapshots" / COMMIT / path.name).symlink_to(f"../../blobs/{blob.name}")
    return tmp_path / "cache"


@pytest.fixture
def by_the_client(bare: Path) -> Path:
    """As `hf download --local-dir` leaves it."""
    beside = bare / MODEL / ".cache" / "huggingface" / "download"
    beside.mkdir(parents=True)
    for path in DEMO.iterdir():
        etag = sha256(path.read_bytes()).hexdigest()
        (beside / f"{path.name}.metadata").write_text(f"{COMMIT}\n{etag}\n1.5\n")
    return bare


def had(mirror: Path, to: Path, revision: str | None = None, *, pinned: bool = False) -> Run:
    return fetch(FolderSource(mirror), to, revision, pinned=pinned)


def refused(mirror: Path, to: Path, revision: str | None = None, *, pinned: bool = False) -> str:
    with pytest.raises(ConfigError) as raised:
        had(mirror, to, revision, pinned=pinned)
    assert "\n" not in str(raised.value)
    assert not (to / MODEL / MANIFEST).exists()
    return str(raised.value)


@pytest.mark.parametrize("kind", ["fetched", "cached", "by_the_client"])
def test_a_mirror_that_tells_its_commit_and_hashes_is_held_to_them(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    mirror = request.getfixturevalue(kind)
    run = had(mirror, tmp_path / "to", COMMIT)
    folder = tmp_path / "to" / MODEL
    told = read(folder)
    assert told is not None and told.revision == COMMIT
    assert not any("taken as such" in line for line in run.said)
    assert not [*faults(folder), *altered(folder)] and not (folder / WEIGHTS).is_symlink()
    assert run.plan is not None and run.moved == run.plan.size
    weights = next(mirror.rglob(WEIGHTS)).resolve()
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    assert f"{WEIGHTS} of " in (said := refused(mirror, tmp_path / "again", COMMIT))
    assert "has not the size and hash that are told of it; what came was removed" in said


def test_the_manifest_is_the_same_wherever_a_model_came_from(
    fetched: Path, cached: Path, tmp_path: Path
) -> None:
    had(fetched, tmp_path / "to", COMMIT)
    first = (fetched / MODEL / MANIFEST).read_bytes()
    assert (tmp_path / "to" / MODEL / MANIFEST).read_bytes() == first


def test_files_alone_are_taken_as_such_and_that_is_said(bare: Path, tmp_path: Path) -> None:
    run = had(bare, tmp_path / "to", COMMIT, pinned=True)
    note = f"note: {bare / MODEL} does not say which revision it holds: its files are taken as such"
    assert run.said[0] == note
    told = read(tmp_path / "to" / MODEL)
    assert told is not None and told.revision is None and sorted(told.files) == WANTED
    assert not list(altered(tmp_path / "to" / MODEL))
    again = had(bare, tmp_path / "to", COMMIT, pinned=True)
    assert again.plan is not None and again.plan.listing is None


def test_who_asks_for_a_commit_is_not_given_files_that_tell_none(
    bare: Path, tmp_path: Path
) -> None:
    assert refused(bare, tmp_path / "to", COMMIT) == (
        f"{bare / MODEL} does not say which revision it holds; leave --revision out, or fetch it "
        "into the mirror with `rungwise models fetch`"
    )


@pytest.mark.parametrize("pinned", [True, False])
def test_another_commit_than_the_wanted_one_is_refused(
    pinned: bool, fetched: Path, tmp_path: Path
) -> None:
    assert refused(fetched, tmp_path / "to", OLDER, pinned=pinned) == (
        f"{fetched / MODEL} holds revision {COMMIT}, and {OLDER} is wanted"
        f"{' (its card pins that)' if pinned else ''}; fetch that into the mirror, or say "
        f"--revision {COMMIT}"
    )


@pytest.mark.parametrize("kind", ["detached", "branch", "packed"])
def test_a_checkout_tells_its_commit(kind: str, bare: Path, tmp_path: Path) -> None:
    git = bare / MODEL / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(COMMIT if kind == "detached" else "ref: refs/heads/main\n")
    if kind == "branch":
        (git / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    if kind == "packed":
        (git / "packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")
    run = had(bare, tmp_path / "to", COMMIT)
    assert run.said[0].endswith("tells its commit and no hashes: its files are taken as such")
    told = read(tmp_path / "to" / MODEL)
    assert told is not None and told.revision == COMMIT


def test_a_pointer_of_git_lfs_is_no_weight(bare: Path, tmp_path: Path) -> None:
    (bare / MODEL / WEIGHTS).write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    assert refused(bare, tmp_path / "to") == (
        f"{bare / MODEL / WEIGHTS} is a pointer of git LFS and no file; run `git lfs pull` there"
    )


def test_a_mirror_without_the_model_or_a_file_of_it(bare: Path, tmp_path: Path) -> None:
    (bare / MODEL / "tokenizer.json").unlink()
    assert f"{bare / MODEL} holds no tokenizer; take" in refused(bare, tmp_path / "to")
    assert refused(tmp_path, tmp_path / "to", COMMIT) == (
        f"{tmp_path} holds no {MODEL} at {COMMIT}, as a folder of that name or in the layout of "
        "the hub's cache; put it there, or correct --from"
    )


def test_weights_that_are_cut_short_in_a_mirror_that_tells_no_hash(
    bare: Path, tmp_path: Path
) -> None:
    weights = bare / MODEL / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-100])
    assert refused(bare, tmp_path / "to") == (
        f"{tmp_path}/to/{MODEL}/{WEIGHTS}: cannot be read as safetensors (its weights are cut "
        "short, or more than it tells); fetch it again"
    )


def test_a_folder_that_is_there_already_is_sealed_where_it_lies(bare: Path) -> None:
    run = had(bare, bare)
    told = read(bare / MODEL)
    assert told is not None and sorted(told.files) == WANTED
    assert run.plan is not None and run.moved == run.plan.size
