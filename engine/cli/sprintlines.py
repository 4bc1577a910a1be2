"""What is said of sprints: one in a line, one that has ended, one while it runs, the same as JSON.

Owns the words. The facts are a chronicle's, which is counted from the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.cli import figures
from engine.cli.screen import Screen, clean
from engine.cli.states import style_of
from sprints.archive import HTML, Archive
from sprints.chronicle import Chronicle, Settled
from sprints.impact import impact_of

__all__ = ["began", "clock", "figures_of", "moment", "outcome_lines", "queued_row", "row_of", "state_of", "summary"]

#: Items that are named one by one of those that were not done.
NAMED = 5


def state_of(told: Chronicle, *, is_running: bool = False) -> str:
    """A word for how it stands: `damaged`, `aborted`, `rolled back`, `done`, `left some`, `paused`, its step, or `stopped`."""
    if told.damage is not None:
        return "damaged"
    if told.rolled_back is not None:
        return "rolled back"
    if told.aborted is not None and told.is_over:
        return "aborted"
    if told.is_over:
        return "done" if told.verdicts["done"] - len(told.left_out) == len(told.planned) else "left some"
    if not is_running:
        return "stopped"
    if told.pause is not None:
        return "paused"
    return told.spans[-1].phase if told.spans else "plan"


def began(told: Chronicle) -> str:
    """When it began, by UTC."""
    return clock(told.began_s)


def clock(unix_s: float) -> str:
    """A time by UTC."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%F %T")


def queued_row(one: Mapping[str, Any]) -> list[str]:
    """The cells of a campaign that waits in the same list: when it was queued stands for when it began."""
    return [one["id"], str(one["backlog"]), clock(one["since_s"]), "", "queued", "", f"{one['tasks']:,}", "", "", ""]


def row_of(told: Chronicle, *, is_running: bool) -> list[str]:
    """The cells of one sprint in a list."""
    done = told.verdicts["done"]
    return [
        told.id,
        str(told.header.get("backlog", "")),
        began(told),
        figures.span(told.seconds),
        state_of(told, is_running=is_running),
        f"{done:,}",
        f"{len(told.planned):,}",
        f"{len(told.receipts) - done:,}",
        f"{told.left:,}",
        told.releases[-1][0].partition("-")[0] if told.releases else "",
    ]


def figures_of(told: Chronicle) -> dict[str, Any]:
    """The figures of a sprint: as its ledger has them, else counted now."""
    return impact_of(told).row()


def summary(told: Chronicle, archive: Archive, *, is_running: bool = False) -> dict[str, Any]:
    """A sprint as JSON."""
    return {
        "id": told.id,
        "backlog": told.header.get("backlog"),
        "state": state_of(told, is_running=is_running),
        "began_s": told.began_s,
        "seconds": round(told.seconds, 6),
        "speed": told.header.get("speed"),
        "agents": told.agents,
        "planned": len(told.planned),
        "verdicts": dict(told.verdicts),
        "carried": {why: len(items) for why, items in told.carried.items()},
        "releases": [{"release": name, "items": count} for name, count in told.releases],
        "not_shipped": told.not_shipped,
        "left_out": told.left_out,
        "rolled_back": told.rolled_back,
        "impact": told.impact or figures_of(told),
        "cost": told.cost,
        "next": told.next,
        "folder": archive.path(told.id),
    }


def moment(status: dict[str, Any], per_s: float | None = None) -> str:
    """One line about a sprint that runs. per_s: items that ended in a second."""
    if not status.get("phase"):
        return f"{clean(status['backlog'])}: about to begin"
    counts = status["counts"]
    ended = sum(counts[verdict] for verdict in ("done", "failed", "unproven", "expired", "cancelled"))
    left = "paused" if status["is_paused"] else "" if status["left_s"] is None else f"{figures.span(status['left_s'])} left"
    parts = [
        f"{status['sprint']} {status['phase']}",
        f"{ended:,} of {counts['planned']:,} ended",
        f"{counts['done']:,} done",
        figures.rate(per_s) if per_s else "",
        left,
    ]
    return ", ".join(part for part in parts if part)


def outcome_lines(told: Chronicle, archive: Archive, screen: Screen) -> list[str]:
    """What became of a sprint, for people."""
    impact = told.impact or figures_of(told)
    done, planned = told.verdicts["done"], len(told.planned)
    state = state_of(told)
    style = "green" if state == "done" else style_of("waiting")
    head = f"{screen.paint(told.id, 'bold')} {screen.paint(state, style)}: {done:,} of {figures.plural(planned, 'item')} done"
    lines = [f"{head} in {figures.span(told.seconds)}, {impact['velocity']:,.1f} a minute"]
    quality = impact["quality"]
    if quality is not None and quality < 1:
        lines.append(f"  quality {quality:.1%}: {impact['failed']:,} failed, {impact['unproven']:,} unproven")
    wrong = [receipt for receipt in told.receipts if receipt.verdict != "done"]
    lines += [clean(f"    {one.item}: {one.verdict}{_because(one)}") for one in wrong[:NAMED]]
    if len(wrong) > NAMED:
        lines.append(f"    and {len(wrong) - NAMED:,} more")
    lines += [f"  carried {len(items):,}: {why}" for why, items in told.carried.items()]
    lines += [f"  shipped {name}: {figures.plural(count, 'item')}" for name, count in told.releases]
    lines += [clean(f"  not shipped: {why}") for why in told.not_shipped]
    left_out = [f"  left out of the release, and to be done again: {item}, {why}" for item, why in told.left_out.items()]
    lines += [clean(line) for line in left_out[:NAMED]]
    lines.append(f"  report: {archive.path(told.id, HTML)}")
    return lines


def _because(one: Settled) -> str:
    """Why an item was not done."""
    why = one.why or one.error
    return f", {why}" if why else ""
