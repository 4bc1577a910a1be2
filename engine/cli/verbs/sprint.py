"""`engine sprint`: backlogs, and the micro-sprints that work on them.

Owns the list of what can be done; each action has a module of its own, loaded when it is asked for.
"""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from importlib import import_module
from typing import NamedTuple

from engine.cli.misuse import Misuse, meant
from engine.cli.parser import About, Parser

__all__ = ["ABOUT", "add_arguments", "run"]


class Action(NamedTuple):
    """What can be done. words: what it takes, one each.  module: has `run(options)`, which returns the exit code."""

    words: tuple[str, ...]
    module: str


ACTIONS = {
    "check": Action(("FILE",), "engine.cli.sprintcheck"),
    "schema": Action((), "engine.cli.sprintschema"),
    "import": Action(("FORM", "FILE"), "engine.cli.sprintimport"),
}

ABOUT = About(
    usage="""\
check FILE [--json]
  engine sprint schema
  engine sprint import todo|junit FILE [--role ROLE] [--method NAME] [--json]""",
    text="""\
Works with backlogs: what is to be done in micro-sprints, by whom, and what proves it. A backlog is a file of YAML or JSON,
or of JSON lines with a task in each. Nothing here needs an engine.

  check   read a backlog: how large it is, and what its first sprint would
          take; whatever is wrong is named with its line and key
  schema  the JSON Schema of backlogs, for editors and programs
  import  make a backlog of a to-do list in Markdown (`- [ ] words @role
          !high #tag ~90s`), or of the failures in a JUnit report""",
    examples="""\
  engine sprint check app.yaml
  engine sprint schema > backlog.schema.json
  engine sprint import todo TODO.md > backlog.yaml
  engine sprint import junit report.xml --role dev > mend.yaml
""",
)


def add_arguments(parser: Parser) -> None:
    """What to do, and with what."""
    parser.add_argument("action", type=_action, metavar="ACTION", help=f"one of {', '.join(ACTIONS)}")
    parser.add_argument("words", nargs="*", metavar="WORD", help="what it takes, as above; a FILE that is - is standard input")
    parser.add_argument("--role", metavar="ROLE", help="import: who does tasks that do not say it (worker)")
    parser.add_argument("--method", metavar="NAME", help="import: what agents are asked to do (do, or mend)")


def _action(text: str) -> str:
    if text not in ACTIONS:
        known = " or ".join((", ".join([*ACTIONS][:-1]), [*ACTIONS][-1]))
        raise ArgumentTypeError(f"there is nothing called {text!r} to do{meant(text, ACTIONS) or f'; write {known}'}")
    return text


def run(options: Namespace) -> int:
    """Do it."""
    action = ACTIONS[options.action]
    missing = action.words[len(options.words) :]
    if missing:
        raise Misuse(f"{options.action} needs {' and '.join(missing)}; see: engine sprint --help")
    if len(options.words) > len(action.words):
        raise Misuse(f"{options.words[len(action.words)]!r} is one word too many; see: engine sprint --help")
    for option in ("role", "method"):
        if getattr(options, option) is not None and options.action != "import":
            raise Misuse(f"--{option} is for import, not for {options.action}")
    code: int = import_module(action.module).run(options)
    return code
