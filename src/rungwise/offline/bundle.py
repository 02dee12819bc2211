"""How is a bundle made for a box without the internet? `scripts/bundle-offline --help`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rungwise.offline.aim import Aim
from rungwise.offline.box import check_room
from rungwise.offline.folders import configs_of, model_files
from rungwise.offline.have import read_have
from rungwise.offline.manifest import FORMAT, MANIFEST, Carried, LeftOut, Manifest, clash
from rungwise.offline.parts import Say, cut
from rungwise.offline.plain import BundleError, sha256_of
from rungwise.offline.shipped import write_installer
from rungwise.offline.wanted import Wanted, resolve
from rungwise.offline.wheels import Wishes, fetch, missing, own_wheel, unpacked, wishes

__all__ = ["Order", "main", "make", "write_bundle"]

UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SMALLEST_PART = 1 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for: `have` and `without` by normalised name, `largest` in bytes."""

    project: Path
    aim: Aim
    have: dict[str, str]
    without: tuple[str, ...]
    loose: bool
    models: tuple[Path, ...]
    largest: int
    wheels: Path
    to: Path


def main(argv: Sequence[str] | None = None) -> int:
    try:
        make(_order(_parser().parse_args(argv)), say=_say)
    except BundleError as error:
        print(f"bundle-offline: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"bundle-offline: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bundle-offline: stopped; run it again to go on", file=sys.stderr)
        return 130
    return 0


def make(order: Order, *, say: Say) -> Manifest:
    """Resolve, fetch, and write the bundle. Raises BundleError before anything heavy where it
    cannot be done."""
    models, configs = model_files(order.models), configs_of(order.project)
    say(f"resolving for Python {order.aim.python} on {order.aim.platform}")
    wanted = resolve(
        order.project, order.aim, have=order.have, without=order.without, loose=order.loose
    )
    _room(order, wanted, models)
    fetch(wanted.wheels, order.wheels, order.aim, say=say)
    own = own_wheel(order.project, order.wheels / "own")
    carried = sorted(order.wheels / wheel.file for wheel in wanted.wheels)
    asked = wishes((*carried, own), order.aim)
    files = models | {f"wheels/{path.name}": path for path in (*carried, own)} | configs
    left_out, broken = _left_out(wanted.there, order.without, asked), _broken(wanted.there, asked)
    for line in (*broken, *_extras(wanted.there, asked)):
        say(f"note: {line}")
    return write_bundle(order, files, left_out, broken, say=say)


def write_bundle(
    order: Order, files: dict[str, Path], left_out: list[LeftOut], broken: list[str], *, say: Say
) -> Manifest:
    """Cut the files into parts, and write the manifest last: without one there is no bundle.

    What changes seldom comes first, so that a new version of the project changes the last parts.
    """
    if name := clash(files):
        raise BundleError(f"{name}: two files, or a file and a folder, of that name: rename one")
    order.to.mkdir(parents=True, exist_ok=True)
    (order.to / MANIFEST).unlink(missing_ok=True)
    carried = [_carried(name, path) for name, path in files.items()]
    parts = cut(list(files.values()), order.to, largest=order.largest, say=say)
    manifest = Manifest(
        format=FORMAT,
        python=order.aim.python,
        platform=order.aim.platform,
        glibc=_glibc(file.name for file in carried),
        vllm=order.aim.vllm or "none",
        files=carried,
        parts=parts,
        left_out=left_out,
        broken=broken,
    )
    write_installer(order.to)
    half = order.to / f"{MANIFEST}.half"
    half.write_text(manifest.text(), encoding="utf-8")
    half.replace(order.to / MANIFEST)
    size = sum(part.size for part in parts) / 1e6
    say(f"{order.to}: {len(files)} files in {len(parts)} parts, {size:.0f} MB")
    say(f"{MANIFEST}: sha256 {sha256_of(order.to / MANIFEST)}")
    return manifest


def _carried(name: str, path: Path) -> Carried:
    size = path.stat().st_size
    weight = unpacked(path) if name.startswith("wheels/") else size
    return Carried(name=name, size=size, sha256=sha256_of(path), unpacked=weight)


def _room(order: Order, wanted: Wanted, models: dict[str, Path]) -> None:
    lacking = sum(wheel.size or 0 for wheel in missing(wanted.wheels, order.wheels))
    whole = sum(wheel.size or 0 for wheel in wanted.wheels)
    whole += sum(path.stat().st_size for path in models.values())
    check_room(order.wheels, lacking)
    check_room(order.to, whole + lacking)


def _glibc(names: Iterable[str]) -> str:
    """The oldest C library that every carried wheel runs with."""
    needed = 0
    for name in names:
        minors = [int(minor) for minor in re.findall(r"manylinux_2_(\d+)_", name)]
        minors += [17] * ("manylinux2014" in name)
        needed = max(needed, min(minors, default=0))
    return f"2.{needed}"


def _left_out(there: dict[str, str], without: Sequence[str], asked: Wishes) -> list[LeftOut]:
    rows = [(name, version, "there") for name, version in there.items()]
    rows += [(name, "", "without") for name in without]
    return [
        LeftOut(name=name, version=version, why=why, wanted=_told(asked, name))
        for name, version, why in sorted(rows)
    ]


def _told(asked: Wishes, name: str) -> list[str]:
    """The exact ones first: those are what breaks."""
    told = (f"{who} wants {_short(wish)}" for who, wish in asked.get(name, ()))
    return sorted(told, key=lambda line: ("==" not in line, line))


def _short(wish: Requirement) -> str:
    extras = f"[{','.join(sorted(wish.extras))}]" if wish.extras else ""
    return f"{wish.name}{extras}{wish.specifier}"


def _broken(there: dict[str, str], asked: Wishes) -> list[str]:
    return sorted(
        f"{who} wants {_short(wish)}, {version} is there"
        for name, version in there.items()
        for who, wish in asked.get(name, ())
        if not wish.specifier.contains(version, prereleases=True)
    )


def _extras(there: dict[str, str], asked: Wishes) -> list[str]:
    return sorted(
        f"{who} wants {_short(wish)}: {name} is there, whether with that extra is not known"
        for name in there
        for who, wish in asked.get(name, ())
        if wish.extras
    )


def _order(arguments: argparse.Namespace) -> Order:
    have: dict[str, str] = {}
    for path in arguments.have:
        have |= read_have(path)
    for name in (*arguments.bring, "rungwise"):
        have.pop(canonicalize_name(name), None)
    engine = None if arguments.vllm == "none" else arguments.vllm
    return Order(
        project=arguments.project,
        aim=Aim(
            python=arguments.python,
            platform=arguments.platform,
            glibc=arguments.glibc,
            vllm=engine,
            extras=tuple(arguments.extra),
        ),
        have=have,
        without=tuple(sorted({canonicalize_name(name) for name in arguments.without})),
        loose=arguments.loose,
        models=tuple(arguments.models),
        largest=_bytes(arguments.max_part),
        wheels=arguments.wheels.expanduser(),
        to=arguments.to,
    )


def _bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+)(KiB|MiB|GiB)", text)
    size = int(found[1]) * UNITS[found[2]] if found else 0
    if size < SMALLEST_PART:
        raise BundleError(f"--max-part {text}: like 60MiB, at least 1KiB")
    return size


class _Parser(argparse.ArgumentParser):
    """Takes `@FILE` in place of arguments: one a line, and comments."""

    def convert_arg_line_to_args(self, line: str) -> list[str]:
        return line.partition("#")[0].split()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="bundle-offline",
        description="Everything a box without internet needs, in parts of a stated size.",
        epilog="@FILE stands for arguments that are in a file.",
        fromfile_prefix_chars="@",
    )
    say = parser.add_argument
    say("--python", default="3.12", help="of the box (%(default)s)")
    say("--platform", default="x86_64", help="of the box: x86_64 or aarch64 (%(default)s)")
    say("--glibc", default="2.35", help="of the box, at least (%(default)s)")
    say("--vllm", required=True, help="version to carry; none: without an engine")
    say("--extra", action="append", default=[], help="of the project: postgres, redis, lab")
    say("--have", type=Path, action="append", default=[], help="the box's `pip freeze`")
    say("--bring", nargs="+", action="extend", default=[], help="carry these though they are there")
    say("--without", nargs="+", action="extend", default=[], help="packages to do without")
    say("--loose", action="store_true", help="what is there stays, whatever the carried ones want")
    say("--models", type=Path, nargs="+", action="extend", default=[], help="folders to carry")
    say("--max-part", default="1GiB", help="largest part: 200KiB, 60MiB (%(default)s)")
    say("--wheels", type=Path, default="~/.cache/rungwise/offline", help="kept for the next time")
    say("--project", type=Path, default=Path(), help="the checkout (%(default)s)")
    say("--to", type=Path, required=True, help="folder to write the bundle to")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
