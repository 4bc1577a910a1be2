"""`engine doctor`: look for what is wrong here, and say the mend."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from engine import errors
from engine.cli.output import hint, screen, show_document
from engine.cli.parser import About, Parser
from engine.cli.screen import Screen, clean
from engine.cli.states import style_of
from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.doctor import Check

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.doctor/v1"
#: Columns below which a text is not broken into lines.
LEAST = 30

ABOUT = About(
    usage="[--json]",
    text="""\
Checks Python, Linux, packages, limits, the configuration, directories, the socket and the daemon, changes nothing, and
says what to type against each thing that is wrong. With ENGINE_HOME=FOLDER/home, where FOLDER is that of a cluster on this
node, it looks at the node's engine, and whether anything was left. Ends with 0 if the engine can run here, with 4 if it
cannot.""",
    examples="  engine doctor\n  engine doctor -f pools.yaml --json | jq '.checks[] | select(.verdict != \"ok\")'",
)


def add_arguments(_parser: Parser) -> None:
    """No words of its own."""


def run(options: Namespace) -> int:
    """Print the findings."""
    from engine.cluster.checkup import engine_at
    from engine.doctor import checks

    file = None if options.file is None else Path(options.file)
    node = None if options.name or options.file else engine_at(os.environ)
    name, file = node if node and not {"ENGINE_NAME", "ENGINE_POOLS"} & os.environ.keys() else (_name(options), file)
    found = checks(file, name, os.environ)
    is_well = all(check.verdict != "bad" for check in found)
    if options.json:
        checked = [check.as_dict() for check in found]
        show_document(options, {"schema": SCHEMA, "is_well": is_well, "checks": checked}, "checks")
    else:
        _show(options, found, screen(options))
    return errors.DONE if is_well else errors.BROKEN


def _name(options: Namespace) -> str:
    """The engine's name; the default one where the configuration is broken, which is itself a finding."""
    from engine.cli.session import environment, name_of

    try:
        return name_of(options, environment())
    except ConfigError:
        return "engine"


def _show(options: Namespace, found: list[Check], shown: Screen) -> None:
    left = max(len(check.name) for check in found) + len("warn") + 4
    for check in found:
        if options.quiet and check.verdict == "ok":
            continue
        first, *more = _wrapped(check.said, shown, left)
        print(f"{shown.paint(f'{check.verdict:<4}', style_of(check.verdict))}  {check.name:<{left - 8}}  {first}")
        for line in more:
            print(f"{'':{left}}{line}")
        for line in _wrapped(f"mend: {check.mend}", shown, left) if check.mend else ():
            print(f"{'':{left}}{shown.paint(line, 'bold')}")
    counts = [sum(check.verdict == verdict for check in found) for verdict in ("ok", "warn", "bad")]
    hint(options, f"\n{counts[0]} well, {counts[1]} weaker than asked, {counts[2]} wrong")


def _wrapped(text: str, shown: Screen, left: int) -> list[str]:
    """The text in lines that fit beside a left margin."""
    if shown.width is None or shown.width - left < LEAST:
        return [clean(text)]
    return wrap(clean(text), shown.width - left, break_long_words=False, break_on_hyphens=False) or [""]
