"""Which packages are on the box already? From its `pip list --format=freeze` or `pip freeze`."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import (
    InvalidWheelFilename,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from rungwise.offline.plain import BundleError

__all__ = ["is_mark", "marked", "read_have", "unmarked", "write_marks"]

MARK = "there"
"""Set behind a version that is on the box: no index has a release of that name."""


def read_have(path: Path) -> dict[str, str]:
    """Normalised name -> version. Raises BundleError naming the line that has no version."""
    have: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.partition(" #")[0].split(" ; ")[0].strip()
        if not text or text.startswith(("#", "-")):
            continue
        name, version = _pin(text)
        if version is None:
            raise BundleError(
                f"{path.name}:{number}: {text}: no version; "
                "make the list with `pip list --format=freeze`"
            )
        if have.setdefault(name, version) != version:
            raise BundleError(f"{path.name}:{number}: {name} is there twice, in two versions")
    return have


def _pin(text: str) -> tuple[str, str | None]:
    if " @ " in text:
        name, _, place = text.partition(" @ ")
        try:
            file = unquote(urlsplit(place.strip()).path).rpartition("/")[2]
            return canonicalize_name(name), str(parse_wheel_filename(file)[1])
        except InvalidWheelFilename:
            return canonicalize_name(name), None
    name, _, version = text.partition("==")
    try:
        return canonicalize_name(name.strip()), str(Version(version.strip()))
    except InvalidVersion:
        return canonicalize_name(name.strip()), None


def marked(version: str) -> str:
    return f"{version}.{MARK}" if "+" in version else f"{version}+{MARK}"


def is_mark(version: str) -> bool:
    return version.endswith((f"+{MARK}", f".{MARK}"))


def unmarked(text: str, instead: str = "") -> str:
    """A version as the box tells it; or a text full of them, with a word in place of each mark."""
    return re.sub(rf"[+.]{MARK}\b", instead, text)


def write_marks(have: Mapping[str, str], folder: Path) -> None:
    """Write an empty wheel without requirements for each package that is there.

    So the resolver takes what is there for what it is, at its version, and looks no further:
    what such a package needs in its turn is the box's affair.
    """
    for name, version in have.items():
        stem = f"{name.replace('-', '_')}-{marked(version)}"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {marked(version)}\n"
            wheel.writestr(f"{stem}.dist-info/METADATA", about)
            kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            wheel.writestr(f"{stem}.dist-info/WHEEL", kind)
            wheel.writestr(f"{stem}.dist-info/RECORD", "")
