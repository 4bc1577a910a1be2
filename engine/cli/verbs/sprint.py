"""`engine sprint`: backlogs, and the micro-sprints that work on them.

Owns the list of what can be done; each action has a module of its own, loaded when it is asked for.
"""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from importlib import import_module
from typing import NamedTuple

from engine.cli.misuse import Misuse, action_of
from engine.cli.parser import About, Parser, amount
from engine.cli.session import add_settings

__all__ = ["ABOUT", "add_arguments", "run"]


class Action(NamedTuple):
    """What can be done. words: what it takes, one each.  module: has `run(options)`, which returns the exit code.

    least: how many words it needs; options: what goes with it alone.
    """

    words: tuple[str, ...]
    module: str
    least: int
    options: tuple[str, ...] = ()


RUN_OPTIONS = ("use", "sprints", "every", "speed", "seed", "plain", "queue", "detach", "settings")
ACTIONS = {
    "run": Action(("FILE",), "engine.cli.sprintrun", 1, RUN_OPTIONS),
    "ls": Action((), "engine.cli.sprintls", 0, ("limit",)),
    "show": Action(("SPRINT",), "engine.cli.sprintls", 1),
    "pause": Action(("SPRINT",), "engine.cli.sprintorder", 0),
    "resume": Action(("SPRINT",), "engine.cli.sprintorder", 0),
    "abort": Action(("SPRINT",), "engine.cli.sprintorder", 0),
    "rollback": Action(("SPRINT",), "engine.cli.sprintback", 0),
    "diff": Action(("A", "B"), "engine.cli.sprintdiff", 2),
    "verify": Action(("SPRINT",), "engine.cli.sprintverify", 0),
    "check": Action(("FILE",), "engine.cli.sprintcheck", 1),
    "schema": Action((), "engine.cli.sprintschema", 0),
    "import": Action(("FORM", "FILE"), "engine.cli.sprintimport", 2, ("role", "method")),
}
#: Actions to which an option is bound, by its name as it is written, with what it is when it is not given.
FREE = {"every": False, "plain": False, "queue": False, "detach": False, "use": [], "settings": []}
#: Options that are called otherwise where they are written.
OPTIONS = {"settings": "set"}

ABOUT = About(
    usage="""\
run FILE [--sprints N | --every] [--speed S] [--seed N]
                    [--use CLASS ...] [--plain] [--queue] [--detach]
                    [--set KEY=VALUE ...] [--json]
  engine sprint ls [--limit N] | show SPRINT [--json]
  engine sprint pause|resume|abort [SPRINT]
  engine sprint rollback [SPRINT] | diff A B | verify [SPRINT] [--json]
  engine sprint check FILE | schema
  engine sprint import todo|junit FILE [--role ROLE] [--method NAME]""",
    text="""\
Works on a backlog in time boxes of 15 minutes: plan, exec, test, ship. A backlog is a file of YAML or JSON, or of JSON lines
with a task in each: what is to be done, by agents of which role, and what proves it. A task is done when its check has
passed, its artifacts are there and it has had an effect; what only says so is unproven.

  run       work on a backlog, in the engine, which is started if none runs;
            ends with 1 if something that was planned is not done or not shipped
  ls        those that wait for their backlog, then the sprints, the newest
            first
  show      one: its steps, its roles, what was not done and why
  pause     send nothing more, and let its time stand still; then resume
  abort     end it now; what is left is carried. One that waits (q-...) is
            taken out
  rollback  make the release before the newest current again, or that of
            SPRINT; no engine is needed
  diff      two sprints, figure by figure
  verify    are the receipts, and what was shipped, as they were written?
            ends with 1 if not, naming file and line
  check     read a backlog: how large it is, and what its first sprint would
            take; whatever is wrong is named with its line and key
  schema    the JSON Schema of backlogs, for editors and programs
  import    make a backlog of a to-do list in Markdown (`- [ ] words @role
            !high #tag ~90s`), or of the failures in a JUnit report""",
    examples="""\
  engine sprint check app.yaml
  engine sprint run app.yaml --speed 60
  engine sprint run app.yaml --every --detach
  engine sprint ls
  engine sprint show sp-20261121-001 --json | jq .impact
  engine sprint rollback
  engine sprint import junit report.xml > mend.yaml
""",
    actions={
        "run": "work on a backlog",
        "ls": "the sprints, the newest first",
        "show": "one: its steps, its roles, what was not done",
        "pause": "send nothing more, and stop its time",
        "resume": "go on",
        "abort": "end it now",
        "rollback": "make the release before current again",
        "diff": "two sprints, figure by figure",
        "verify": "whether receipts and releases are as they were written",
        "check": "read a backlog",
        "schema": "the JSON Schema of backlogs",
        "import": "make a backlog of a to-do list, or of a JUnit report",
    },
)


def add_arguments(parser: Parser) -> None:
    """What to do, and with what."""
    parser.add_argument("action", type=action_of(ACTIONS), metavar="ACTION", help=f"one of {', '.join(ACTIONS)}")
    parser.add_argument("words", nargs="*", metavar="WORD", help="what it takes, as above; a FILE that is - is standard input")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--sprints", type=_count, metavar="N", help="run: so many sprints at most (1)")
    group.add_argument("--every", action="store_true", help="run: sprint after sprint until all is done")
    parser.add_argument("--speed", type=_speed, metavar="S", help="run: so many times as fast as the clock (1)")
    parser.add_argument("--seed", type=amount("parse_count"), metavar="N", help="run: for what is left to chance (0)")
    parser.add_argument(
        "--use", nargs="+", action="extend", default=[], metavar="CLASS", help="run: load module:Class or file.py:Class first"
    )
    parser.add_argument("--plain", action="store_true", help="run: no sprint takes the advice of the one before")
    parser.add_argument("--queue", action="store_true", help="run: wait if the backlog is being worked on")
    parser.add_argument("--detach", action="store_true", help="run: do not wait for the end")
    parser.add_argument("--limit", type=_count, metavar="N", help="ls: so many (50)")
    parser.add_argument("--role", metavar="ROLE", help="import: who does tasks that do not say it (worker)")
    parser.add_argument("--method", metavar="NAME", help="import: what agents are asked to do (do, or mend)")
    add_settings(parser)
    parser.offer(
        use="files",
        words={
            "run": "files",
            "check": "files",
            "import": "files",
            "show": "sprints",
            "pause": "sprints",
            "resume": "sprints",
            "abort": "sprints",
            "rollback": "sprints",
            "diff": "sprints",
            "verify": "sprints",
        },
    )


def _count(text: str) -> int:
    number: int = amount("parse_count")(text)
    if not number:
        raise ArgumentTypeError("0 is none: give 1 or more")
    return number


def _speed(text: str) -> float:
    from sprints.clock import FASTEST

    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= FASTEST:
        raise ArgumentTypeError(f"{text!r} is not a speed: a number above 0, up to {FASTEST:,.0f}")
    return speed


def run(options: Namespace) -> int:
    """Do it."""
    action = ACTIONS[options.action]
    missing = action.words[len(options.words) : action.least]
    if missing:
        raise Misuse(f"{options.action} needs {' and '.join(missing)}; see: engine sprint --help")
    if len(options.words) > len(action.words):
        raise Misuse(f"{options.words[len(action.words)]!r} is one word too many; see: engine sprint --help")
    _check_options(options, action)
    code: int = import_module(action.module).run(options)
    return code


def _check_options(options: Namespace, action: Action) -> None:
    """Raises Misuse for an option of another action."""
    for name in (*RUN_OPTIONS, "limit", "role", "method"):
        if name not in action.options and getattr(options, name) != FREE.get(name):
            whose = next(verb for verb, one in ACTIONS.items() if name in one.options)
            raise Misuse(f"--{OPTIONS.get(name, name)} is for {whose}, not for {options.action}")
