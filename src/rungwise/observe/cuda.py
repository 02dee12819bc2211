"""Does the driver know the CUDA that the installed PyTorch was built for? Imports neither."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rungwise.observe.gpu import Gpu

__all__ = ["driver_too_old", "torch_cuda"]

_CUDA = re.compile(r"^cuda\b[^=\n]*=\s*['\"](\d+)\.(\d+)", re.MULTILINE)


def torch_cuda(root: Path | None = None) -> tuple[int, int] | None:
    """The CUDA of the installed PyTorch, by its own version.py; None where it has none, or is not
    there."""
    if root is None:
        spec = find_spec("torch")
        if spec is None or spec.origin is None:
            return None
        root = Path(spec.origin).parent
    try:
        found = _CUDA.search((root / "version.py").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return (int(found[1]), int(found[2])) if found else None


def driver_too_old(gpus: Sequence[Gpu], built: tuple[int, int] | None) -> tuple[str, bool] | None:
    """What to say of it, and whether nothing will run: a driver runs what was built for an older
    CUDA, and, with less certainty, for a newer one of its own major version."""
    known = [gpu.cuda for gpu in gpus if gpu.cuda is not None]
    if built is None or not known or min(known) >= built:
        return None
    has, needs = (".".join(map(str, version)) for version in (min(known), built))
    told = f"driver {gpus[0].driver} knows CUDA {has}, and PyTorch was built for {needs}"
    return told, min(known)[0] < built[0]
