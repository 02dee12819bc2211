"""Which concrete parts make this server? The only room that names concrete classes."""

from rungwise.build.app import build_app, build_cascade, new_id
from rungwise.build.gates import build_gate
from rungwise.build.ladder import build_ladder

__all__ = ["build_app", "build_cascade", "build_gate", "build_ladder", "new_id"]
