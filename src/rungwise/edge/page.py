"""What does a browser get at /ui? The files of rungwise/page, read once: they hold no data, so they
need no key; what they show, they ask for under /v1, with the key that their user typed."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

__all__ = ["PAGE_PATHS", "PageRoutes"]

ROOT = "/ui"

_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

_FILES = (
    "index.html",
    "icon.svg",
    "style.css",
    "parts.css",
    "tables.css",
    "story.css",
    "main.js",
    "address.js",
    "asking.js",
    "chart.js",
    "dom.js",
    "door.js",
    "figures.js",
    "live.js",
    "meters.js",
    "rungs.js",
    "say.js",
    "tables.js",
    "theme.js",
    "views/alarms.js",
    "views/answer.js",
    "views/answers.js",
    "views/calibration.js",
    "views/charts.js",
    "views/gpu.js",
    "views/overview.js",
    "views/reliability.js",
    "views/routes.js",
    "views/timeline.js",
    "vendor/uplot/uPlot.iife.min.js",
    "vendor/uplot/uPlot.min.css",
)
"""All there is. A path that is not one of these is no file, whatever it says."""

PAGE_PATHS = frozenset({ROOT, f"{ROOT}/", *(f"{ROOT}/{name}" for name in _FILES)})
"""What the door lets in without a key."""

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # asked for again each time, and answered without the bytes where nothing changed: after an
    # upgrade no browser mixes old files with new ones
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    kind: str
    tag: str


class PageRoutes:
    def __init__(self) -> None:
        """Reads every file: one that is missing is found before serving."""
        self._files = {name: _read(name) for name in _FILES}

    async def root(self, request: Request) -> Response:
        """To where relative addresses of the page's files are right, also behind a prefix."""
        return RedirectResponse("ui/", headers=_HEADERS)

    async def file(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"] or "index.html")
        if file is None:
            return Response(status_code=HTTPStatus.NOT_FOUND, headers=_HEADERS)
        headers = {**_HEADERS, "etag": file.tag}
        if file.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(
            file.content, media_type=None, headers={**headers, "content-type": file.kind}
        )


def _read(name: str) -> _File:
    content = files("rungwise").joinpath("page", *name.split("/")).read_bytes()
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    return _File(content, _KINDS[name.rpartition(".")[2]], tag)
