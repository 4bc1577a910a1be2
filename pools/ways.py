"""The ways from one sender to the agents that it asks: a lane for each kind behind each link.

Owns which lanes there are. `Resolve` is handed in: the engine, the client and the worker each know in their own way where
an agent lives. What a lane holds is its own business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from pools.address import Key
from pools.errors import Failure, PoolError
from pools.lane import Lane, Sink
from pools.link import Link

__all__ = ["ROUTES", "Deal", "Ended", "Resolve", "ResolveKey", "Ways", "flush_together"]

#: From an address to the link that leads to the agent, its kind and its key. Raises PoolError.
Resolve = Callable[[str], tuple[Link, str, Key]]


class ResolveKey(Protocol):
    """The same for an address that was taken apart: from a kind and a key to the link and the key that was chosen."""

    def __call__(self, kind: str, key: Key, turn: int | None = None, *, is_again: bool = False) -> tuple[Link, Key]:
        """turn: chooses among any, the same each time.  is_again: what it is for may have been sent before."""
        ...


#: For so many tasks addressed to a kind: links, each with the keys of the agents chosen behind it, and why the other tasks are
#: refused, if any are. Raises PoolError.
Deal = Callable[[str, int], tuple[list[tuple[Link, Sequence[Key]]], PoolError | None]]
#: Told how many tasks ended, and how those failed that did.
Ended = Callable[[int, Sequence[tuple[int, Failure]]], None]

#: Addresses whose way a sender remembers; past it all are forgotten, since a sweep over more would not come back to them.
ROUTES = 65_536

_Lane = TypeVar("_Lane", bound=Lane)


class Ways(Generic[_Lane]):
    """The lanes of one sender.

    sink: where answers go.  make: makes a lane for a link and a kind.
    """

    def __init__(self, sink: Sink, make: Callable[[Link, str, Sink], _Lane]) -> None:
        self._sink = sink
        self._make = make
        self._lanes: dict[tuple[Link, str], _Lane] = {}
        self._links: dict[int, tuple[Link, list[_Lane]]] = {}

    def lane_of(self, link: Link, kind: str) -> _Lane:
        """The lane for a kind behind a link."""
        found = self._lanes.get((link, kind))
        if found is None:
            found = self._lanes[link, kind] = self._make(link, kind, self._sink)
            self._links.setdefault(id(link), (link, []))[1].append(found)
        return found

    def lanes(self) -> Iterable[_Lane]:
        """Every lane."""
        return self._lanes.values()

    def flush(self) -> None:
        """Offer everything that waits to its link."""
        for link, lanes in list(self._links.values()):
            link.offer(lanes)

    def links(self) -> Iterable[tuple[Link, list[_Lane]]]:
        """The links, each with its lanes."""
        return self._links.values()

    def cancel(self) -> None:
        """Take back what is not answered."""
        for link, _ in self._links.values():
            link.cancel(self._sink)

    def cancel_where(self, is_meant: Callable[[Any], bool], *, is_late: bool = False) -> None:
        """Take back the tasks whose token is meant. is_late: because no answer came in time."""
        for link, _ in self._links.values():
            link.cancel_where(self._sink, is_meant, is_late=is_late)


def flush_together(parts: Iterable[Ways[Any]]) -> None:
    """Offer everything that waits on some ways, to each link once."""
    links: dict[int, tuple[Link, list[Lane]]] = {}
    for ways in dict.fromkeys(parts):
        for link, lanes in ways.links():
            links.setdefault(id(link), (link, []))[1].extend(lanes)
    for link, lanes in links.values():
        link.offer(lanes)
