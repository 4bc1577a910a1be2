"""The table of pools, as `pools` and `stats` show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.cli import figures
from engine.cli.screen import Screen
from engine.cli.states import style_of
from engine.cli.table import Column, table

__all__ = ["pool_lines"]

COLUMNS = (
    Column("POOL"),
    Column("STATE", style=style_of),
    Column("AGENTS", is_right=True),
    Column("OF", is_right=True, rank=4),
    Column("WORKERS", is_right=True, rank=3),
    Column("OPEN", is_right=True),
    Column("DONE", is_right=True),
    Column("FAILED", is_right=True),
    Column("MEMORY", is_right=True, rank=1),
    Column("OF", is_right=True, rank=4),
    Column("KINDS", least=8, rank=5),
    Column("CPU", least=18, rank=6),
)


def pool_lines(pools: Sequence[dict[str, Any]], screen: Screen) -> list[str]:
    """The lines of the table."""
    return table(COLUMNS, [_row(pool) for pool in pools], screen)


def _row(pool: dict[str, Any]) -> list[str]:
    limit_bytes = pool["memory_limit_bytes"]
    return [
        pool["name"],
        pool["state"],
        *(figures.count(pool[name]) for name in ("agents", "agents_limit", "workers", "open", "done", "failed")),
        figures.size(pool["memory_bytes"]),
        "-" if limit_bytes is None else figures.size(limit_bytes),
        ", ".join(pool["kinds"]) or "any",
        pool["cpu"],
    ]
