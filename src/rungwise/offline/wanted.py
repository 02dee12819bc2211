"""What does the project need on that box, beyond what is there? uv resolves, nothing is fetched."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from rungwise.offline.aim import Aim
from rungwise.offline.have import is_mark, marked, unmarked, write_marks
from rungwise.offline.plain import BundleError

__all__ = ["Wanted", "Wheel", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel to carry; no `size` where the index does not tell it."""

    name: str
    version: str
    file: str
    sha256: str
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The wheels to carry, and the packages that count on being there: name -> version."""

    wheels: tuple[Wheel, ...]
    there: dict[str, str]


def resolve(
    project: Path,
    aim: Aim,
    *,
    have: Mapping[str, str],
    without: Iterable[str] = (),
    loose: bool = False,
) -> Wanted:
    """Everything the project needs for that aim, in versions that fit what is there.

    `without` are packages to do without, with all that only they need. Where nothing fits what is
    there: BundleError with both names; when `loose`, what is there is taken to fit.
    """
    with tempfile.TemporaryDirectory(prefix="rungwise-wanted-") as name:
        folder = Path(name)
        write_marks(have, folder)
        pins = [f"{one}=={marked(version)}" for one, version in have.items()]
        there = "\n".join([f"--find-links {name}", *pins])
        (folder / "there.txt").write_text(there, encoding="utf-8")
        exact = f"vllm=={aim.vllm}\n" if aim.vllm else ""
        (folder / "exact.txt").write_text(exact, encoding="utf-8")
        (folder / "without.txt").write_text("\n".join(without), encoding="utf-8")
        command = _command(project, aim)
        command += ["--constraint", str(folder / "exact.txt")]
        command += ["--override" if loose else "--constraint", str(folder / "there.txt")]
        command += ["--excludes", str(folder / "without.txt")]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BundleError(_why(done.stderr))
    return _read(tomllib.loads(done.stdout), aim)


def _command(project: Path, aim: Aim) -> list[str]:
    beside = Path(sys.executable).with_name("uv")
    uv = shutil.which("uv") or (str(beside) if beside.exists() else None)
    if uv is None:
        raise BundleError("uv: not found; `pip install uv`")
    command = [uv, "pip", "compile", "--quiet", "--no-header", "--no-build"]
    command += ["--format", "pylock.toml", str(project / "pyproject.toml")]
    command += ["--python-version", aim.python]
    command += ["--python-platform", f"{aim.platform}-manylinux_{aim.glibc.replace('.', '_')}"]
    for extra in (*(["gpu"] if aim.vllm else []), *aim.extras):
        command += ["--extra", extra]
    return command


def _why(said: str) -> str:
    text = unmarked(" ".join(said.removeprefix("error: ").split()), " (there)")
    if "(there)" not in text:
        return f"uv: {text[:900]}"
    return (
        f"{text[:900]} Mend: --bring NAME carries the version that fits over the one that is "
        "there, --loose keeps what is there"
    )


def _read(lock: dict[str, Any], aim: Aim) -> Wanted:
    ranks = aim.tags
    wheels, there = [], {}
    for package in lock.get("packages", ()):
        name, version = package["name"], package["version"]
        if is_mark(version):
            there[name] = unmarked(version)
            continue
        rows = {_file(row): row for row in package.get("wheels", ())}
        best = min(
            ((rank, file) for file in rows if (rank := _rank(file, ranks)) is not None),
            default=None,
        )
        if best is None:
            raise BundleError(f"{name} {version}: no wheel for {aim.python} on {aim.platform}")
        row = rows[best[1]]
        wheels.append(
            Wheel(
                name=name,
                version=version,
                file=best[1],
                sha256=row["hashes"]["sha256"],
                size=row.get("size"),
            )
        )
    return Wanted(wheels=tuple(wheels), there=there)


def _file(row: dict[str, Any]) -> str:
    place = row.get("name") or row.get("url") or row.get("path") or ""
    return unquote(urlsplit(place).path).rpartition("/")[2]


def _rank(file: str, ranks: Mapping[Tag, int]) -> int | None:
    """How well that wheel fits; 0 is best, None not at all."""
    return min((ranks[tag] for tag in parse_wheel_filename(file)[3] if tag in ranks), default=None)
