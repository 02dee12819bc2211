"""A page over a double of the server, which each test finds as it was at first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import serving_on_a_thread
from tests.page.double import Told, app_of, told


@pytest.fixture(scope="module")
def double() -> Iterator[tuple[str, Told]]:
    scene = Told(told(alarm=True))
    with serving_on_a_thread(app_of(scene)) as url:
        yield url, scene


@pytest.fixture
def scene(double: tuple[str, Told]) -> Iterator[Told]:
    _, scene = double
    yield scene
    scene.bodies, scene.key, scene.status, scene.wait_s = told(alarm=True), None, 200, 0.0
    scene.failing = frozenset()
    scene.asked.clear()


@pytest.fixture
def url(double: tuple[str, Told], scene: Told) -> str:
    return double[0]
