"""How do the wheels get here, whole, and what do they ask of what is on the box?"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from rungwise.offline.aim import Aim
from rungwise.offline.parts import Say
from rungwise.offline.plain import BundleError, sha256_of
from rungwise.offline.wanted import Wheel

__all__ = ["Wishes", "fetch", "missing", "own_wheel", "unpacked", "wishes"]

BATCH = 48 << 20
"""Bytes asked of pip at once: what is whole is kept when the next batch breaks off."""
Wishes = dict[str, list[tuple[str, Requirement]]]
"""Of each package: who asks for it (`vllm 0.25.1`), and what exactly."""


def missing(wheels: Iterable[Wheel], folder: Path) -> list[Wheel]:
    """The wheels that are not in the folder, or not whole."""
    return [wheel for wheel in wheels if not _is_here(wheel, folder)]


def fetch(wheels: Sequence[Wheel], folder: Path, aim: Aim, *, say: Say) -> None:
    """Download the wheels that are missing, each checked by its hash. Run again, it goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    lacking = missing(wheels, folder)
    done = sum(wheel.size or 0 for wheel in wheels) - sum(wheel.size or 0 for wheel in lacking)
    for batch in _batches(lacking):
        for wheel in batch:
            (folder / wheel.file).unlink(missing_ok=True)
        _download(batch, folder, aim)
        for wheel in batch:
            if not _is_here(wheel, folder):
                raise BundleError(f"{wheel.file}: was not downloaded, or with another hash")
        done += sum(wheel.size or 0 for wheel in batch)
        names = ", ".join(wheel.name for wheel in batch[:3]) + (", ..." if batch[3:] else "")
        say(f"{done / 1e6:.0f} MB of wheels are here ({names})")


def own_wheel(project: Path, folder: Path) -> Path:
    """Build the project's wheel with its own build system, and nothing else from an index."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.whl"):
        old.unlink()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(project)]
    _pip(command)
    return next(folder.glob("*.whl"))


def wishes(wheels: Iterable[Path], aim: Aim) -> Wishes:
    """What the wheels ask for on that box, extras that nobody asked for left aside."""
    asked: Wishes = {}
    for path in wheels:
        name, version, _, _ = parse_wheel_filename(path.name)
        extras = ("", "gpu", *aim.extras) if name == "rungwise" else ("",)
        for line in _requires(path):
            wish = Requirement(line)
            where = [{**aim.markers, "extra": extra} for extra in extras]
            if wish.marker is None or any(wish.marker.evaluate(one) for one in where):
                asked.setdefault(canonicalize_name(wish.name), []).append(
                    (f"{name} {version}", wish)
                )
    return asked


def unpacked(path: Path) -> int:
    """Bytes that a wheel takes when it is installed."""
    with zipfile.ZipFile(path) as wheel:
        return sum(info.file_size for info in wheel.infolist())


def _requires(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as wheel:
        about = next(
            name
            for name in wheel.namelist()
            if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
        )
        return BytesHeaderParser().parsebytes(wheel.read(about)).get_all("Requires-Dist", [])


def _is_here(wheel: Wheel, folder: Path) -> bool:
    path = folder / wheel.file
    return path.is_file() and sha256_of(path) == wheel.sha256


def _batches(wheels: Sequence[Wheel]) -> Iterator[list[Wheel]]:
    batch: list[Wheel] = []
    for wheel in wheels:
        if batch and sum(one.size or 0 for one in (*batch, wheel)) > BATCH:
            yield batch
            batch = []
        batch.append(wheel)
    if batch:
        yield batch


def _download(batch: Sequence[Wheel], folder: Path, aim: Aim) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--progress-bar", "off"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    command += ["--python-version", aim.python, "--implementation", "cp"]
    for platform in aim.platforms:
        command += ["--platform", platform]
    exact = "".join(f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in batch)
    listed = folder / "batch.txt"
    listed.write_text(exact, encoding="utf-8")
    _pip([*command, "--requirement", str(listed)])
    listed.unlink()


def _pip(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BundleError(f"pip: {' '.join(done.stderr.split())[-600:]}")
