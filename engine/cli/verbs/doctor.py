"""`engine doctor`: look for what is wrong here, and say the mend."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.output import hint, screen, show_json
from engine.cli.parser import About, Parser
from engine.cli.screen import Screen, clean
from engine.cli.states import style_of
from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.doctor import Check

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.doctor/v1"

ABOUT = About(
    usage="[--json]",
    text="""\
Checks Python, Linux, packages, limits, the configuration, directories, the socket and the daemon, changes nothing, and
says what to type against each thing that is wrong. Ends with 0 if the engine can run here, with 4 if it cannot.""",
    examples="  engine doctor\n  engine doctor -f pools.yaml --json | jq '.checks[] | select(.verdict != \"ok\")'",
)


def add_arguments(_parser: Parser) -> None:
    """No words of its own."""


def run(options: Namespace) -> int:
    """Print the findings."""
    from engine.doctor import checks

    file = None if options.file is None else Path(options.file)
    found = checks(file, _name(options), os.environ)
    is_well = all(check.verdict != "bad" for check in found)
    if options.json:
        show_json({"schema": SCHEMA, "is_well": is_well, "checks": [check.as_dict() for check in found]})
    else:
        _show(options, found, screen(options))
    return 0 if is_well else 4


def _name(options: Namespace) -> str:
    """The engine's name; the default one where the configuration is broken, which is itself a finding."""
    from engine.cli.session import environment, name_of

    try:
        return name_of(options, environment())
    except ConfigError:
        return "engine"


def _show(options: Namespace, found: list[Check], shown: Screen) -> None:
    width = max(len(check.name) for check in found)
    for check in found:
        if options.quiet and check.verdict == "ok":
            continue
        verdict = shown.paint(f"{check.verdict:<4}", style_of(check.verdict))
        print(f"{verdict}  {check.name:<{width}}  {clean(check.said)}")
        if check.mend:
            print(f"{'':{width + 8}}{shown.paint('mend: ' + clean(check.mend), 'bold')}")
    counts = [sum(check.verdict == verdict for check in found) for verdict in ("ok", "warn", "bad")]
    hint(options, f"\n{counts[0]} well, {counts[1]} weaker than asked, {counts[2]} wrong")
