"""How does the view of GPUs look on a GPU box? A picture of what one NVIDIA H100 told, titled so.

python -m tests.page.played FOLDER writes docs/pictures/gpu-h100.png, in the recording's own time.
What a machine shows by itself, scripts/screenshots takes there."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from rungwise.access.static import StaticKeyring
from rungwise.edge.engines import Engines
from rungwise.edge.page import PageRoutes
from rungwise.lab.screenshots import PICTURES, chromium, take
from rungwise.observe.gpu_usage import GpuWatch
from rungwise.store.sql import Store
from rungwise.tiers.scripted import ScriptedTier
from tests.browser import serving_on_a_thread
from tests.doubles.nvml import ENGINE, PlayedNvml
from tests.edge.looking import looked_at

TITLE = "GPU (as recorded on one NVIDIA H100; random weights)"
FROM_S, FOR_S = 66.0, 64.0
"""Of the recording: its engine is ready at 72 s, and at 130 s at its greatest load."""


class Recording:
    """NVML and the engine, at the same moment of the recording."""

    name = "tier1"

    def __init__(self) -> None:
        self._began, self._nvml = time.monotonic(), PlayedNvml()

    def restart(self) -> None:
        self._began = time.monotonic()

    @property
    def _second(self) -> float:
        return FROM_S + time.monotonic() - self._began

    def __call__(self) -> PlayedNvml:
        """As `open_nvml` gives it."""
        return self._nvml

    def own(self) -> frozenset[int]:
        self._nvml.second = self._second  # asked once for each look
        return frozenset({self._nvml.own_pid})

    @property
    def stats(self) -> SimpleNamespace:
        return max(
            (row for row in ENGINE if row.s <= self._second),
            key=lambda row: row.s,
            default=ENGINE[0],
        )


def main(folder: Path) -> None:
    recording = Recording()
    engines = Engines([recording])
    with tempfile.TemporaryDirectory(prefix="rungwise-played-") as home:
        store = Store(Path(home) / "ledger.db")
        watch = GpuWatch(recording, own=recording.own, every_s=1.0)
        app = looked_at(
            store,
            keyring=StaticKeyring(()),
            ladder=(ScriptedTier("tier1", model="random weights in the shape of Qwen3-8B"),),
            gpus=watch,
            engine=engines.of,
        )

        @asynccontextmanager
        async def life(_: object) -> AsyncIterator[None]:
            await store.start()
            await watch.start()
            yield
            await watch.stop()
            await store.stop()

        page = PageRoutes()
        app.add_route("/ui", page.root)
        app.add_route("/ui/{name:path}", page.file)
        app.router.lifespan_context = life
        with serving_on_a_thread(app) as url, chromium() as browser:
            (view,) = [picture for picture in PICTURES if picture.name == "gpu"]
            recorded = replace(view, name="gpu-h100", wait_ms=round(1000 * FOR_S))
            recording.restart()
            print(take(browser, recorded, url, folder, titled=TITLE))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
