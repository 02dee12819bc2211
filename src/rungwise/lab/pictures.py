"""Can a picture be drawn here, and where does it go? PNG, by matplotlib (the extra `lab`)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rungwise.errors import ConfigError

__all__ = ["check_matplotlib", "save"]


def check_matplotlib() -> None:
    """Raises ConfigError where nothing can be drawn: before long work, not after it."""
    if find_spec("matplotlib") is None:
        raise ConfigError(
            "--plot: matplotlib is not installed; install rungwise[lab], or leave --plot out"
        )


def save(figure: Any, path: Path, dpi: int = 110) -> None:
    """Write one of pyplot's figures, and close it. Raises ConfigError."""
    from matplotlib import pyplot

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=dpi, format="png")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        pyplot.close(figure)
