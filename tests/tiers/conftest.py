"""What tests of tiers share: the smallest demo model."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def demo_model() -> Path:
    return Path(__file__).parents[2] / "models/demo/bottom"
