"""How is a row of files cut into parts of a stated size, and are the parts here and whole?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rungwise.offline.manifest import Manifest, Part
from rungwise.offline.plain import BundleError, Plain, sha256_of

__all__ = ["EndToEnd", "Say", "check_parts", "cut", "faults_of", "take_out"]

Say = Callable[[str], None]
"""Takes one line of progress."""


class EndToEnd:
    """Files read as if they were one; each is opened when its turn comes."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._chunks = self._all(paths)
        self._rest = b""

    def take(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, in pieces. Raises BundleError where there are fewer."""
        while size:
            piece = self._rest or next(self._chunks, b"")
            if not piece:
                raise BundleError("a file is shorter than it was: run it again")
            piece, self._rest = piece[:size], piece[size:]
            size -= len(piece)
            yield piece

    @staticmethod
    def _all(paths: Sequence[Path]) -> Iterator[bytes]:
        for path in paths:
            with Plain(path) as file:
                yield from file.chunks()


def cut(files: Sequence[Path], into: Path, *, largest: int, say: Say) -> list[Part]:
    """Lay the files end to end and cut every `largest` bytes: part-0001, part-0002, ...

    A part has its name only when it is whole. Parts that an older bundle left are removed.
    """
    total, laid = sum(file.stat().st_size for file in files), EndToEnd(files)
    count = -(-total // largest)
    parts: list[Part] = []
    for number in range(1, count + 1):
        size = min(largest, total - (number - 1) * largest)
        path = into / f"part-{number:04d}"
        parts.append(Part(name=path.name, size=size, sha256=_written(path, laid.take(size))))
        say(f"{path.name} of {count}: {size / 1e6:.1f} MB")
    for old in set(into.glob("part-*")) - {into / part.name for part in parts}:
        old.unlink()
    return parts


def faults_of(manifest: Manifest, folder: Path) -> list[str]:
    """One line for each part that is missing, damaged, or has another's content; none: all well."""
    owner = {part.sha256: part.name for part in manifest.parts}
    sizes = {part.size for part in manifest.parts}
    faults = []
    for part in manifest.parts:
        try:
            with Plain(folder / part.name) as file:
                size = file.size
            found = sha256_of(folder / part.name) if size in sizes else ""
        except BundleError as error:
            faults.append(str(error))
            continue
        if found == part.sha256:
            continue
        if found in owner:
            faults.append(f"{part.name}: has the content of {owner[found]}: swapped on the way")
        elif size != part.size:
            faults.append(f"{part.name}: damaged: {size} bytes of {part.size}")
        else:
            faults.append(f"{part.name}: damaged: another hash than the manifest's")
    return faults


def check_parts(manifest: Manifest, folder: Path) -> None:
    """Raises BundleError naming each part to carry again."""
    if faults := faults_of(manifest, folder):
        here = len(manifest.parts) - len(faults)
        told = "; ".join(faults[:20]) + (f"; and {len(faults) - 20} more" * (len(faults) > 20))
        raise BundleError(f"{here} of {len(manifest.parts)} parts are here and whole: {told}")


def take_out(manifest: Manifest, folder: Path, wanted: dict[str, Path]) -> None:
    """Write the files that are wanted, by name in the bundle, and check the hash of every file.

    Parts must be whole (`check_parts`). Raises BundleError at the first file with a wrong hash.
    """
    laid = EndToEnd([folder / part.name for part in manifest.parts])
    for file in manifest.files:
        pieces = laid.take(file.size)
        if file.name in wanted:
            wanted[file.name].parent.mkdir(parents=True, exist_ok=True)
            found = _written(wanted[file.name], pieces)
        else:
            found = _hash(pieces)
        if found != file.sha256:
            raise BundleError(f"{file.name}: another hash than the manifest's: bundle it again")


def _written(path: Path, pieces: Iterator[bytes]) -> str:
    digest, half = hashlib.sha256(), path.with_name(path.name + ".half")
    with half.open("wb") as out:
        for piece in pieces:
            digest.update(piece)
            out.write(piece)
    half.replace(path)
    return digest.hexdigest()


def _hash(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
