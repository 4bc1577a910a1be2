"""Task lines with conditions, and the check that what came back is what a right engine gives. A seed makes them, outside of any
clock."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from pools.ranked import PRIORITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_order", "level_lines", "plain_lines", "routed_lines"]

SEED = 20_260
#: agents that the tasks of a graph are spread over.
AGENTS = 5_000
#: one task of so many waits for another one.
ONE_OF = 100


def plain_lines(count: int) -> list[dict[str, Any]]:
    """Tasks for any counter, each with a name."""
    return [{"id": at, "kind": "counter", "method": "get"} for at in range(count)]


def routed_lines(count: int) -> list[dict[str, Any]]:
    """The same with a priority each; one of a hundred waits for one that was sent before it."""
    rng = random.Random(SEED)
    lines = plain_lines(count)
    for at, line in enumerate(lines):
        line["priority"] = rng.choice(PRIORITIES)
        if at and rng.randrange(ONE_OF) == 0:
            line["after"] = [rng.randrange(max(at - 1_000, 0), at)]
    return lines


def level_lines(levels: int, width: int, first: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Levels of tasks, each of which waits for two of the level above; those of the first level wait for `first`."""
    rng = random.Random(SEED)
    lines: list[dict[str, Any]] = []
    for level in range(levels):
        for place in range(width):
            line: dict[str, Any] = {
                "id": f"{level}.{place}",
                "agent": f"counter/{(level * width + place) % AGENTS}",
                "method": "get",
            }
            if level:
                line["after"] = [f"{level - 1}.{rng.randrange(width)}", f"{level - 1}.{rng.randrange(width)}"]
            elif first:
                line["after"] = list(first)
            lines.append(line)
    return lines


def check_order(lines: Sequence[dict[str, Any]], ended: Sequence[Any]) -> None:
    """Raises ValueError unless each task has ended once, and after all that it waited for. ended: ids in that order."""
    place = {name: at for at, name in enumerate(ended)}
    if len(place) != len(ended) or place.keys() != {line["id"] for line in lines}:
        raise ValueError(f"{len(place):,} tasks have ended, {len(ended):,} times, of {len(lines):,}")
    for line in lines:
        late = [name for name in line.get("after", ()) if place[name] > place[line["id"]]]
        if late:
            raise ValueError(f"task {line['id']} ended before {late}, which it waited for")
