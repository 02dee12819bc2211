"""Are these the bytes that the source told of? Their size, their SHA-256, and git's own hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rungwise.weights.manifest import Sealed
from rungwise.weights.sources import Listed

__all__ = ["sealed"]

CHUNK = 8 << 20


def sealed(path: Path, file: Listed) -> Sealed | None:
    """Size and hash of what is there; None where it is not the file that was listed. Raises
    OSError."""
    size = path.stat().st_size
    if size != file.size:
        return None
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            sha256.update(chunk)
            if file.sha256 is None:
                blob.update(chunk)
    same = (
        sha256.hexdigest() == file.sha256
        if file.sha256 is not None
        else file.blob in (None, blob.hexdigest())
    )
    return Sealed(size=size, sha256=sha256.hexdigest()) if same else None
