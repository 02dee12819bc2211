"""How long does a look at a large ledger take over HTTP, and until the page shows something?"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.counted import percentile
from rungwise.lab.bench.gateways import Gateway, rungwise

if TYPE_CHECKING:
    import aiohttp
    from playwright.sync_api import Browser

__all__ = ["fetch", "measure_looks"]

ROUNDS = 20
PAGES = 5
NAME = "large"
FIRST_CONTENT = 'main[data-ready="overview"]'
"""It is there once the overview shows its figures."""
PATIENCE_MS = 60_000
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
KEPT = "rungwise.key"
"""Where the page keeps the key that somebody typed."""
REPORTS = (
    "/v1/figures?by=route&days=7&limit=200",
    "/v1/figures?by=step_type&days=7",
    "/v1/figures?by=key&days=7",
    "/v1/figures?by=tier&days=7",
    "/v1/figures?by=day&days=14",
    "/v1/series?window=3h",
    "/v1/series?window=1d",
    "/v1/series?window=2w",
    "/v1/answers?limit=50",
    "/v1/alarms?limit=50",
    "/v1/calibrations",
)


def measure_looks(
    folder: Path, upstream: Gateway, entries: int, *, page: bool
) -> dict[str, object]:
    """`reports_ms` by path, `reports_p95_ms` the worst of them, and `page_s` until the overview
    shows its figures in a headless Chromium; why not, where that is not measured."""
    import uvloop

    from rungwise.lab.bench.ledger import fill

    fill(folder / f"{NAME}.db", entries)
    with rungwise(folder, upstream, name=NAME) as server:
        reports = uvloop.run(_reports(server))
        shown = _page(server) if page else "left out: --no-page"
    p95 = max(one["p95"] for one in reports.values())
    return {"entries": entries, "reports_ms": reports, "reports_p95_ms": p95, "page_s": shown}


async def _reports(server: Gateway) -> dict[str, dict[str, float]]:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        taken: dict[str, list[float]] = {}
        for path in REPORTS:
            await fetch(session, server, path)
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                await fetch(session, server, path)
                taken.setdefault(path, []).append(1000 * (time.perf_counter() - begun))
    return {
        path: {"p50": percentile(ms, 0.5) or 0.0, "p95": percentile(ms, 0.95) or 0.0}
        for path, ms in taken.items()
    }


async def fetch(session: aiohttp.ClientSession, server: Gateway, path: str) -> bytes:
    """Raises RuntimeError for any status but 200."""
    headers = {"authorization": f"Bearer {server.key}"} if server.key else {}
    async with session.get(f"{server.url}{path}", headers=headers) as answer:
        told = await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: HTTP {answer.status}")
        return told


def _page(server: Gateway) -> dict[str, float] | str:
    """Each time with nothing cached."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError:
        return "not measured: playwright is not installed"
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        return "not measured: no Chromium here"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            taken = [_opened(browser, server) for _ in range(PAGES)]
        except Error as error:
            return f"not measured: {str(error).splitlines()[0]}"
        finally:
            browser.close()
    return {"p50": percentile(taken, 0.5) or 0.0, "most": max(taken)}


def _opened(browser: Browser, server: Gateway) -> float:
    context = browser.new_context()
    try:
        context.add_init_script(f"sessionStorage.setItem({KEPT!r}, {server.key!r})")
        page = context.new_page()
        begun = time.perf_counter()
        page.goto(f"{server.url}/ui/", wait_until="commit")
        page.wait_for_selector(FIRST_CONTENT, state="attached", timeout=PATIENCE_MS)
        return time.perf_counter() - begun
    finally:
        context.close()
