"""What does /ui serve? These files and no others, under a strict policy, sent when new."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from rungwise.edge.page import PAGE_PATHS, PageRoutes
from rungwise.tiers.scripted import ScriptedTier
from tests.served import served

pytestmark = pytest.mark.anyio

FOLDER = Path(str(files("rungwise").joinpath("page")))
NOT_SERVED = {"vendor/uplot/LICENSE", "vendor/uplot/VERSION"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    page = PageRoutes()
    app = Starlette(routes=[Route("/ui", page.root), Route("/ui/{name:path}", page.file)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        yield http


def held() -> set[str]:
    found = (path for path in FOLDER.rglob("*") if path.is_file())
    return {path.relative_to(FOLDER).as_posix() for path in found} - NOT_SERVED


def test_what_is_served_is_what_the_folder_holds() -> None:
    assert {f"/ui/{name}" for name in held()} | {"/ui", "/ui/"} == PAGE_PATHS


async def test_every_file_comes_as_what_it_is_under_a_strict_policy(
    http: httpx.AsyncClient,
) -> None:
    kinds = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg"}
    for name in held():
        answer = await http.get(f"/ui/{name}")
        assert answer.status_code == 200 and answer.content == (FOLDER / name).read_bytes()
        assert answer.headers["content-type"].startswith(kinds[name.rpartition(".")[2]])
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_root_leads_to_the_page_also_behind_a_prefix(http: httpx.AsyncClient) -> None:
    answer = await http.get("/ui")
    assert answer.is_redirect and answer.headers["location"] == "ui/"
    assert (await http.get("/ui/")).text.startswith("<!doctype html>")


async def test_what_did_not_change_is_not_sent_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/ui/main.js")
    again = await http.get("/ui/main.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await http.get("/ui/main.js", headers={"if-none-match": '"another"'})
    assert other.content == first.content


@pytest.mark.parametrize(
    "path",
    "../edge/page.py %2e%2e/edge/page.py ..%2fedge%2fpage.py vendor/uplot vendor/uplot/LICENSE "
    "main.js/ /etc/passwd index.html%00".split(),
)
async def test_nothing_else_is_a_file(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(f"/ui/{path}")
    assert answer.status_code == 404


def test_nothing_of_the_page_is_inline_or_from_elsewhere() -> None:
    html = (FOLDER / "index.html").read_text()
    assert not re.search(r"<style|\bstyle=|\bon\w+=|<script(?![^>]*\bsrc=)|https?://", html)
    for path in (*FOLDER.glob("*.js"), *FOLDER.glob("views/*.js")):
        text = path.read_text()
        assert len(text.splitlines()) <= 400, path
        assert text.startswith("// "), f"{path}: opens with the question it answers"
        for never in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert never not in text, f"{path}: {never}"


def test_the_chart_library_is_as_it_came() -> None:
    vendored = FOLDER / "vendor" / "uplot"
    told = re.findall(r"^([0-9a-f]{64})  (\S+)$", (vendored / "VERSION").read_text(), re.M)
    assert {name for _, name in told} == {"uPlot.iife.min.js", "uPlot.min.css", "LICENSE"}
    for digest, name in told:
        assert sha256((vendored / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("config", ["", "server: {page: false}"], ids=["on", "off"])
async def test_the_page_needs_no_key_and_can_be_turned_off(tmp_path: Path, config: str) -> None:
    rung = ScriptedTier("tier1")
    async with served(tmp_path, rung, config=config, callers=("sk-of-a-caller",)) as app:
        found = [(await app.http.get(path)).status_code for path in sorted(PAGE_PATHS)]
        others = [(await app.http.get(path)).status_code for path in ("/v1/figures", "/ui/no")]
    assert found == ([307, *[200] * (len(PAGE_PATHS) - 1)] if not config else [404] * len(found))
    assert others == [401, 401]
