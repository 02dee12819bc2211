"""How does a caller name the place in a list where it goes on? Opaque, and read with suspicion."""

from __future__ import annotations

import base64
import binascii
import math
import re

from rungwise.edge.parameters import refuse
from rungwise.ledger.listing import Place

__all__ = ["place_of", "shown_place"]

_ID = re.compile(r"[!-~]{0,100}")


def shown_place(place: Place) -> str:
    return base64.urlsafe_b64encode(f"{place.at!r},{place.id}".encode()).decode().rstrip("=")


def place_of(told: str) -> Place:
    """What `shown_place` told. Raises CallerError for anything else."""
    try:
        padded = told.encode("ascii") + b"=" * (-len(told) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        at, comma, id = text.partition(",")
        place = Place(at=float(at), id=id)
    except (ValueError, binascii.Error):
        refuse("before", told, "`next` of a page before")
    if not comma or not math.isfinite(place.at) or _ID.fullmatch(id) is None:
        refuse("before", told, "`next` of a page before")
    return place
