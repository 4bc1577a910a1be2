"""Stores in lines of text, as `checkpoints` shows them.

Owns the table of stores, and the sentence about what each is or what was done to it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from checkpoints.compaction import Compacted
from checkpoints.recovery import Torn
from engine.cli import figures
from engine.cli.screen import Screen
from engine.cli.states import style_of
from engine.cli.table import Column, table
from engine.offline.report import Report

__all__ = ["compacted_line", "cut_line", "report_line", "store_lines"]

COLUMNS = (
    Column("STORE"),
    Column("STATE", style=lambda text: style_of(text.partition(" by ")[0])),
    Column("STATES", is_right=True),
    Column("RECORDS", is_right=True, rank=2),
    Column("BYTES", is_right=True, rank=1),
    Column("SEGMENTS", is_right=True, rank=4),
    Column("SNAPSHOTS", is_right=True, rank=5),
    Column("SHARDS", is_right=True, rank=6),
    Column("LAST WRITTEN", rank=3),
)


def store_lines(reports: Sequence[Report], screen: Screen) -> list[str]:
    """The lines of the table."""
    return table(COLUMNS, [_row(report) for report in reports], screen)


def _row(report: Report) -> list[str]:
    return [
        report.store.name,
        _state(report),
        _known(report.states),
        _known(report.records),
        figures.size(report.size_bytes),
        figures.count(report.segments),
        _known(report.snapshots),
        _known(report.shards),
        "-" if report.written_s is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(report.written_s)),
    ]


def _known(number: int | None) -> str:
    return "-" if number is None else figures.count(number)


def _state(report: Report) -> str:
    return report.state if report.pid is None else f"{report.state} by pid {report.pid}"


def report_line(report: Report) -> str:
    """What a whole look at a store has found, the first of its damages."""
    if report.damages:
        more = f" (and {figures.plural(len(report.damages) - 1, 'more place')})" if len(report.damages) > 1 else ""
        rest = "; older snapshots and a longer log are whole" if report.is_readable else ""
        return f"damaged: {report.damages[0]}{more}{rest}"
    if report.torn is not None:
        return f"torn tail: {_place(report.torn)}; the next start cuts it off, or: engine checkpoints repair"
    held = f"{figures.plural(report.files, 'file')}, {figures.size(report.size_bytes)}"
    said = f"{held}: {figures.plural(report.states or 0, 'state')} of {figures.plural(report.records or 0, 'record')}"
    return f"well, {_state(report)}: {said}"


def _place(torn: Torn) -> str:
    """Where a torn tail is."""
    size = figures.plural(torn.size_bytes, "byte")
    return f"{size} of {Path(torn.file).name} at byte {torn.at}: {torn.reason}"


def cut_line(torn: Torn | None, *, is_dry: bool) -> str:
    """What a repair cuts off, or has cut off."""
    if torn is None:
        return "nothing to cut off"
    if is_dry:
        return f"would cut off {_place(torn)}"
    kept = "it was all zeros" if torn.kept is None else f"kept as {Path(torn.kept).name}"
    return f"cut off {_place(torn)}; {kept}"


def compacted_line(done: Compacted | None) -> str:
    """What a compaction did."""
    if done is None:
        return "nothing to fold"
    return (
        f"folded {figures.plural(done.records, 'record')} into {figures.plural(done.states, 'state')}, "
        f"{figures.size(done.written_bytes)} written, {figures.plural(len(done.removed), 'file')} removed"
    )
