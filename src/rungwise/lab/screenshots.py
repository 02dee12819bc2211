"""How does the page at /ui look? Pictures of a server that runs, for the documents.

Needs Debian's chromium-headless-shell and the package playwright (the extra `dev`)."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

__all__ = ["PICTURES", "Picture", "chromium", "climbed", "take"]

MOST_BYTES, MOST_HEIGHT = 200_000, 1700
SOON_MS, POLLED_MS = 500, 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    name: str
    view: str
    """As in the page's address; {id} is an answer's."""
    shown: str
    """What the page has to show before the picture is taken."""
    dark: bool = False
    phone: bool = False
    wait_ms: int = SOON_MS

    @property
    def size(self) -> ViewportSize:
        return {"width": 390, "height": 844} if self.phone else {"width": 1280, "height": 860}


PICTURES = (
    Picture(name="overview-light", view="", shown=".plot > *"),
    Picture(name="overview-dark", view="", shown=".plot > *", dark=True),
    Picture(name="routes", view="routes?by=step_type", shown=":is(table, .note)"),
    Picture(name="answer", view="answer/{id}", shown=".story"),
    Picture(name="calibration", view="calibration", shown=":is(.panel, .note)"),
    Picture(name="gpu", view="gpu", shown=":is(.tiles, .note)", wait_ms=POLLED_MS),
    Picture(name="phone", view="", shown=".route", phone=True),
)


def take(
    browser: Browser,
    picture: Picture,
    url: str,
    folder: Path,
    *,
    id: str = "",
    key: str | None = None,
    titled: str | None = None,
) -> Path:
    """As PNG of MOST_BYTES at most: what would be larger shows less of the page. `titled` stands
    in place of the view's title."""
    context = browser.new_context(
        viewport=picture.size,
        color_scheme="dark" if picture.dark else "light",
        reduced_motion="reduce",
    )
    try:
        if key:
            context.add_init_script(f"sessionStorage.setItem('rungwise.key', {key!r})")
        page = context.new_page()
        page.goto(f"{url}/ui/#/{picture.view.format(id=id)}")
        page.wait_for_selector(f"main[data-ready] {picture.shown}")
        page.wait_for_timeout(picture.wait_ms)
        if titled:
            page.evaluate("(text) => { document.querySelector('h1').textContent = text }", titled)
        path = folder / f"{picture.name}.png"
        path.write_bytes(_small(page, picture.size["width"], picture.size["height"]))
        return path
    finally:
        context.close()


def _small(page: Page, width: int, least: int) -> bytes:
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), MOST_HEIGHT)
    while True:
        told = page.screenshot(
            full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height}
        )
        if len(told) <= MOST_BYTES or height <= least:
            return told
        height = max(least, height - 100)


def climbed(url: str, key: str | None = None) -> str:
    """The newest answer of which a rung's draft was judged and abandoned, else the newest."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    asked = httpx.get(f"{url}/v1/answers", params={"limit": 200}, headers=headers, trust_env=False)
    rows = asked.raise_for_status().json()["data"]
    if not rows:
        sys.exit("nothing was asked yet: there is no story to show")
    judged = [
        row
        for row in rows
        if row["state"] == "answered"
        and any(one["state"] == "abandoned" and one["confidence"] for one in row["tried"])
    ]
    return str((judged or rows)[0]["id"])


@contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        sys.exit("no chromium-headless-shell: install Debian's package of that name")
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__)
    parser.add_argument("url", help="such as http://127.0.0.1:8080")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--key", help="where the server asks for one")
    parser.add_argument("--id", help="of the answer whose story is shown; else one that climbed")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    id = given.id or climbed(given.url, given.key)
    with chromium() as browser:
        for picture in PICTURES:
            path = take(browser, picture, given.url, given.folder, id=id, key=given.key)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
