"""Which of a worker's agents are meant, where that depends on what they do now.

Owns the answer to one question: those with a status, or those first in an order that only the worker knows, and no more of them
than are asked for. It looks at some agents, then lets tasks run. Who puts together what several workers say is `listing`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, Protocol

from pools.address import Key
from pools.census import BY_PLACE, slices
from pools.errors import BadArgument
from pools.filter import Filter
from pools.residents import Residents

__all__ = ["BY_DOING", "MARKS", "STATUSES", "Doing", "Search", "candidates", "order_of", "search_of"]

#: What an agent can be, the most urgent first.
STATUSES = ("run", "quarantined", "idle", "asleep", "dormant")
#: Stand for the agents that have tasks in their mailbox, and for those that were taken back after a failed task.
WAITS, RESTARTED = MARKS = ("wait", "restarted")
#: What a worker can sort by.
BY_DOING = ("status", "mailbox", "restarts")


class Doing(Protocol):
    """What the agents of a worker do."""

    def __call__(self, kind: str, key: Key) -> tuple[str, int, int]:
        """The status of an agent, the tasks in its mailbox, and how often it was taken back."""
        ...

    def numbers(self, kind: str, sort: str) -> Mapping[Key, int]:
        """The agents of a kind of which a number to sort by, mailbox or restarts, is not 0."""
        ...


def order_of(kind: str, key: Key) -> tuple[str, bool, Any]:
    """The place of an agent among all that are alike: by kind, numbers before names."""
    return kind, type(key) is not int, key


class Search(NamedTuple):
    """What is looked for.

    filter: what their addresses look like.  statuses: which, of STATUSES and MARKS; none for all.  sort: one of BY_DOING; else
    they are in the order of their addresses.  most: how many are told at the most.
    """

    kind: str | None
    filter: Filter
    statuses: frozenset[str]
    sort: str | None
    is_descending: bool
    most: int


def search_of(
    kind: str | None, filter: str, statuses: Sequence[str], sort: str | None, most: int, *, is_descending: bool
) -> Search:
    """What is looked for, as it was sent. Raises BadArgument for a status, an order or a filter that there is not."""
    strange = [status for status in statuses if status not in (*STATUSES, *MARKS)]
    if strange:
        raise BadArgument(f"no status {strange[0]!r:.40}; agents are {', '.join((*STATUSES, *MARKS))}")
    if sort not in (None, *BY_PLACE, *BY_DOING):
        raise BadArgument(f"agents are sorted by {', '.join((*BY_PLACE, *BY_DOING))}, not by {sort!r:.40}")
    return Search(kind, Filter(filter), frozenset(statuses), sort, is_descending, most)


async def candidates(kinds: Mapping[str, Residents], doing: Doing, search: Search) -> dict[str, Any]:
    """The first agents that are meant.

    Returns how many there are (`count`), and the first `most` of them (`rows`): place in the order, kind, key, and what each
    does. A number that counts puts the largest first where that is asked for, equal ones in the order of their addresses.
    """
    found = _Found(search, doing)
    for name in sorted(kinds):
        if search.kind in (None, name):
            await _look(kinds[name], search, doing, found)
    return {"count": found.count, "rows": await found.first(search.most)}


async def _look(residents: Residents, search: Search, doing: Doing, found: _Found) -> None:
    """Find the agents of one kind."""
    kind = residents.kind.name
    numbers = found.numbers(kind)
    restarted = doing.numbers(kind, "restarts") if RESTARTED in search.statuses else {}
    for status, keys, others in _by_status(residents, search.statuses, restarted):

        def those(keys: Sequence[Key], others: Collection[Key] = others, status: str = status) -> list[Key]:
            some = search.filter.those(kind, keys)
            if status != "dormant":  # there may be states of agents that are gone, or not told of yet
                return [key for key in some if residents.exists(key)]
            return [key for key in residents.owned(some) if key not in others]

        async for some in slices(keys, those):
            found.add(kind, some, status, numbers)


def _by_status(
    residents: Residents, statuses: frozenset[str], restarted: Mapping[Key, int]
) -> Iterator[tuple[str, Sequence[Key], Collection[Key]]]:
    """The agents of each status that are wanted, and who is not meant by that; those that nobody has touched come last."""
    is_any = not statuses
    marked = frozenset(restarted if RESTARTED in statuses else ())
    if WAITS in statuses:
        marked |= {key for key, turn in residents.busy.items() if turn.mailbox}
    if statuses <= {*MARKS, "run"} and not is_any:  # few: nobody else needs to be looked at
        wanted = marked | (residents.busy.keys() if "run" in statuses else frozenset())
        for key in filter(residents.exists, wanted):
            yield residents.status(key) or "dormant", (key,), ()
        return
    seen: set[Key] = set()
    for status, tables in residents.tables():
        keys = [key for key in chain(*tables) if key not in seen]
        seen.update(keys)
        if is_any or status in statuses:
            yield status, keys, ()
        elif marked:
            yield status, [key for key in keys if key in marked], ()
    if is_any or "dormant" in statuses:
        yield from (("dormant", keys, seen) for keys in residents.spawned())
    else:
        yield "dormant", [key for key in marked if key not in seen and residents.exists(key)], ()


class _Found:
    """The agents that were found, by their place in the order."""

    def __init__(self, search: Search, doing: Doing) -> None:
        self._sort = search.sort if search.sort in BY_DOING else None
        self._is_descending = search.is_descending
        self._is_reversed = search.is_descending and search.sort in (None, "address")
        self._doing = doing
        self.count = 0
        self._places: dict[int, dict[str, list[Key]]] = {}

    def add(self, kind: str, keys: Sequence[Key], status: str, numbers: Mapping[Key, int]) -> None:
        """Some more, of one status. numbers: what they are sorted by, where that is not 0."""
        self.count += len(keys)
        if not numbers:
            self._put(STATUSES.index(status) if self._sort == "status" else 0, kind, keys)
            return
        self._put(0, kind, [key for key in keys if key not in numbers])
        for key in keys:
            if key in numbers:
                self._put(numbers[key], kind, (key,))

    def numbers(self, kind: str) -> Mapping[Key, int]:
        """What the agents of a kind are sorted by, where that is a number."""
        return {} if self._sort in (None, "status") else self._doing.numbers(kind, self._sort)

    def _put(self, place: int, kind: str, keys: Sequence[Key]) -> None:
        self._places.setdefault(place, {}).setdefault(kind, []).extend(keys)

    async def first(self, most: int) -> list[list[Any]]:
        """The first of them, with what they do now."""
        rows: list[list[Any]] = []
        for place in sorted(self._places, reverse=self._is_descending):
            kinds = self._places[place]
            for kind in sorted(kinds, reverse=self._is_reversed):
                keys = sorted(kinds[kind], key=_place_of) if _has_names(kinds[kind]) else sorted(kinds[kind])  # type: ignore[type-var]
                wanted = keys[::-1] if self._is_reversed else keys
                rows += [[place, kind, key, *self._doing(kind, key)] for key in wanted[: most - len(rows)]]
                await asyncio.sleep(0)
        return rows


def _has_names(keys: Sequence[Key]) -> bool:
    return any(type(key) is str for key in keys)


def _place_of(key: Key) -> tuple[bool, Any]:
    return type(key) is not int, key
