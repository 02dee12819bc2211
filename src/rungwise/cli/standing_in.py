"""Which ladder drafts offline? A configuration's own, or with the stand-in for its hosted rungs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rungwise.config import Config, load

__all__ = ["configured"]


@contextmanager
def configured(config: Path, *, standin: bool, gates: bool = True) -> Iterator[Config]:
    """The configuration while it can be used: with the stand-in, while that runs. There `gates` are
    left out at will: a calibration that is to be replaced need not load. Raises ConfigError."""
    if not standin:
        yield load(config)
        return
    import yaml

    from rungwise.demo import ladder

    with tempfile.TemporaryDirectory(prefix="rungwise-standin-") as name:
        folder = Path(name)
        with ladder.standin(config, folder, print) as upstream:
            upstream.wait()
            document = ladder.with_standin(config, upstream.url, folder / "rungwise.db")
            if not gates:
                document["gates"] = []
            path = folder / "config.yaml"
            path.write_text(yaml.safe_dump(document), encoding="utf-8")
            yield load(path, {ladder.STANDIN_KEY_ENV: ladder.STANDIN_KEY})
