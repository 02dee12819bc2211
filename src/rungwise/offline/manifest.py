"""What is in a bundle, and may it be called that? Read on the box by the standard library alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from rungwise.offline.plain import BundleError, Plain

__all__ = [
    "FORMAT",
    "MANIFEST",
    "Carried",
    "LeftOut",
    "Manifest",
    "Part",
    "clash",
    "plain_name",
    "read_manifest",
]

FORMAT = 1
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 64 << 20
LARGEST_FILE = 1 << 40
LONGEST = 2000
MOST = 100_000
SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._+@=!-]{0,199}"
CARRIED = re.compile(
    rf"wheels/{SEGMENT}\.whl|configs/{SEGMENT}\.yaml|models/{SEGMENT}(/{SEGMENT}){{1,9}}"
)
OURS = (".half", ".unfinished")
"""What is being written is called so: nothing that is carried may be."""
PART = re.compile(r"part-[0-9]{4,6}")
HASH = re.compile(r"[0-9a-f]{64}")
FOR = {
    "python": re.compile(r"3\.[0-9]{1,2}"),
    "platform": re.compile(r"x86_64|aarch64"),
    "glibc": re.compile(r"2\.[0-9]{1,3}"),
    "vllm": re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,60}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One file: where it belongs, bytes, hash, bytes when unpacked (of a wheel; else its size)."""

    name: str
    size: int
    sha256: str
    unpacked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of all files laid end to end."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A package that is not carried: it is `there`, or the owner goes `without` it. `wanted` says
    what the carried ones ask of it: `vllm 0.25.1 wants torch==2.11.0`."""

    name: str
    version: str
    why: str
    wanted: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle is for, and what it holds: `files` lie end to end in `parts`, in this order.
    `broken` are wishes of carried packages that what is there does not meet, and may not."""

    format: int
    python: str
    platform: str
    glibc: str
    vllm: str
    files: list[Carried]
    parts: list[Part]
    left_out: list[LeftOut]
    broken: list[str]

    def below(self, folder: str) -> list[Carried]:
        return [file for file in self.files if file.name.startswith(f"{folder}/")]

    @property
    def there(self) -> list[LeftOut]:
        return [one for one in self.left_out if one.why == "there"]

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def plain_name(name: str) -> bool:
    """May a bundle carry a file of that name? No `..`, no hidden file, nothing absolute, and
    nothing that is called as what is being written."""
    ours = any(segment.lower().endswith(OURS) for segment in name.split("/"))
    return CARRIED.fullmatch(name) is not None and not ours


def clash(names: Iterable[str]) -> str | None:
    """A name that two of these would have, as files or as a file and a folder; case is no
    difference."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            return name
        seen.add(name.lower())
    folders = {str(folder) for name in seen for folder in PurePosixPath(name).parents}
    return min(seen & folders, default=None)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle, each name, size and hash of it checked. Raises BundleError."""
    with Plain(folder / MANIFEST) as file:
        if file.size > LARGEST_MANIFEST:
            raise _wrong(f"larger than {LARGEST_MANIFEST} bytes")
        text = file.read(LARGEST_MANIFEST)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong("not JSON: carry it again") from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise _wrong(f"not of format {FORMAT}: use the install-offline that lies beside it")
    for key, kind in (("files", Carried), ("parts", Part), ("left_out", LeftOut)):
        told[key] = _rows(kind, told.get(key))
    manifest = _row(Manifest, told)
    _check(manifest)
    return manifest


Row = TypeVar("Row", Carried, Part, LeftOut, Manifest)


def _rows(kind: type[Row], rows: object) -> list[Row]:
    if not isinstance(rows, list) or len(rows) > MOST:
        raise _wrong(f"no list, or more than {MOST} rows")
    return [_row(kind, row) for row in rows]


def _row(kind: type[Row], row: Any) -> Row:
    types = {field.name: str(field.type) for field in fields(kind)}
    if not isinstance(row, dict) or row.keys() != types.keys():
        raise _wrong(f"a row has other keys than {', '.join(types)}")
    for key, name in types.items():
        if type(row[key]) is not {"str": str, "int": int}.get(name, list):
            raise _wrong(f"{key} is no {name}")
        lines = {"str": [row[key]], "list[str]": row[key]}.get(name, [])
        if not all(isinstance(line, str) and _printable(line) for line in lines):
            raise _wrong(f"{key} is no {name} of plain text")
    return kind(**row)


def _printable(line: str) -> bool:
    """Whether any terminal shows it, and obeys nothing in it."""
    return len(line) <= LONGEST and line.isascii() and line.isprintable()


def _check(manifest: Manifest) -> None:
    for key, pattern in FOR.items():
        if not pattern.fullmatch(found := getattr(manifest, key)):
            raise _wrong(f"{key} is {found[:60]!r}: carry it again")
    for file in manifest.files:
        if not plain_name(file.name) or not 0 <= file.unpacked <= LARGEST_FILE:
            raise _wrong(f"no file may be called {file.name!r}")
    for part in manifest.parts:
        if not PART.fullmatch(part.name):
            raise _wrong(f"no part may be called {part.name!r}")
    rows: list[Carried | Part] = [*manifest.files, *manifest.parts]
    for row in rows:
        if not 0 <= row.size <= LARGEST_FILE or not HASH.fullmatch(row.sha256):
            raise _wrong(f"the size or the hash of {row.name} is none")
    for names in ([file.name for file in manifest.files], [part.name for part in manifest.parts]):
        if name := clash(names):
            raise _wrong(f"two files, a file and a folder, or two parts are called {name}")
    if sum(f.size for f in manifest.files) != sum(p.size for p in manifest.parts):
        raise _wrong("its parts are not as long as its files")


def _wrong(what: str) -> BundleError:
    return BundleError(f"{MANIFEST}: {what}")
