"""Where do a command's figures go? Checked before the work begins, written after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rungwise.errors import ConfigError

__all__ = ["check_writable", "write_json"]


def check_writable(**files: Path | None) -> None:
    """Call it with each option's file under the option's name: `check_writable(json=...)`. Raises
    ConfigError for the first that could not be written; leaves nothing behind."""
    for name, file in files.items():
        if file is None or (file.exists() and not (file.is_file() or file.is_dir())):
            continue  # a pipe or a device is opened once, to write
        fresh = not file.exists()
        try:
            with file.open("ab"):
                pass
        except OSError as error:
            raise _fault(name, file, error) from None
        if fresh:
            file.unlink()


def write_json(file: Path | None, figures: Mapping[str, object]) -> None:
    """What `--json` asks for; nothing where it was not given."""
    if file is None:
        return
    try:
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise _fault("json", file, error) from None


def _fault(name: str, file: Path, error: OSError) -> ConfigError:
    flag = name.replace("_", "-")
    return ConfigError(
        f"--{flag}: cannot write {file} ({error.strerror}); name a file in a folder that is there"
    )
