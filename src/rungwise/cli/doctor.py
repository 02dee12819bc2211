"""What can this machine run, and what is missing? One line a finding, each lack with its mend."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli import fitting
from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.observe.doctor import Finding

__all__ = ["add_arguments", "run"]

_SIGNS = {"ok": "ok     ", "lack": "LACK   ", "note": "note   "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="also check what this configuration needs")
    parser.add_argument(
        "--verify", action="store_true", help="read its models' files, and compare their hashes"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what is found there too")
    fits = parser.add_argument_group("which models fit, and how to run one")
    fits.add_argument("--fit", action="store_true", help="tell that, and recommend one")
    fitting.add_options(parser)
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="write the recommendation there, to be served"
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 when nothing is lacking, else 1."""
    if arguments.fit:
        return _fit(arguments)
    check_writable(json=arguments.json)
    used = fitting.given(arguments) + (["write"] if arguments.write else [])
    if used:
        raise ConfigError(f"--{used[0]}: says nothing without --fit; add --fit")
    if arguments.verify and arguments.config is None:
        raise ConfigError("--verify: whose models? add --config FILE")
    return _examine(arguments)


def _examine(arguments: argparse.Namespace) -> int:
    from rungwise.observe.doctor import examine

    findings = examine()
    if arguments.config is not None:
        of_it = _of_config(arguments.config, verify=arguments.verify)
        findings += (f for f in of_it if f not in findings)
    for finding in findings:
        print(f"{_SIGNS[finding.state]} {finding.what}: {finding.found}")
        if finding.mend:
            print(f"         -> {finding.mend}")
    rows = [{"state": f.state, "what": f.what, "found": f.found, "mend": f.mend} for f in findings]
    write_json(arguments.json, {"findings": rows})
    return 1 if any(finding.state == "lack" for finding in findings) else 0


def _of_config(path: Path, *, verify: bool) -> list[Finding]:
    from datetime import date

    from rungwise.cli.preflight import fallen, lacks, notes
    from rungwise.config import load
    from rungwise.observe.doctor import Finding, examine_config
    from rungwise.weights.lacking import verified

    try:
        config = load(path)
    except ConfigError as error:
        return [Finding(state="lack", what="configuration", found=str(error))]
    read = Finding(state="ok", what="configuration", found=str(path))
    hashes = verified(config) if verify else ()
    return [
        read,
        *examine_config(config),
        *lacks(config),
        *fallen(config),
        *notes(config, date.today()),
        *hashes,
    ]


def _fit(arguments: argparse.Namespace) -> int:
    """Exit status 1 where nothing fits."""
    from rungwise.weights.recommending import ways
    from rungwise.weights.shown import details, figures, in_words, recommended
    from rungwise.weights.written import write, written

    _check_fit(arguments)
    models = fitting.candidates(arguments)
    wanted, places = fitting.wanted(arguments, models), fitting.places(arguments)
    found = []
    for place in places:
        there = list(ways(models, place, wanted))
        found += there
        for line in (*in_words(place, wanted), "", *details(there), ""):
            print(line)
    choice = fitting.choice(found, wanted)
    for line in recommended(choice, models, places, wanted):
        print(line)
    rows = [figures(way) for way in found]
    best_row = figures(choice.way) if choice.way is not None else None
    write_json(arguments.json, {"fits": rows, "recommended": best_row})
    if choice.way is None:
        return 1
    text = written(choice.way, wanted.concurrency)
    if arguments.write is None:
        print(f"\n{text}")
    else:
        write(arguments.write, text)
        print(f"written to {arguments.write}; `rungwise doctor --config {arguments.write}` next")
    return 0


def _check_fit(arguments: argparse.Namespace) -> None:
    """Before anything is printed. Raises ConfigError."""
    from rungwise.weights.written import check_absent

    for name in ("config", "verify"):
        if getattr(arguments, name):
            raise ConfigError(
                f"--{name}: is not looked at with --fit; ask for each in a run of its own"
            )
    json, yaml = arguments.json, arguments.write
    if json is not None and yaml is not None and json.resolve() == yaml.resolve():
        raise ConfigError(f"--json: {json} is the file of --write; name another file")
    check_absent(yaml)
    check_writable(write=yaml, json=json)
