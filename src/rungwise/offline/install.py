"""How is a bundle installed on the box? `python3 install-offline --check`, then `--target DIR`.

Packed with its neighbours into the one file `install-offline` of each bundle, which runs on a bare
Python without rungwise and without the internet.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from rungwise.offline.box import Box, check_box, check_room, look_at
from rungwise.offline.manifest import Manifest, read_manifest
from rungwise.offline.parts import check_parts, take_out
from rungwise.offline.placing import (
    holds,
    into_target,
    into_venv,
    make_venv,
    models_missing,
    place_models,
    to_be_made,
)
from rungwise.offline.plain import BundleError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None, *, bundle: Path | None = None) -> int:
    """`bundle` is where the manifest lies, unless --bundle says."""
    arguments = _parser(bundle).parse_args(argv)
    if isinstance(sys.stdout, TextIOWrapper):  # a folder may be called what a terminal cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _run(arguments)
    except BundleError as error:
        print(f"install-offline: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"install-offline: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser(bundle: Path | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="install-offline",
        description="Check a bundle made by bundle-offline, and install it. Needs no internet.",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--target", type=Path, help="install into this folder, for PYTHONPATH")
    place.add_argument("--venv", type=Path, help="install into this venv; made where missing")
    parser.add_argument("--models", type=Path, help="put the carried models below this folder")
    parser.add_argument("--check", action="store_true", help="check everything, install nothing")
    parser.add_argument("--anyway", action="store_true", help="install though packages are missing")
    parser.add_argument(
        "--bundle", type=Path, default=bundle, help="where manifest and parts lie (beside this)"
    )
    return parser


def _run(arguments: argparse.Namespace) -> None:
    if arguments.bundle is None:
        raise BundleError("where is the bundle? say --bundle FOLDER")
    parts: Path = arguments.bundle
    manifest = read_manifest(parts)
    _say(_what(manifest))
    if arguments.check:
        return _check(manifest, parts, arguments)
    if not (arguments.target or arguments.venv or arguments.models):
        raise BundleError(
            "install where? --target DIR or --venv DIR, and --models DIR (or --check)"
        )
    if arguments.target:
        place = arguments.target.absolute()
        _target(manifest, parts, place, anyway=arguments.anyway)
    elif arguments.venv:
        place = arguments.venv.absolute()
        _venv(manifest, parts, place, anyway=arguments.anyway)
    _models(manifest, parts, arguments.models)
    if arguments.target:
        _say(f"start: PYTHONPATH={place} {sys.executable} -m rungwise doctor")
    elif arguments.venv:
        _say(f"start: {place}/bin/python -m rungwise doctor")


def _check(manifest: Manifest, parts: Path, arguments: argparse.Namespace) -> None:
    for line in check_box(manifest, look_at(sys.executable), anyway=arguments.anyway):
        _say(f"note: {line}")
    check_parts(manifest, parts)
    take_out(manifest, parts, {})
    _say("all parts are here and whole, and fit this Python")


def _target(manifest: Manifest, parts: Path, target: Path, *, anyway: bool) -> None:
    for line in check_box(manifest, look_at(sys.executable), anyway=anyway):
        _say(f"note: {line}")
    if holds(target, manifest):
        return _say(f"{target}: this bundle is installed there already")
    _before(manifest, parts, target)
    into_target(manifest, parts, target, sys.executable)
    _installed(target, look_at(sys.executable, target))


def _venv(manifest: Manifest, parts: Path, venv: Path, *, anyway: bool) -> None:
    made = to_be_made(venv)
    python = venv / "bin" / "python"
    if not made and not python.exists():
        raise BundleError(f"{venv}: is there, and is no venv: name another --venv")
    try:
        if made:
            _say(f"{venv}: making the venv")
            make_venv(venv)
        for line in check_box(manifest, look_at(str(python)), anyway=anyway):
            _say(f"note: {line}")
        if holds(venv, manifest):
            return _say(f"{venv}: this bundle is installed there already")
        _before(manifest, parts, venv)
        into_venv(manifest, parts, venv, str(python))
    except BaseException:
        if made:
            shutil.rmtree(venv, ignore_errors=True)
        raise
    _installed(venv, look_at(str(python)))


def _installed(place: Path, box: Box) -> None:
    _say(f"{place}: installed" + (f"; but {box.engine}" if box.engine else ""))


def _before(manifest: Manifest, parts: Path, place: Path) -> None:
    wheels = manifest.below("wheels")
    check_room(place, sum(file.size + file.unpacked for file in wheels))
    _say(f"checking {len(manifest.parts)} parts")
    check_parts(manifest, parts)
    _say(f"{place}: installing {len(wheels)} wheels; a minute or two with an engine")


def _models(manifest: Manifest, parts: Path, models: Path | None) -> None:
    carried = manifest.below("models")
    if models is None:
        return _say("it carries models too: --models DIR puts them there") if carried else None
    missing = models_missing(manifest, models)
    names = {f"models/{name}/" for name in missing}
    check_room(models, sum(f.size for f in carried if f.name.startswith(tuple(names))))
    if missing:
        _say(f"{models}: writing {', '.join(missing)}")
        check_parts(manifest, parts)
        place_models(manifest, parts, models.absolute(), missing)
    placed = sorted({file.name.split("/")[1] for file in carried})
    _say(f"{models}: {', '.join(placed) or 'the bundle carries no models'}")


def _what(manifest: Manifest) -> str:
    size = sum(part.size for part in manifest.parts) / 1e6
    short = hashlib.sha256(manifest.text().encode()).hexdigest()[:16]
    return (
        f"bundle {short}: vLLM {manifest.vllm}, Python {manifest.python}, {manifest.platform}, "
        f"{len(manifest.files)} files in {len(manifest.parts)} parts, {size:.0f} MB"
    )


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
