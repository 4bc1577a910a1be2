"""The kept results: one file a day and workload, a JSON line a figure, each complete in itself, so that files of two machines
can be joined line by line. It appends and never rewrites."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bench.figures import Figure

__all__ = ["RESULTS", "append_results", "record"]

#: where results are kept.
RESULTS = Path(__file__).resolve().parent / "results"


def record(figure: Figure, facts: Mapping[str, object], at: datetime) -> dict[str, object]:
    """A figure as it is kept: its line, its range over the rounds, when and on which machine."""
    line = figure.line(str(facts["commit"]))
    return {"at": at.isoformat(timespec="seconds"), **line, "low": figure.low, "high": figure.high, "machine": dict(facts)}


def append_results(figures: Sequence[Figure], facts: Mapping[str, object], at: datetime, folder: Path = RESULTS) -> Path:
    """Append the figures of one workload; returns the file.

    at: the moment, with its time zone.  figures: at least one, all of one workload.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{at.date().isoformat()}-{figures[0].workload}.jsonl"
    lines = b"".join(orjson.dumps(record(figure, facts, at)) + b"\n" for figure in figures)
    with path.open("ab") as file:
        file.write(lines)
    return path
