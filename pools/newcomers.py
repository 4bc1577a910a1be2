"""Agents that come into being without a person's spawn: those that an agent makes, and those that are made on use.

Owns the order of the steps: a place, its record, the word to the workers; all of it before a task can follow. Nobody waits for
the record, so one that is made on use has the pool that its address says, whoever else there is: were the engine to die before
the record is on the disk, the next use would make it in the same place, where its state is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pools.address import Key, address_of, valid_kind
from pools.errors import PoolError, PoolUnavailable, UnknownKind
from pools.events import Event
from pools.placement import Placement
from pools.pool import Pool
from pools.whereabouts import numbered

if TYPE_CHECKING:
    from pools.roster import Roster

__all__ = ["Newcomers"]


class Newcomers:
    """What makes them.

    check_kind: raises UnknownKind for a kind that no worker has loaded.
    is_going: whether agents of a kind are being removed, so that none may be made.
    on_use: kinds whose agents are made at the first task for their name.  roster: where they are recorded, None for nowhere.
    is_complete: whether all kinds of the engine are known; before, nobody can say that an agent will not be made.
    """

    def __init__(
        self,
        placement: Placement,
        pools: Sequence[Pool],
        *,
        check_kind: Callable[[str], None],
        on_event: Callable[[Event], None],
    ) -> None:
        self._placement = placement
        self._pools = pools
        self._check_kind = check_kind
        self._on_event = on_event
        self.is_going: Callable[[str], bool] = lambda _kind: False
        self.on_use: set[str] = set()
        self.roster: Roster | None = None
        self.is_complete = False

    def spawned(self, kind: str, key: Key, confirm: Callable[[], None]) -> None:
        """An agent has made another one; what cannot be made is an event.

        confirm: called once it is kept, or will never be: until then it is asked for again where state is kept.
        """
        try:
            self._make(kind, key)
        except PoolError as error:
            if isinstance(error, PoolUnavailable) and self.roster is not None:
                return
            self._on_event(Event("spawn.refused", f"an agent's spawn of {kind}/{key}: {error}", time.time()))
        if self.roster is not None:
            self.roster.confirm(kind, str(key), confirm)

    def _make(self, kind: str, key: Key) -> None:
        """Make an agent that an agent spawns. Raises PoolError."""
        if self.roster is None or kind not in self.roster.classes():  # while the engine starts, the roster knows more
            self._check_kind(valid_kind(kind))
        if isinstance(key, int):
            if not self._placement.has(kind, key):
                raise UnknownKind(str(numbered(kind, key)))
        elif not self._placement.has(kind, key):
            self._check_going(kind)
            self._settle(kind, self._placement.add_names(kind, [str(key)]))

    def used(self, kind: str, key: Key, unknown: PoolError) -> int:
        """Make the agent that a task is for; returns its pool. unknown: what is raised where it is not to be made.

        Raises TooManyAgents too; PoolUnavailable while the engine starts.
        """
        if kind not in self.on_use:
            if self.is_complete:
                raise unknown
            raise PoolUnavailable(f"{address_of(kind, key)} is not known yet: the engine starts") from unknown
        if type(key) is not str:
            raise numbered(kind, key) from unknown
        self._check_going(kind)
        pool = self._placement.add_name(kind, key)
        self._settle(kind, {pool: [key]})
        return pool

    def _check_going(self, kind: str) -> None:
        if self.is_going(kind):
            raise PoolUnavailable(f"agents of kind {kind} are being removed")

    def _settle(self, kind: str, placed: dict[int, list[str]]) -> None:
        """Record agents that have got a place, and tell the workers of them."""
        if self.roster is not None and placed:
            self.roster.note(kind, placed, self._on_event)
        for number, names in placed.items():
            for seat in self._pools[number].seats:
                seat.request_if_up("names", kind=kind, names=names)
