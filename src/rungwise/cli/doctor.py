"""What can this machine run, and what is missing? One line a finding, each lack with its mend."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.observe.doctor import Finding

__all__ = ["add_arguments", "run"]

_SIGNS = {"ok": "ok     ", "lack": "LACK   ", "note": "note   "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="also check what this configuration needs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the findings there too")


def _of_config(path: Path) -> list[Finding]:
    from datetime import date

    from rungwise.cli.preflight import lacks, notes
    from rungwise.config import load
    from rungwise.observe.doctor import Finding, examine_config

    try:
        config = load(path)
    except ConfigError as error:
        return [Finding(state="lack", what="configuration", found=str(error))]
    read = Finding(state="ok", what="configuration", found=str(path))
    return [read, *examine_config(config), *lacks(config), *notes(config, date.today())]


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 when nothing is lacking, else 1."""
    from rungwise.observe.doctor import examine

    check_writable(json=arguments.json)
    findings = examine()
    if arguments.config is not None:
        findings += (f for f in _of_config(arguments.config) if f not in findings)
    for finding in findings:
        print(f"{_SIGNS[finding.state]} {finding.what}: {finding.found}")
        if finding.mend:
            print(f"         -> {finding.mend}")
    rows = [{"state": f.state, "what": f.what, "found": f.found, "mend": f.mend} for f in findings]
    write_json(arguments.json, {"findings": rows})
    return 1 if any(finding.state == "lack" for finding in findings) else 0
