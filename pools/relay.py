"""What a worker hands to the process that takes its place.

Owns the pages: where nothing is kept they are all states and timers. Where state is kept the disk has it, and only states whose
fields the code that follows does not have are taken back. A state that cannot be converted stays in its own fields, and takes
no other one with it. When a worker gives up its place is `station`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import orjson

from pools.address import Key
from pools.kind import Kind
from pools.residents import Residents
from pools.values import fault

if TYPE_CHECKING:
    from checkpoints.frame import Part

__all__ = ["pages", "taken_back"]

#: States of one page: a page of the largest ones may not be larger than a frame.
PAGE_STATES, PAGE_BYTES = 500, 4 * 1024 * 1024
#: Characters of what is told of a state that cannot be converted.
WHY_CHARS = 200

Fields = Sequence[str]


def pages(
    kinds: Mapping[str, Residents], back: Mapping[str, Fields], stays: Callable[[str], object]
) -> Iterator[dict[str, Any]]:
    """All states that differ from a new agent's: kind, names of the fields, keys, and the values of each.

    back: the fields of the code before, by kind, for those that `downgrade` is asked for.  stays: told each state that it does
    not convert, and why.  `is_own` says whether a page is in the fields of the class that hands it over.
    """
    for name, residents in kinds.items():
        kind, wanted = residents.kind, back.get(name)
        page: dict[str, Any] = {}
        size_bytes = 0
        for key, row in residents.handed_over():
            names, values = _handed(kind, key, row, wanted, stays)
            if page and (page["names"] != names or len(page["keys"]) >= PAGE_STATES or size_bytes >= PAGE_BYTES):
                yield page
                page = {}
            if not page:
                page = {"kind": name, "names": names, "keys": [], "rows": [], "is_own": names is kind.names}
                size_bytes = 0
            page["keys"].append(key)
            page["rows"].append(values)
            size_bytes += len(row) if isinstance(row, bytes) else len(orjson.dumps(row))
        if page:
            yield page


def taken_back(
    kinds: Mapping[str, Residents], back: Mapping[str, Fields], stays: Callable[[str], object]
) -> Iterator[tuple[list[Part], int]]:
    """Records that take every kept state of some kinds back to the fields of the code before, a commit at a time.

    stays: as in `pages`.
    """
    from checkpoints.store import states_part  # who keeps nothing needs none of it

    for name, names in back.items():
        residents = kinds.get(name)
        if residents is None:
            continue
        keys: list[Key] = []
        rows: list[list[Any]] = []
        for key, saved in residents.kept_states():
            values = _converted(residents.kind, key, saved, names, stays)
            if values is None:
                continue
            keys.append(key)
            rows.append(values)
            if len(keys) >= PAGE_STATES:
                yield [states_part(name, names, cast("list[int | str]", keys), rows)], len(keys)
                keys, rows = [], []
        if keys:
            yield [states_part(name, names, cast("list[int | str]", keys), rows)], len(keys)


def _handed(
    kind: Kind, key: Key, row: bytes | dict[str, Any], wanted: Fields | None, stays: Callable[[str], object]
) -> tuple[list[str], list[Any]]:
    """The names and values that a state is handed over by."""
    if isinstance(row, dict):
        return list(row), list(row.values())
    values = None if wanted is None else _converted(kind, key, row, wanted, stays)
    return (kind.names, orjson.loads(row)) if wanted is None or values is None else (list(wanted), values)


def _converted(kind: Kind, key: Key, saved: bytes, names: Fields, stays: Callable[[str], object]) -> list[Any] | None:
    """The values of the fields that are wanted, of a saved state; None where its class does not give them."""
    downgrade = kind.downgrade or kind.made.migrate
    try:
        state = downgrade(dict(zip(kind.names, orjson.loads(saved), strict=True)))
        values = [state[name] for name in names]
        wrong = fault(values, "downgrade", tuples=False)
    except Exception as error:  # noqa: BLE001 - agents' code
        wrong = repr(error)
    if wrong is None:
        return values
    stays(f"{kind.name}/{key}: {wrong:.{WHY_CHARS}}")
    return None
