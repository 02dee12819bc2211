"""Is only this machine taken for this machine?"""

from __future__ import annotations

import pytest

from rungwise.config.loopback import is_loopback, leads_here


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2", "::1"])
def test_this_machine_has_many_names(host: str) -> None:
    assert is_loopback(host)
    assert leads_here(f"http://[{host}]:1/v1" if ":" in host else f"http://{host}:1/v1")


@pytest.mark.parametrize("host", ["", "0.0.0.0", "localhost.example.com", "192.168.0.1", "::"])
def test_others_are_others(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("url", ["http://localhost.example.com", "localhost", "http://[", ""])
def test_what_is_no_address_of_this_machine_leads_elsewhere(url: str) -> None:
    assert not leads_here(url)
