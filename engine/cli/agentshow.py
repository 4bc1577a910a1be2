"""`engine agents show`: everything that is known of one agent.

Owns how that is laid out for a person. What is told is the engine's business.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from engine.cli import figures
from engine.cli.misuse import Misuse
from engine.cli.output import hint, screen, show_json, show_lines
from engine.cli.screen import Screen, clean
from engine.cli.session import command, environment, name_of, request
from engine.cli.states import style_of

__all__ = ["lines", "run"]

#: Rows of each part that are shown.
ROWS = 10


def run(options: Namespace, agents: Sequence[str]) -> int:
    """Show one. Raises Misuse."""
    if len(agents) != 1 or "/" not in agents[0]:
        raise Misuse("show which agent? Write kind/key, such as: engine agents show counter/17")
    told = request(options, "agent", agent=agents[0])
    if options.json:
        show_json(told)
        return 0
    show_lines(lines(told, screen(options), time.time()))
    if told["quarantine"] is not None and told["quarantine"]["status"] in ("trial", "parked"):
        name = name_of(options, environment())
        hint(options, f"\nto let it out: {command(name, f'agents quarantine release {agents[0]}')}")
    return 0


def lines(told: dict[str, Any], screen: Screen, now_s: float) -> list[str]:
    """What is known of an agent. now_s: seconds since 1970."""
    return [screen.paint(_cut(clean(text), screen.width), style) for text, style in _parts(told, now_s)]


def _parts(told: dict[str, Any], now_s: float) -> Iterator[tuple[str, str | None]]:
    """The lines, each with its style."""
    pool = f"{told['pool']} (paused)" if told["is_paused"] else told["pool"]
    yield f"{told['agent']}: {told['status']}", style_of(told["status"]) or "bold"
    yield f"pool {pool}, worker {told['worker']}, shard {told['shard']}", None
    if told["worker_state"] != "running":
        reason = told["worker_reason"]
        yield f"its worker is {told['worker_state']}{f': {reason}' if reason else ''}", "red"
    yield (
        f"restarts {told['restarts']:,}, mailbox {told['mailbox_count']:,}, waiting before its worker {told['in_front']:,}",
        None,
    )
    yield from _section("state", _state(told))
    running = told["running"]
    if running is not None:
        yield from _section("runs", [f"{running['method']} [{running['task']}] for {figures.span(running['for_s'])}"])
    yield from _section("waits", [_waiting(one) for one in [*told["mailbox"], *told["queued"]]])
    yield from _section("last tasks", [_last(one, now_s) for one in told["last"]])
    yield from _section(
        "went wrong", [f"{_ago(one['at_s'], now_s)}  {one['method']}  {one['error']}" for one in told["failures"]]
    )
    yield from _section("accepted tasks", [_task(one, now_s) for one in told["tasks"]])
    yield from _section("checkpoints", [_checkpoint(one, now_s) for one in told["checkpoints"]])
    record = told["quarantine"]
    if record is not None:
        said = f"{record['status']}, severity {record['severity']} ({record['level']}): {record['cause']}"
        yield from _section("quarantine", [said])


def _section(title: str, rows: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    if rows:
        yield "", None
        yield title, "bold"
        yield from ((f"  {row}", None) for row in rows[:ROWS])
        if len(rows) > ROWS:
            yield f"  and {len(rows) - ROWS:,} more", "dim"


def _state(told: dict[str, Any]) -> list[str]:
    if told["state"] is None:
        return [told["unreadable"]]
    shown = [f"{name} = {orjson.dumps(value).decode()}" for name, value in told["state"].items()]
    return shown + [
        f"{name}: {figures.size(size_bytes)}, too large to be shown" for name, size_bytes in told["omitted"].items()
    ]


def _waiting(one: dict[str, Any]) -> str:
    age_s = one["age_s"]
    return f"{one['method']} [{one['task']}]{'' if age_s is None else f' for {figures.span(age_s)}'}"


def _last(one: dict[str, Any], now_s: float) -> str:
    return f"{_ago(one['ended_s'], now_s)}  {one['method']}  in {figures.span(one['took_s'])}  {one['error'] or 'ok'}"


def _task(one: dict[str, Any], now_s: float) -> str:
    error = one["cause"]
    cause = "" if error is None else f"  {error['type']}: {error['message']}"
    return f"{_ago(one['accepted_s'], now_s)}  {one['name'] or one['id']}  {one['method']}  {one['state']}{cause}"


def _checkpoint(one: dict[str, Any], now_s: float) -> str:
    share = "" if one["progress"] is None else f"  {one['progress']:.0%}"
    said = {name: one[name] for name in ("partial_result", "context", "metadata") if one[name] is not None}
    what = orjson.dumps(said).decode() if said else ""
    return f"{_ago(one['at_s'], now_s)}  {one['revision']}  {one['kind']}{share}  {what}".rstrip()


def _ago(at_s: float, now_s: float) -> str:
    return f"{figures.span(max(now_s - at_s, 0.0))} ago"


def _cut(line: str, width: int | None) -> str:
    return line if width is None or len(line) <= width else line[: width - 1] + "…"
