"""`engine breaker`: the circuit breakers, and what an operator makes of them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from engine import errors
from engine.cli import figures
from engine.cli.misuse import Misuse, action_of, meant
from engine.cli.output import hint, screen, show_document, show_lines
from engine.cli.parser import About, Parser
from engine.cli.session import command, environment, name_of, request
from engine.cli.table import Column, table

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.breaker/v1"
ACTIONS = ("ls", "open", "close", "auto")
STYLES = {"open": "red", "half-open": "yellow", "closed": "green"}

ABOUT = About(
    usage="[ls|open|close|auto] [--pool P] [--kind K | --target T]",
    text="""\
Shows the circuit breakers: one for each pool, one for each kind in a pool. A closed one lets tasks pass. One that has seen
too many of them fail opens: tasks addressed to a kind go to other pools then, and where no pool admits them they are refused
with CircuitOpen (exit code 3), while accepted ones wait. After a time it is half open: a few tasks pass as probes, and close
it if they go well. A task for a named agent has nowhere else to go and is refused only where an operator holds it open.

Below them stand the targets outside (`ctx.outside`) that agents do not call now, as their workers see them, and those that
are held.

  ls      list them
  open    hold them open: nothing passes, whatever it is addressed to
  close   hold them closed: everything passes, they only count
  auto    let them decide again, beginning closed

Without --pool it is every pool; without --kind the pools' own breakers, with auto every breaker of those pools. With --target
it is that of a target outside, in all workers of the pools, also in those that start later.""",
    examples="""\
  engine breaker
  engine breaker open --pool p2
  engine breaker close --pool p2 --kind scout
  engine breaker open --target api.example.com
  engine breaker auto
  engine breaker --json | jq '.breakers[] | select(.state != "closed")'
""",
    actions={
        "ls": "list them",
        "open": "hold them open: nothing passes",
        "close": "hold them closed: everything passes",
        "auto": "let them decide again",
    },
)

COLUMNS = (
    Column("POOL"),
    Column("KIND"),
    Column("STATE", style=STYLES.get),
    Column("MODE"),
    Column("CALLS", is_right=True, rank=2),
    Column("FAILED", is_right=True, rank=1),
    Column("SLOW", is_right=True, rank=2),
    Column("OPENED", is_right=True, rank=3),
    Column("NEXT TRY", is_right=True),
    Column("WHY", least=20),
)


OUTSIDE = (
    Column("TARGET", least=20),
    Column("WORKER"),
    Column("STATE", style=STYLES.get),
    Column("MODE"),
    Column("NEXT TRY", is_right=True),
    Column("WHY", least=20),
)


def add_arguments(parser: Parser) -> None:
    """What to do, and with which of them."""
    parser.add_argument(
        "action", nargs="?", type=action_of(ACTIONS), default="ls", metavar="ACTION", help=f"one of {', '.join(ACTIONS)} (ls)"
    )
    parser.add_argument("--pool", metavar="P", help="those of one pool (all)")
    parser.add_argument("--kind", metavar="K", help="those of one kind (the pools' own)")
    parser.add_argument("--target", metavar="T", help="those of a target that agents call outside, by its name")
    parser.offer(pool="pools", kind="kinds")


def run(options: Namespace) -> int:
    """Do it."""
    _check_kind(options)
    if options.action != "ls":
        which = {"pool": options.pool, "kind": options.kind, "target": options.target}
        found = request(options, "force-breaker", action=options.action, **which)
        if options.json:
            show_document(options, {"schema": SCHEMA, "breakers": found}, "breakers")
        else:
            show_lines(f"{_called(one)}: {one['state']}, {one['mode']}" for one in found)
            if options.action != "auto":
                hint(options, f"\nto let it decide again: {command(name_of(options, environment()), 'breaker auto')}")
        return errors.DONE
    said = request(options, "breakers")
    found, outside = _wanted(options, said["breakers"]), _wanted_outside(options, said["outside"])
    if options.json:
        show_document(options, {"schema": SCHEMA, "breakers": found, "outside": outside}, "breakers", "outside")
        return errors.DONE
    if options.target is None:
        show_lines(table(COLUMNS, [_row(one) for one in found], screen(options)))
    elif not outside:
        hint(options, f"no worker holds back from {options.target!r}: it is called as ever")
    if outside:
        if options.target is None:
            print()
        show_lines(table(OUTSIDE, [_outside_row(one) for one in outside], screen(options)))
    return errors.DONE


def _check_kind(options: Namespace) -> None:
    """Raises Misuse for a kind that is not loaded."""
    if options.kind is not None and options.kind not in (kinds := request(options, "kinds")):
        known = ", ".join(sorted(kinds))
        raise Misuse(f"no kind {options.kind!r} is loaded{meant(options.kind, kinds) or f'; loaded are: {known}'}")


def _wanted(options: Namespace, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that were asked for. Raises Misuse for a pool that there is not."""
    pools = dict.fromkeys(one["pool"] for one in found)
    if options.pool is not None and options.pool not in pools:
        raise Misuse(f"there is no pool {options.pool!r}{meant(options.pool, pools) or ''}; there are: {', '.join(pools)}")
    if options.target is not None:
        return []
    return [one for one in found if options.pool in (None, one["pool"]) and options.kind in (None, one["kind"])]


def _wanted_outside(options: Namespace, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The targets outside that were asked for. A worker is called as its pool, or that with a number behind."""
    if options.kind is not None:
        return []
    return [
        one
        for one in found
        if options.target in (None, one["target"]) and options.pool in (None, one["worker"], one["worker"].rpartition(".")[0])
    ]


def _called(one: dict[str, Any]) -> str:
    if "target" in one:
        return f"{one['target']} in pool {one['pool']}"
    return f"{one['kind']} in pool {one['pool']}" if one["kind"] else f"pool {one['pool']}"


def _outside_row(one: dict[str, Any]) -> list[str]:
    wait_s = one["retry_after_s"]
    next_try = "-" if wait_s is None or one["mode"] != "auto" else f"{wait_s:.1f} s"
    return [one["target"], one["worker"], one["state"], one["mode"], next_try, one["why"]]


def _row(one: dict[str, Any]) -> list[str]:
    wait_s = one["retry_after_s"]
    return [
        one["pool"],
        one["kind"] or "-",
        one["state"],
        one["mode"],
        *(figures.count(one[name]) for name in ("calls", "failed", "slow", "openings")),
        "-" if wait_s is None else f"{wait_s:.1f} s",
        one["why"],
    ]
