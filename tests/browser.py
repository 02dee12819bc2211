"""What does a person with a browser see? Headless Chromium, and a server on a thread of its own.

A page whose console tells an error, or whose policy was broken, fails its test."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from tests.outside import free_port, program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

__all__ = ["browser", "opened", "read", "serving_on_a_thread"]

PATIENCE_S = 20.0
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """No longer than a module, whose tests must all be plain functions: while playwright drives it,
    a loop of asyncio runs on this thread, and no other one could."""
    path = program("chromium", "chromium-headless-shell", "chromium-headless-shell")
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=options)
        yield chromium
        chromium.close()


@contextmanager
def serving_on_a_thread(app: Any, port: int | None = None) -> Iterator[str]:
    """The app on loopback: playwright's own loop holds this thread."""
    port = port or free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error")
    config.timeout_graceful_shutdown = 2
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + PATIENCE_S
    while not server.started:
        assert thread.is_alive() and time.monotonic() < end, "the server did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)


@contextmanager
def opened(
    browser: Browser, *, phone: bool = False, dark: bool = False, expected: tuple[str, ...] = ()
) -> Iterator[Page]:
    """A fresh page. `expected`: parts of what its console may say, such as a status."""
    context = browser.new_context(
        viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page, said = context.new_page(), []
    page.set_default_timeout(1000 * PATIENCE_S)
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield page
        unexpected = [line for line in said if not any(part in line for part in expected)]
        assert not unexpected, unexpected
    finally:
        context.close()


def read(where: Page | Locator, selector: str = "main") -> str:
    """What a person reads there: a gap that holds a number and its unit together is a space."""
    found = where.locator(selector) if selector else where
    return str(found.inner_text()).replace("\u00a0", " ")  # type: ignore[union-attr]
