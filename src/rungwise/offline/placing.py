"""How do wheels and models get to their place, so that nothing is ever half there?

What is built lies in `NAME.unfinished` beside its place and is renamed when whole. Scripts in a
venv name its path, so a venv cannot be renamed: there a file says that it is unfinished.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rungwise.offline.manifest import Carried, Manifest
from rungwise.offline.parts import take_out
from rungwise.offline.plain import BundleError, sha256_of

__all__ = [
    "STAMP",
    "holds",
    "into_target",
    "into_venv",
    "make_venv",
    "models_missing",
    "place_models",
    "to_be_made",
]

STAMP = "rungwise-offline.json"
"""Lies in whatever was installed: the manifest that it was installed from."""
MAKING = "rungwise-offline.making"
UNFINISHED = "rungwise-offline.unfinished"


def holds(place: Path, manifest: Manifest) -> bool:
    """Whether that bundle, and no other, is installed there already, and to its end: the stamp of
    an older one outlives an upgrade that broke off."""
    stamp = place / STAMP
    if (place / UNFINISHED).exists():
        return False
    return stamp.is_file() and stamp.read_bytes() == manifest.text().encode()


def into_target(manifest: Manifest, parts: Path, target: Path, python: str) -> None:
    """Install everything into a folder for PYTHONPATH. One that an older bundle filled is replaced;
    one that somebody else filled is left alone: BundleError."""
    if target.is_symlink() or (
        target.exists() and any(target.iterdir()) and not (target / STAMP).is_file()
    ):
        raise BundleError(f"{target}: is there, and not of install-offline: name another --target")
    with _workshop(target) as work:
        _carried_to(manifest, parts, work)
        new, pip = work / "new", _pip_of(python, work)
        _install([*pip, "--target", str(new)], manifest, work)
        _compile(python, new, target)
        _configs(work, new)
        (new / STAMP).write_text(manifest.text(), encoding="utf-8")
        _swap(new, target, work)


def into_venv(manifest: Manifest, parts: Path, venv: Path, python: str) -> None:
    """Install everything into a venv that is there, with its own pip."""
    with _workshop(venv) as work:
        _carried_to(manifest, parts, work)
        pip, half = _pip_of(python, work), venv / UNFINISHED
        again = ["--force-reinstall"] if half.exists() else []
        half.write_text("installing: run install-offline again\n", encoding="utf-8")
        _install([*pip, *again], manifest, work)
        _configs(work, venv)
        (venv / STAMP).write_text(manifest.text(), encoding="utf-8")
        half.unlink()


def to_be_made(venv: Path) -> bool:
    """Whether there is no venv yet, or one that was not made to its end."""
    return not venv.exists() or not any(venv.iterdir()) or (venv / MAKING).exists()


def make_venv(venv: Path) -> None:
    """A venv that sees what the box has. Its pip, where the box has none, is only borrowed."""
    shutil.rmtree(venv, ignore_errors=True)
    venv.mkdir(parents=True)
    (venv / MAKING).touch()
    command = [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", str(venv)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BundleError(f"no venv: {' '.join(done.stderr.split())[-300:]}")
    (venv / MAKING).unlink()


def models_missing(manifest: Manifest, models: Path) -> list[str]:
    """The carried models that are not there yet. One that is there and differs, in a file or by
    one: BundleError."""
    missing = []
    for name, files in _by_model(manifest).items():
        place = models / name
        if not os.path.lexists(place):
            missing.append(name)
            continue
        if not place.is_dir():
            raise BundleError(f"{place}: is there, and is no folder: move it")
        carried = {models / file.name.removeprefix("models/"): file.sha256 for file in files}
        for path, sha256 in carried.items():
            if not path.is_file() or sha256_of(path) != sha256:
                raise BundleError(f"{place}: is there, and {path.name} is another: move it")
        for path in sorted(_files_below(place) - carried.keys()):
            raise BundleError(f"{path}: is there, and the bundle has no such file: move it")
    return missing


def _files_below(folder: Path) -> set[Path]:
    """All that is no folder; a link is none. Hidden ones are passed over, as bundles do."""
    return {
        path
        for path in folder.rglob("*")
        if (path.is_symlink() or not path.is_dir())
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def place_models(manifest: Manifest, parts: Path, models: Path, names: Sequence[str]) -> None:
    """Write the named models below `models`; each appears only when it is whole."""
    with _workshop(models / "models") as work:
        wanted = {f.name: work / f.name for n in names for f in _by_model(manifest)[n]}
        take_out(manifest, parts, wanted)
        for name in names:
            (work / "models" / name).rename(models / name)


def _by_model(manifest: Manifest) -> dict[str, list[Carried]]:
    models: dict[str, list[Carried]] = {}
    for file in manifest.below("models"):
        models.setdefault(file.name.split("/")[1], []).append(file)
    return models


@contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """An empty folder beside a place, gone afterwards; what a killed run left there goes first."""
    work = place.with_name(place.name + ".unfinished")
    if work.is_symlink():
        raise BundleError(f"{work}: a link, which is not followed: remove it")
    work.mkdir(parents=True, exist_ok=True)
    handle = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BundleError(f"{work}: another install-offline is at work there") from None
        for left in work.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)
    finally:
        os.close(handle)


def _carried_to(manifest: Manifest, parts: Path, work: Path) -> None:
    files = (*manifest.below("wheels"), *manifest.below("configs"))
    take_out(manifest, parts, {file.name: work / file.name for file in files})


def _pip_of(python: str, work: Path) -> list[str]:
    """The command that installs from nothing but the files named; pip from ensurepip if need be.

    No setting of the box's for pip counts: an index, a constraint file, a user folder."""
    clean = ["env", f"PIP_CONFIG_FILE={os.devnull}"]
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode:
        root = work / "pip"
        made = subprocess.run(
            [*clean, python, "-m", "ensurepip", "--root", str(root)], capture_output=True
        )
        found = next(root.rglob("pip/__main__.py"), None)
        if made.returncode or found is None:
            raise BundleError(f"{python}: has neither pip nor ensurepip: install one of them")
        clean.append(f"PYTHONPATH={found.parent.parent}")
    offline = ("--no-index", "--no-deps", "--no-compile", "--disable-pip-version-check", "--quiet")
    return [*clean, python, "-m", "pip", "--isolated", "install", *offline]


def _install(command: Sequence[str], manifest: Manifest, work: Path) -> None:
    wheels = [str(work / file.name) for file in manifest.below("wheels")]
    done = subprocess.run([*command, *wheels], capture_output=True, text=True)
    if done.returncode:
        raise BundleError("pip: " + " ".join(done.stderr.split())[-600:])


def _compile(python: str, new: Path, place: Path) -> None:
    """Compiled once here, and not by each process of each start; what does not compile may stay."""
    subprocess.run(
        [python, "-m", "compileall", "-q", "-j0", "-s", str(new), "-p", str(place), str(new)],
        capture_output=True,
    )


def _configs(work: Path, place: Path) -> None:
    if (work / "configs").is_dir():
        shutil.copytree(work / "configs", place / "rungwise-configs", dirs_exist_ok=True)


def _swap(new: Path, target: Path, work: Path) -> None:
    if target.exists():
        target.rename(work / "old")
    new.rename(target)
