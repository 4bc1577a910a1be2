"""What a worker hands to the process that takes its place.

Owns the pages: where nothing is kept they are all states and timers. Where state is kept the disk has it, and only states whose
fields the code that follows does not have are taken back. When a worker gives up its place is `station`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import orjson

from pools.kind import Kind
from pools.residents import Residents

if TYPE_CHECKING:
    from checkpoints.frame import Part

__all__ = ["pages", "taken_back"]

#: States of one page: a page of the largest ones may not be larger than a frame.
PAGE_STATES, PAGE_BYTES = 500, 4 * 1024 * 1024


def pages(kinds: Mapping[str, Residents], back: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Any]]:
    """All states that differ from a new agent's: kind, names of the fields, keys, and the values of each.

    back: the fields of the code before, by kind, for those that `downgrade` is asked for.
    """
    for name, residents in kinds.items():
        convert = _converter(residents.kind, back.get(name))
        rows = residents.handed_over()
        while some := list(islice(rows, 1)):
            page, size_bytes = some, len(some[0][1])
            while len(page) < PAGE_STATES and size_bytes < PAGE_BYTES and (more := next(rows, None)) is not None:
                page.append(more)
                size_bytes += len(more[1])
            names = list(back.get(name, residents.kind.names))
            yield {"kind": name, "names": names, "keys": [key for key, _ in page], "rows": [convert(row) for _, row in page]}


def taken_back(kinds: Mapping[str, Residents], back: Mapping[str, Sequence[str]]) -> Iterator[tuple[list[Part], int]]:
    """Records that take every kept state of some kinds back to the fields of the code before, a commit at a time."""
    from checkpoints.store import states_part  # who keeps nothing needs none of it

    for name, names in back.items():
        residents = kinds.get(name)
        if residents is None:
            continue
        convert = _converter(residents.kind, names)
        rows = residents.kept_states()
        while page := list(islice(rows, PAGE_STATES)):
            yield (
                [
                    states_part(
                        name, names, cast("list[int | str]", [key for key, _ in page]), [convert(row) for _, row in page]
                    )
                ],
                len(page),
            )


def _converter(kind: Kind, names: Sequence[str] | None) -> Callable[[bytes], list[Any]]:
    """From a saved state to the values of the fields that are wanted. Raises what `downgrade` raises."""
    if names is None:
        return orjson.loads
    downgrade = kind.downgrade or kind.made.migrate

    def convert(saved: bytes) -> list[Any]:
        state = downgrade(dict(zip(kind.names, orjson.loads(saved), strict=True)))
        return [state[name] for name in names]

    return convert
