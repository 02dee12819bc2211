"""Does a bundle fit this box: its Python, its platform, and what it has already?"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rungwise.offline.manifest import LeftOut, Manifest
from rungwise.offline.plain import BundleError

__all__ = ["Box", "check_box", "check_room", "look_at"]

SHOWN = 5
PROBE = """
import importlib.metadata, json, platform, re, sys
there = {}
for found in importlib.metadata.distributions():
    name = found.metadata["Name"]
    if name:
        there.setdefault(re.sub(r"[-_.]+", "-", name).lower(), found.version)
libc = platform.libc_ver()
engine = ""
if "vllm" in there:
    asked = " ".join(importlib.metadata.requires("vllm") or ())
    torch = re.search(r"\\btorch ?==([0-9.]+)", asked)
    found = there.get("torch", "none").partition("+")[0]
    if torch and torch[1] != found:
        engine = "vllm %s wants torch==%s, found %s" % (there["vllm"], torch[1], found)
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], "system": sys.platform,
    "machine": platform.machine(), "glibc": libc[1] if libc[0] == "glibc" else "",
    "engine": engine, "there": there}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One Python of this machine, and the packages it sees: normalised name -> version. `engine`
    says where its vLLM does not match its torch; else it is empty."""

    python: str
    system: str
    machine: str
    glibc: str
    engine: str
    there: dict[str, str]


def look_at(python: str, path: Path | None = None) -> Box:
    """What that interpreter says of itself, with `path` before its packages. Raises BundleError
    where it cannot be run."""
    with_path = ["env", f"PYTHONPATH={path}"] if path else []
    try:
        said = subprocess.run(
            [*with_path, python, "-c", PROBE], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BundleError(f"{python}: does not run ({error})") from None
    return Box(**json.loads(said.splitlines()[-1]))


def check_box(manifest: Manifest, box: Box, *, anyway: bool) -> list[str]:
    """Raises BundleError where the bundle cannot run here; returns what is only worth a line.

    With `anyway`, packages that should be there and are not are worth a line too.
    """
    if box.python != manifest.python:
        raise BundleError(
            f"the bundle is for Python {manifest.python}, this is {box.python}: "
            f"run it with python{manifest.python}, or bundle with --python {box.python}"
        )
    if (box.system, box.machine) != ("linux", manifest.platform):
        raise BundleError(
            f"the bundle is for Linux on {manifest.platform}, this is {box.system} on "
            f"{box.machine}: bundle with --platform"
        )
    if _numbers(box.glibc) < _numbers(manifest.glibc):
        raise BundleError(
            f"the bundle needs glibc {manifest.glibc}, here is {box.glibc or 'another C library'}: "
            f"bundle with --glibc {box.glibc or '...'}"
        )
    lacks, notes = _differences(manifest.there, box.there)
    if lacks and not anyway:
        more = f"; and {len(lacks) - SHOWN} more" if lacks[SHOWN:] else ""
        raise BundleError(
            f"{'; '.join(lacks[:SHOWN])}{more}: "
            "bundle again with this box's `pip freeze`, or install --anyway"
        )
    return lacks + notes


def _differences(listed: list[LeftOut], there: dict[str, str]) -> tuple[list[str], list[str]]:
    lacks, notes = [], []
    for one in listed:
        found = there.get(one.name)
        line = f"{one.name} {one.version} should be here, found {found or 'none'}"
        if found is None or found.partition("+")[0] != one.version.partition("+")[0]:
            lacks.append(line + (f" ({one.wanted[0]})" if one.wanted else ""))
        elif found != one.version:
            notes.append(line)
    return sorted(lacks, key=lambda line: "==" not in line), notes


def check_room(folder: Path, needed: int) -> None:
    """Raises BundleError unless that many bytes are free where the folder is, or will be."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BundleError(
            f"{folder}: {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB needed: make room, "
            "or name a folder elsewhere"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]{1,4}", version))
