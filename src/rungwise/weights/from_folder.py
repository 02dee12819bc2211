"""How is a model had from a folder of copies? What it says of its commit and hashes is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.weights.hub import Hub, snapshot
from rungwise.weights.manifest import MANIFEST, read
from rungwise.weights.sources import Advance, Listed, Listing, Sought, is_commit

__all__ = ["FolderSource"]

CHUNK = 8 << 20
POINTER = b"version https://git-lfs"
_Hashes = Mapping[str, str]
"""By name: a SHA-256, or what git calls it."""


@dataclass(frozen=True, slots=True)
class FolderSource:
    """`root` holds `ORG/NAME/`, as `rungwise models fetch`, `hf download --local-dir` or git left
    it there, or is a cache of the hub's client."""

    root: Path

    def listing(self, sought: Sought) -> Listing:
        place = self._place(sought)
        commit, hashes = _known(place)
        if is_commit(sought.revision) and commit not in (None, sought.revision):
            pin = " (its card pins that)" if sought.pinned else ""
            raise ConfigError(
                f"{place} holds revision {commit}, and {sought.revision} is wanted{pin}; fetch "
                f"that into the mirror, or say --revision {commit}"
            )
        notes: tuple[str, ...] = ()
        if commit is None:
            if is_commit(sought.revision) and not sought.pinned:
                raise ConfigError(
                    f"{place} does not say which revision it holds; leave --revision out, or "
                    "fetch it into the mirror with `rungwise models fetch`"
                )
            notes = (f"{place} does not say which revision it holds: its files are taken as such",)
        elif not hashes:
            notes = (f"{place} tells its commit and no hashes: its files are taken as such",)
        return Listing(where=str(place), commit=commit, files=_files(place, hashes), notes=notes)

    def _place(self, sought: Sought) -> Path:
        plain = self.root / sought.repository
        if plain.is_dir():
            return plain
        hub = Hub(cache=self.root, token=False, offline=True)
        cached = snapshot(hub, sought.repository, sought.revision)
        if cached is None:
            at = f" at {sought.revision}" if sought.revision else ""
            raise ConfigError(
                f"{self.root} holds no {sought.repository}{at}, as a folder of that name or in the "
                "layout of the hub's cache; put it there, or correct --from"
            )
        return cached

    def copy(
        self, sought: Sought, listing: Listing, file: Listed, part: Path, advance: Advance
    ) -> None:
        place = Path(listing.where) / file.name
        with place.open("rb") as source, part.open("ab") as target:
            if source.read(len(POINTER)) == POINTER:
                raise ConfigError(
                    f"{place} is a pointer of git LFS and no file; run `git lfs pull` there"
                )
            source.seek(target.tell())
            while chunk := source.read(CHUNK):
                target.write(chunk)
                advance(len(chunk))


def _files(place: Path, hashes: _Hashes) -> tuple[Listed, ...]:
    found = []
    for path in sorted(place.iterdir()):
        if path.is_file() and path.name != MANIFEST:
            told = hashes.get(path.name, "")
            found.append(
                Listed(
                    name=path.name,
                    size=path.stat().st_size,
                    sha256=told if len(told) == 64 else None,
                    blob=told if len(told) == 40 else None,
                )
            )
    return tuple(found)


def _known(place: Path) -> tuple[str | None, _Hashes]:
    """The commit, and the hashes, that somebody left there."""
    if (fetched := read(place)) is not None:
        return fetched.revision, {name: one.sha256 for name, one in fetched.files.items()}
    if place.parent.name == "snapshots":  # a cache: each file is a link to one named by its hash
        return place.name, {path.name: path.resolve().name for path in place.iterdir()}
    if (left := _left_by_the_client(place)) is not None:
        return left
    return _git_head(place / ".git"), {}


def _left_by_the_client(place: Path) -> tuple[str | None, _Hashes] | None:
    """`hf download --local-dir` leaves a file of metadata for each: commit, hash, time."""
    commits, hashes = set(), {}
    for path in (place / ".cache" / "huggingface" / "download").glob("*.metadata"):
        commit, etag, *_ = [*path.read_text(encoding="utf-8").split("\n"), "", ""]
        commits.add(commit)
        hashes[path.name.removesuffix(".metadata")] = etag
    return (commits.pop() if len(commits) == 1 else None, hashes) if commits else None


def _git_head(git: Path) -> str | None:
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if is_commit(head):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            head = (git / name).read_text(encoding="utf-8").strip()
        else:
            packed = (git / "packed-refs").read_text(encoding="utf-8").splitlines()
            head = next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")
    except OSError:
        return None
    return head if is_commit(head) else None
