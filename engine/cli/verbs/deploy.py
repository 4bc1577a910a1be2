"""`engine deploy`: new code for agents while they work, and the way back."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from engine import errors
from engine.cli import figures
from engine.cli.beside import looking
from engine.cli.meter import Meter
from engine.cli.misuse import Misuse
from engine.cli.output import hint, screen, show_json, show_lines
from engine.cli.parser import About, Parser, amount
from engine.cli.session import command, environment, name_of, request
from engine.cli.table import Column, table

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.deploy/v1"
#: Seconds between two looks at a deploy.
LOOK_S = 0.5
#: What can be done with a deploy, and the control verb of each.
ACTIONS = {"status": "deploy-status", "rollback": "rollback-deploy", "confirm": "confirm-deploy"}

ABOUT = About(
    usage="""\
MODULE[:KIND] [--path DIR] [--canary SHARE] [--bound SHARE]
                [--confirm-after S] [--one-way] [--json]
  engine deploy status|rollback|confirm [--json]""",
    text="""\
Gives agents new code while they work: worker by worker, between two tasks. Their states stay, and no task fails for it. MODULE
is a module or a file.py, whose kinds are loaded; KIND is the only one that is meant.

The module is loaded on trial first. One that cannot be imported, or has a kind no more, changes nothing. Then a share of the
agents has the new code, in whole workers, at least one. Where more of their tasks fail than with the old code, by more than the
bound, or their workers die, the old code is back at once (exit code 1); else all workers get it. It is watched on, and
processes with the old code wait, until it is confirmed.

A kind whose fields change needs static or class methods upgrade(state) and downgrade(state), so that either code can read what
the other one has written. --one-way goes without: no canary, no way back.

The source of each version stands best in a folder of its own (--path): a worker that dies loads its code again.""",
    examples="""\
  engine deploy shop --path releases/0042
  engine deploy shop:Till --path releases/0043 --canary 25% --confirm-after 10m
  engine deploy status
  engine deploy rollback
  engine deploy confirm
  engine deploy status --json | jq '.workers'
""",
    actions={
        "status": "how the deploy stands",
        "rollback": "take the new code back",
        "confirm": "let the new code stay",
    },
)

COLUMNS = (Column("WORKER"), Column("CODE", is_right=True))


def add_arguments(parser: Parser) -> None:
    """What to deploy, and how carefully."""
    parser.add_argument("what", metavar="MODULE[:KIND]", help="a module or file.py; or status, rollback, confirm")
    parser.add_argument("--path", metavar="DIR", help="the folder where it stands (where it stood before)")
    parser.add_argument("--canary", type=amount("parse_share"), metavar="SHARE", help="of the agents, that has it first (10%%)")
    parser.add_argument("--bound", type=amount("parse_share"), metavar="SHARE", help="of tasks, that more may fail (5%%)")
    parser.add_argument(
        "--confirm-after", type=amount("parse_seconds"), metavar="S", help="confirm it after this time (only by hand)"
    )
    parser.add_argument("--one-way", action="store_true", help="without a canary, and without a way back")
    parser.offer(what={"": "files"}, path="folders")


def run(options: Namespace) -> int:
    """Do it, and say how the deploy stands then."""
    stands = request(options, *_order(options)) if options.what in ACTIONS else _deployed(options)
    if options.json:
        show_json({"schema": SCHEMA, **stands})
    else:
        _show(options, stands)
    has_failed = {"status": (), "rollback": ("stuck",)}.get(options.what, ("back", "stuck"))
    return errors.FAILED if stands.get("outcome") in has_failed else errors.DONE


def _order(options: Namespace) -> tuple[str]:
    flags = {
        "--path": options.path,
        "--canary": options.canary,
        "--bound": options.bound,
        "--confirm-after": options.confirm_after,
    }
    given = [name for name, value in (flags | {"--one-way": options.one_way or None}).items() if value is not None]
    if given:
        raise Misuse(f"{given[0]} is for a deploy, not for {options.what}; see: engine deploy --help")
    return (ACTIONS[options.what],)


def _deployed(options: Namespace) -> dict[str, Any]:
    place, _, kind = options.what.rpartition(":") if ":" in options.what else (options.what, "", None)
    if place.endswith(".py"):
        file = Path(place).expanduser().resolve()
        if not file.is_file():
            raise Misuse(f"there is no file {file}")
        place = str(file)
    path = None if options.path is None else Path(options.path).expanduser().resolve()
    if path is not None and not path.is_dir():
        raise Misuse(f"--path {options.path}: there is no folder {path}")
    facts = {"canary": options.canary, "bound": options.bound, "confirm_after_s": options.confirm_after}
    folder = None if path is None else str(path)
    with Meter(options, "deploy", lambda share: f"{share:.0%} a second") as meter:

        def look() -> None:
            now = request(options, "deploy-status")
            meter.told(now["share"] or 0.0, 1.0, str(now["phase"]))

        with looking(look, LOOK_S):
            stands: dict[str, Any] = request(
                options, "deploy", module=place, kind=kind, path=folder, is_one_way=options.one_way, **facts
            )
    return stands


def _show(options: Namespace, stands: dict[str, Any]) -> None:
    name = name_of(options, environment())
    if options.what == "status":
        show_lines(table(COLUMNS, [[worker, str(code)] for worker, code in stands["workers"].items()], screen(options)))
        print()
    if stands.get("outcome") == "back":
        share = stands["highest_share"]
        most = "" if share is None else f", at most {share:.0%} of the agents had the new one"
        print(
            f"{stands['module']} was taken back in {figures.span(stands['back_s'])}: {stands['why']}; every worker runs code "
            f"{stands['code']}{most}"
        )
    elif stands.get("outcome") == "stuck":
        print(
            f"{stands['module']} could not be taken back everywhere, {stands['share']:.0%} of the agents run it still: "
            f"{stands['why']}"
        )
        hint(options, f"\nit is tried again each second: {command(name, 'deploy status')}")
    elif stands["phase"] == "rolled":
        took = f" after {figures.span(stands['seconds'])}" if stands.get("seconds") else ""
        print(
            f"every worker runs code {stands['next']} ({stands['module']}){took}; it is not confirmed: "
            f"{figures.plural(stands['warm']['processes'], 'process', 'processes')} with code {stands['code']} wait"
        )
        hint(options, f"\nlet it stay: {command(name, 'deploy confirm')}\ntake it back: {command(name, 'deploy rollback')}")
    elif stands["next"] is not None:
        print(f"{stands['module']} is {stands['phase']}: {stands['share']:.0%} of the agents run code {stands['next']}")
    else:
        print(f"every worker runs code {stands['code']}")
