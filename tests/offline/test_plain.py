"""rungwise/offline/plain.py"""

import hashlib
import os
from pathlib import Path

import pytest

from rungwise.offline.plain import BundleError, Plain, sha256_of


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    data = b"x" * 3_000_000
    (tmp_path / "file").write_bytes(data)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(BundleError, match=r"link: a link, which is not followed"):
        Plain(tmp_path / "link")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BundleError, match="not a plain file"):
        Plain(tmp_path / "pipe")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="part-0007: missing"):
        Plain(tmp_path / "part-0007")
