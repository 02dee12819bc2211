"""How does the view of GPUs look where there are some? A picture of a played trace, titled so.

python -m tests.page.played FOLDER writes docs/pictures/gpu-played.png. What a machine with GPUs
shows, scripts/screenshots takes there."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from rungwise.access.static import StaticKeyring
from rungwise.edge.page import PageRoutes
from rungwise.lab.screenshots import PICTURES, chromium, take
from rungwise.observe.gpu_usage import GpuWatch
from rungwise.store.sql import Store
from rungwise.tiers.scripted import ScriptedTier
from tests.browser import serving_on_a_thread
from tests.doubles.nvml import PlayedNvml
from tests.edge.looking import looked_at

TITLE = "GPU (a played trace: made up, of no device)"


class Going(PlayedNvml):
    """A second further at each look."""

    def nvmlSystemGetDriverVersion(self) -> str:
        self.second += 1
        return super().nvmlSystemGetDriverVersion()


class Engine:
    """As busy as the played GPU."""

    prefix_hits, waiting = 0.56, 0.0

    def __init__(self, nvml: PlayedNvml) -> None:
        self._nvml = nvml

    @property
    def _busy(self) -> float:
        return float(self._nvml.nvmlDeviceGetUtilizationRates(0).gpu) / 100

    @property
    def running(self) -> float:
        return round(14 * self._busy)

    @property
    def kv_use(self) -> float:
        return 0.4 * self._busy

    @property
    def tokens_per_s(self) -> float:
        return 4200 * self._busy


def main(folder: Path) -> None:
    nvml = Going(gpus=2, second=22)  # idle at first, busy in the end
    with tempfile.TemporaryDirectory(prefix="rungwise-played-") as home:
        store = Store(Path(home) / "ledger.db")
        watch = GpuWatch(nvml, own=lambda: frozenset({0}), every_s=1.0)
        app = looked_at(
            store,
            keyring=StaticKeyring(()),
            ladder=(ScriptedTier("tier1", model="played"),),
            gpus=watch,
            engine=lambda _: Engine(nvml),
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
            print(take(browser, replace(view, name="gpu-played"), url, folder, titled=TITLE))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
