"""What is the one file that installs a bundle? This room's reading half, as a Python zip."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["NAME", "write_installer"]

NAME = "install-offline"
MODULES = ("__init__", "plain", "manifest", "parts", "box", "placing", "install")
"""Standard library alone: the box has no rungwise yet."""
START = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("install-offline: needs Python 3.11 or later, this is " + sys.version.split()[0])
from pathlib import Path

from rungwise.offline.install import main

raise SystemExit(main(bundle=Path(__file__).absolute().parent.parent))
"""


def write_installer(folder: Path) -> Path:
    """Write `install-offline`: `python3 install-offline`, or started by itself. The same bytes
    each time."""
    here = Path(__file__).parent
    texts = {f"rungwise/offline/{name}.py": (here / f"{name}.py").read_text() for name in MODULES}
    texts["rungwise/__init__.py"] = (here.parent / "__init__.py").read_text()
    texts["__main__.py"] = START
    path = folder / NAME
    with path.open("wb") as out:
        out.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(out, "w") as packed:
            for name, text in sorted(texts.items()):
                packed.writestr(zipfile.ZipInfo(name), text)
    path.chmod(0o755)
    return path
