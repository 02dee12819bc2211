"""Is this a plain file, and what is in it? No link is followed, no pipe is waited for."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

__all__ = ["BundleError", "Plain", "sha256_of"]

CHUNK = 1 << 20


class BundleError(Exception):
    """It cannot go on. One line: what, what was found, what to do."""


class Plain:
    """A file open for reading. Raises BundleError where it is missing, or not a plain file."""

    def __init__(self, path: Path) -> None:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise BundleError(f"{path.name}: missing in {path.parent}") from None
        except OSError as error:
            why = "a link, which is not followed" if path.is_symlink() else error.strerror
            raise BundleError(f"{path}: {why}") from None
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            os.close(handle)
            raise BundleError(f"{path}: not a plain file")
        self.size = found.st_size
        self._file = os.fdopen(handle, "rb")

    def __enter__(self) -> Plain:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def chunks(self) -> Iterator[bytes]:
        while chunk := self._file.read(CHUNK):
            yield chunk


def sha256_of(path: Path) -> str:
    """The hash of a plain file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with Plain(path) as file:
        for chunk in file.chunks():
            digest.update(chunk)
    return digest.hexdigest()
