"""The small parts of a Markdown report: tables, and text that cannot break them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["by_count", "code", "counted", "per", "plain", "table"]


def table(head: Sequence[str], align: str, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table. align: `l` or `r` for each column."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join(" ---: " if side == "r" else " --- " for side in align) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The counts, the highest first, equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def code(text: str) -> str:
    """Text in the type of code."""
    return f"`{plain(text).replace('`', '')}`"


def plain(text: str) -> str:
    """Text on one line, without what ends a cell or begins a tag."""
    return " ".join(text.replace("|", "/").replace("<", "&lt;").split())


def per(value: float) -> str:
    """A share, with two digits."""
    return f"{value:.2f}"


def counted(count: int, thing: str) -> str:
    """A number of things: `1 file`, `2,000 files`."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")
