"""Wheels of a few bytes, and bundles of them for the Python that runs the tests."""

import base64
import hashlib
import platform
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from rungwise.offline.aim import Aim
from rungwise.offline.bundle import Order, write_bundle
from rungwise.offline.manifest import LeftOut, Manifest

HERE = Aim(
    python="{}.{}".format(*sys.version_info[:2]),
    platform=platform.machine(),
    glibc="2.35",
    vllm=None,
)


def wheel(folder: Path, name: str, version: str, *requires: str, ballast: int = 0) -> Path:
    """A wheel with one module that tells its version, and `ballast` bytes that do not compress."""
    folder.mkdir(parents=True, exist_ok=True)
    about = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    about += [f"Requires-Dist: {line}" for line in requires]
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n".encode(),
        f"{info}/METADATA": ("\n".join(about) + "\n").encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if ballast:
        files[f"{name}.bin"] = hashlib.shake_256(name.encode()).digest(ballast)
    rows = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in files.items()]
    files[f"{info}/RECORD"] = ("\n".join([*rows, f"{info}/RECORD,,"]) + "\n").encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for place, data in files.items():
            packed.writestr(zipfile.ZipInfo(place), data)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(hashlib.shake_256(b"weights").digest(5000))
    return folder


def order(
    to: Path, *, largest: int = 2000, aim: Aim = HERE, have: dict[str, str] | None = None
) -> Order:
    return Order(
        project=Path(),
        aim=aim,
        have=have or {},
        without=(),
        loose=False,
        models=(),
        largest=largest,
        wheels=to.with_name("wheels"),
        to=to,
    )


def bundle(
    to: Path,
    wheels: Sequence[Path],
    *,
    files: dict[str, Path] | None = None,
    left_out: Sequence[LeftOut] = (),
    aim: Aim = HERE,
) -> Manifest:
    carried = (files or {}) | {f"wheels/{path.name}": path for path in wheels}
    return write_bundle(order(to, aim=aim), carried, list(left_out), [], say=lambda _: None)
