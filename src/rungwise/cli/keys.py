"""Who may ask? API keys: make one, list them, revoke one, give one a new secret."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

from rungwise.cli.stored import on_store
from rungwise.cli.written import check_writable, write_json
from rungwise.config import Config, load
from rungwise.errors import ConfigError
from rungwise.types import Caller, Cap, StepType, Window

if TYPE_CHECKING:
    pass

__all__ = ["add_arguments", "run"]

T = TypeVar("T")
_ALIASES = ("auto", *(f"auto:{step_type.value}" for step_type in StepType))
"""What every ladder answers to: see edge/names.py."""

ONCE = "this is the only time it is shown; a server that runs knows it within access.refresh_s"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    create = what.add_parser("create", help="make a key; its secret is printed, once")
    create.add_argument("--tiers", metavar="A,B", help="the only rungs it may use")
    create.add_argument("--names", metavar="A,B", help="all that it may write in `model`")
    create.add_argument("--local-only", action="store_true", help="nothing it asks leaves the box")
    create.add_argument(
        "--sees-all", action="store_true", help="may look at everybody's answers, figures, metrics"
    )
    create.add_argument(
        "--outcomes-noted",
        action="store_true",
        help="what it says of its answers is kept, and steers nothing",
    )
    create.add_argument("--rpm", type=int, metavar="N", help="requests a minute")
    create.add_argument("--concurrent", type=int, metavar="N", help="requests at once")
    for flag, of in (("--cap", "of spending"), ("--escalation-cap", "of what climbing costs")):
        create.add_argument(
            flag,
            action="append",
            default=[],
            metavar="USD/WINDOW",
            help=f"{of}, as 10/month or 0.50/hour; may be given more than once",
        )
    listing = what.add_parser("list", help="all keys, their rights and what they spent")
    listing.add_argument("--json", type=Path, metavar="FILE", help="write it there too")
    revoke = what.add_parser("revoke", help="refuse a key from now on, for good")
    rotate = what.add_parser("rotate", help="a new secret for a key; the old one is refused")
    for named in (create, revoke, rotate):
        named.add_argument("name", metavar="NAME")
    for each in (create, listing, revoke, rotate):
        each.add_argument("--config", type=Path, required=True, help="the server's configuration")


def run(arguments: argparse.Namespace) -> int:
    check_writable(json=getattr(arguments, "json", None))
    config = load(arguments.config, serving=False)
    return _WHAT[arguments.what](arguments, config)


def _create(arguments: argparse.Namespace, config: Config) -> int:
    from rungwise.access.keybook import create
    from rungwise.access.secret import digest_of, new_secret

    caller, secret = _caller(arguments, config), new_secret()
    on_store(config, partial(create, caller=caller, digest=digest_of(secret), at=time.time()))
    _show(secret, f"the key {caller.name!r} is made; {ONCE}")
    if not config.access.stored_keys:
        _tell("the server asks for no such keys yet: set `access: {stored_keys: true}`")
    return 0


def _list(arguments: argparse.Namespace, config: Config) -> int:
    from rungwise.access.listing import as_json, as_table, listed

    limits = config.access.limits
    found = on_store(config, partial(listed, limits=limits, at=time.time()))
    print(as_table(found) if found else "no keys; make one with `rungwise keys create`")
    write_json(arguments.json, as_json(found))
    return 0


def _revoke(arguments: argparse.Namespace, config: Config) -> int:
    from rungwise.access.keybook import revoke

    on_store(config, partial(revoke, name=arguments.name, at=time.time()))
    _tell(f"the key {arguments.name!r} is revoked; servers refuse it within access.refresh_s")
    return 0


def _rotate(arguments: argparse.Namespace, config: Config) -> int:
    from rungwise.access.keybook import rotate
    from rungwise.access.secret import digest_of, new_secret

    secret = new_secret()
    on_store(config, partial(rotate, name=arguments.name, digest=digest_of(secret)))
    _show(secret, f"the key {arguments.name!r} has a new secret; {ONCE}, and refuses the old one")
    return 0


_WHAT: dict[str, Callable[[argparse.Namespace, Config], int]] = {
    "create": _create,
    "list": _list,
    "revoke": _revoke,
    "rotate": _rotate,
}


def _caller(arguments: argparse.Namespace, config: Config) -> Caller:
    """Raises ConfigError for what cannot be a right."""
    tiers, names = _split(arguments.tiers, "--tiers"), _split(arguments.names, "--names")
    known = [tier.name for tier in config.tiers]
    for name in sorted(tiers or ()):
        if name not in known:
            raise ConfigError(f"--tiers: no tier {name!r}; the ladder has {', '.join(known)}")
    models = [*dict.fromkeys(tier.shown_model for tier in config.tiers)]
    for name in sorted(names or ()):
        if name not in {*_ALIASES, *known, *models}:
            raise ConfigError(
                f"--names: nobody is called {name!r:.80}; there are auto, auto:<step type>, "
                f"{', '.join([*known, *models])}"
            )
    for flag in ("rpm", "concurrent"):
        value = getattr(arguments, flag)
        if value is not None and value < 1:
            raise ConfigError(f"--{flag}: must be at least 1, not {value}; leave it out for none")
    return Caller(
        name=arguments.name,
        tiers=tiers,
        names=names,
        local_only=arguments.local_only,
        sees_all=arguments.sees_all,
        outcomes_count=not arguments.outcomes_noted,
        requests_per_minute=arguments.rpm,
        concurrent=arguments.concurrent,
        caps=(
            *(_cap(told, "--cap") for told in arguments.cap),
            *(_cap(told, "--escalation-cap") for told in arguments.escalation_cap),
        ),
    )


def _split(told: str | None, flag: str) -> frozenset[str] | None:
    if told is None:
        return None
    names = frozenset(name.strip() for name in told.split(",") if name.strip())
    if not names:
        raise ConfigError(f"{flag}: names nothing; leave it out to allow all")
    return names


def _cap(told: str, flag: str) -> Cap:
    usd, _, window = told.partition("/")
    windows: tuple[Window, ...] = get_args(Window)
    try:
        nano = Decimal(usd).scaleb(9)
        if not (0 <= nano < 2**63 and nano == nano.to_integral_value()):
            raise ConfigError(f"{flag}: {usd!r:.40} is no amount of dollars; as in 10/month")
        (found,) = (name for name in windows if name == window)
    except (InvalidOperation, ValueError):
        raise ConfigError(
            f"{flag}: {told!r:.40} is no cap; write dollars/window: one of {', '.join(windows)}"
        ) from None
    return Cap(nano=int(nano), window=found, of="all" if flag == "--cap" else "escalation")


def _show(secret: str, said: str) -> None:
    """The secret alone on stdout, so that a script can take it."""
    _tell(said)
    print(secret)


def _tell(said: str) -> None:
    print(f"rungwise: {said}", file=sys.stderr)
