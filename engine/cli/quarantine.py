"""`engine agents quarantine`: agents whose tasks hang, leak or end their process.

Owns how their records are shown. What is done with them is the engine's business.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from engine.cli.misuse import Misuse, meant
from engine.cli.output import hint, screen, show_document, show_json, show_lines
from engine.cli.session import command, environment, name_of, request
from engine.cli.states import style_of
from engine.cli.table import Column, table

__all__ = ["run"]

SCHEMA = "engine.quarantine/v1"
ACTIONS = ("ls", "show", "release")

COLUMNS = (
    Column("AGENT", least=20),
    Column("STATUS", style=style_of),
    Column("SEVERITY", is_right=True),
    Column("METHOD"),
    Column("SINCE", rank=1),
    Column("CAUSE", least=30),
)


def run(options: Namespace, words: Sequence[str]) -> int:
    """Do what the words say. Raises Misuse."""
    action, *agents = words or ["ls"]
    if action not in ACTIONS:
        raise Misuse(f"there is nothing called {action!r} to do{meant(action, ACTIONS) or '; write ls, show or release'}")
    if action == "ls":
        if agents:
            raise Misuse(f"{agents[0]!r} is one word too many; to see one agent: engine agents quarantine show {agents[0]}")
        return _list(options)
    if len(agents) != 1:
        raise Misuse(f"{action} which agent? Write kind/key, one of those in: engine agents quarantine ls")
    return _show(options, agents[0]) if action == "show" else _release(options, agents[0])


def _list(options: Namespace) -> int:
    entries = request(options, "quarantine")
    if options.json:
        show_document(options, {"schema": SCHEMA, "agents": entries}, "agents")
    elif entries:
        show_lines(table(COLUMNS, [_row(entry) for entry in entries], screen(options)))
    else:
        hint(options, "no agent was found sick")
    return 0


def _row(entry: dict[str, Any]) -> list[str]:
    since = _time(entry["since_s"])
    return [entry["agent"], entry["status"], str(entry["severity"]), entry["method"], since, entry["cause"]]


def _show(options: Namespace, agent: str) -> int:
    entry = next((entry for entry in request(options, "quarantine") if entry["agent"] == agent), None)
    if entry is None:
        name = name_of(options, environment())
        raise Misuse(f"nothing was found of {agent!r}; see: {command(name, 'agents quarantine ls')}")
    if options.json:
        show_json({"schema": SCHEMA, **entry})
        return 0
    lines = [
        f"{agent}: {entry['status']}, severity {entry['severity']} ({entry['level']}), in {entry['worker']}",
        "",
        "found",
        *(f"  {_time(one['ts'])}  {one['what']:<8}  {_task(one)}  {one['cause']}" for one in entry["findings"]),
        "",
        "tried",
        *(f"  {fix['fix']:<30}  {fix['outcome']}" for fix in entry["fixes"]),
    ]
    if entry["stack"]:
        lines += ["", "where it was", *(f"  {line}" for line in entry["stack"].splitlines())]
    show_lines(lines)
    if entry["status"] in ("trial", "parked"):
        hint(options, f"\nto let it out: {command(name_of(options, environment()), f'agents quarantine release {agent}')}")
    return 0


def _task(one: dict[str, Any]) -> str:
    return f"{one['method']} [{one['task']}]" if one["task"] else str(one["method"])


def _release(options: Namespace, agent: str) -> int:
    entry = request(options, "release", agent=agent)
    if options.json:
        show_json({"schema": SCHEMA, **entry})
    else:
        print(f"{agent} is as the others again")
    return 0


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
