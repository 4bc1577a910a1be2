"""What a person and a program read: a table of figures, or one JSON object a line. It keeps nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from rich.table import Table

from bench.figures import rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.figures import Figure

__all__ = ["facts_line", "figure_table", "json_lines"]


def json_lines(figures: Sequence[Figure], commit: str) -> list[str]:
    """The figures, one JSON object each; the workload's own figure comes first."""
    return [orjson.dumps(figure.line(commit)).decode() for figure in figures]


def figure_table(figures: Sequence[Figure]) -> Table:
    """The figures of one workload as a table: median, range, the yardstick and the ratio to it."""
    table = Table(title=figures[0].workload, title_justify="left", pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for column in ("median", "min - max", "raw", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    for column in ("to reach", "what it is"):
        table.add_column(column)
    for figure in figures:
        table.add_row(*_cells(figure))
    return table


def _cells(figure: Figure) -> list[str]:
    metric = figure.metric
    against = "" if metric.against == "raw" else f" ({metric.against})"
    return [
        metric.name,
        f"{_number(figure.value)} {metric.unit}",
        f"{_number(figure.low)} - {_number(figure.high)}",
        "" if figure.raw is None else _number(figure.raw) + against,
        "" if figure.ratio is None else f"{figure.ratio:.3g}",
        metric.reach,
        metric.about,
    ]


def _number(value: float) -> str:
    short = rounded(value)
    return f"{short:,}" if abs(short) >= 1 or short == 0 else f"{short:.3g}"


def facts_line(facts: Mapping[str, object]) -> str:
    """The machine in one line."""
    packages = facts["packages"]
    assert isinstance(packages, dict)
    load = facts["load"]
    assert isinstance(load, list)
    versions = ", ".join(f"{name} {number}" for name, number in packages.items())
    return (
        f"{facts['cores']} cores ({facts['cpu']}), Linux {facts['kernel']}, Python {facts['python']}, {versions}, "
        f"{facts['filesystem']}, "
        f"load {' '.join(map(str, load))}, commit {facts['commit']}"
    )
