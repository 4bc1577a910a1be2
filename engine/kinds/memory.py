"""Memory that agents share: `memory/NAMESPACE` holds JSON values by name.

    await ctx.ask("memory/plans", "set", "monday", {"tasks": 3}, 60.0)      # from an agent; gives the version
    engine ask memory/plans get monday                                      # from a terminal

An agent is one namespace, so that namespaces cannot see each other, and one task at a time makes `cas` what it says. It owns
the names, their versions and when they expire; that it is kept is the engine's doing. A namespace is made at its first use.

`cas` compares versions, not values. A version costs a few bytes where a value may have 64 KiB, needs no rule when two JSON
values are the same, and is never given twice in a namespace: who comes late finds out, also where a value was changed and
changed back, or was deleted, or expired, and was set anew. 0 is the version of a name that is not there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import nsmallest
from typing import Any, ClassVar

from pools import values
from pools.agent import Agent
from pools.errors import AgentFull, BadArgument
from pools.table import Table

__all__ = ["Memory"]

#: Names of one namespace: a whole one is listed in 10 pages, and a listing looks at each of them.
NAMES = 10_000
#: Characters of a name: some more than an address has, so that one can be a name.
NAME_CHARS = 256
#: Bytes of one value as JSON: past it, a namespace would be full after a few.
VALUE_BYTES = 64 * 1024
#: Bytes of a namespace: eight times what other agents hold, and still read as a whole when it wakes.
NAMESPACE_BYTES = 4 * 1024 * 1024
#: Seconds that a value may be given: as those of a timer, 366 days.
TTL_S = 366 * 86_400
#: Names of one page of `names`.
PAGE_NAMES = 1_000
#: Seconds between two sweeps of what has expired, and names that one of them removes, at most: a record stays small.
SWEEP_S, SWEEP_NAMES = 5.0, 500


class Memory(Agent):
    """One namespace.

    entries: version and value by name.  expiries: when a name expires, in seconds since 1970, of those that do.
    last_version: the highest that was ever given.  sweep_s: when what has expired is looked for next; 0 where nothing expires.
    """

    is_made_on_use: ClassVar[bool] = True
    memory_limit_bytes: ClassVar[int] = NAMESPACE_BYTES
    #: Seconds since 1970.
    _clock: ClassVar[Callable[[], float]] = time.time

    entries: Table[list[Any]]
    expiries: Table[float]
    last_version: int = 0
    sweep_s: float = 0.0

    # -- reading -------------------------------------------------------------------------------------------------------

    def get(self, name: str) -> Any:
        """The value; None for a name that is not there, or has expired."""
        entry = self._live(name, self._now())
        return None if entry is None else entry[1]

    def entry(self, name: str) -> dict[str, Any] | None:
        """The value with its `version` and `expires_s` (seconds since 1970, None for never); None for no such name."""
        entry = self._live(name, self._now())
        if entry is None:
            return None
        return {"value": entry[1], "version": entry[0], "expires_s": self.expiries.get(name)}

    def names(self, after: str = "", limit: int = 100) -> dict[str, Any]:
        """A page of `names` in their order, and `next`: what to give as `after` for the next page, None for the last.

        limit: 1 to 1,000.  Raises BadArgument.
        """
        if not 1 <= limit <= PAGE_NAMES:
            raise BadArgument(f"names: limit must be 1 to {PAGE_NAMES:,}, got {limit}")
        now_s = self._now()
        page = nsmallest(limit + 1, (name for name in self.entries if name > after and not self._is_over(name, now_s)))
        return {"names": page[:limit], "next": page[limit - 1] if len(page) > limit else None}

    def size(self) -> dict[str, int]:
        """How many `names` there are, and the `bytes` of everything, with the limit of each."""
        now_s = self._now()
        over = sum(at_s <= now_s for at_s in self.expiries.values())
        size_bytes = self.entries.size_bytes + self.expiries.size_bytes
        return {
            "names": len(self.entries) - over,
            "names_limit": NAMES,
            "bytes": size_bytes,
            "bytes_limit": NAMESPACE_BYTES,
        }

    # -- writing -------------------------------------------------------------------------------------------------------

    def set(self, name: str, value: Any, ttl_s: float | None = None) -> int:
        """Set a value, for some seconds or for good; returns its version.

        value: up to 64 KiB as JSON.  ttl_s: above 0, up to 366 days, by the wall clock; it goes on while nothing runs.
        Raises BadArgument, AgentFull past 10,000 names, StateTooLarge past 4 MiB.
        """
        return self._put(name, value, ttl_s, self._now())

    def cas(self, name: str, version: int, value: Any, ttl_s: float | None = None) -> dict[str, Any]:
        """Set a value if the name still has this version; 0 if there shall be no such name yet.

        Returns `is_set` and the `version` that the name has now; where it was not set, the `value` that stands there, so that
        who lost can try again. Raises as `set`.
        """
        now_s = self._now()
        entry = self._live(name, now_s)
        has = 0 if entry is None else entry[0]
        if has != version:
            return {"is_set": False, "version": has, "value": None if entry is None else entry[1]}
        return {"is_set": True, "version": self._put(name, value, ttl_s, now_s)}

    def delete(self, name: str) -> bool:
        """Remove a name; returns whether it was there."""
        now_s = self._now()
        was_there = self._live(name, now_s) is not None
        self._drop(name)
        self._sweep(now_s)
        return was_there

    # -- inside --------------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return type(self)._clock()

    def _is_over(self, name: str, now_s: float) -> bool:
        at_s = self.expiries.get(name)
        return at_s is not None and at_s <= now_s

    def _live(self, name: str, now_s: float) -> list[Any] | None:
        return None if self._is_over(name, now_s) else self.entries.get(name)

    def _put(self, name: str, value: Any, ttl_s: float | None, now_s: float) -> int:
        _check(name, value, ttl_s)
        self._sweep(now_s)
        if name not in self.entries and len(self.entries) >= NAMES:
            raise AgentFull(
                f"{self.id} has {NAMES:,} names, as many as it may; delete some, or give them a ttl_s "
                f"(what has expired is removed within {SWEEP_S:g} s)"
            )
        self.last_version += 1
        self.entries[name] = [self.last_version, value]
        if ttl_s is not None:
            self.expiries[name] = now_s + ttl_s
            soonest_s = now_s + max(ttl_s, SWEEP_S)
            self.sweep_s = min(self.sweep_s, soonest_s) if self.sweep_s else soonest_s
        else:
            self.expiries.pop(name, None)
        return self.last_version

    def _drop(self, name: str) -> None:
        self.entries.pop(name, None)
        self.expiries.pop(name, None)

    def _sweep(self, now_s: float) -> None:
        """Remove names that have expired, if it is time for that."""
        if not self.sweep_s or now_s < self.sweep_s:
            return
        due = [name for name, at_s in self.expiries.items() if at_s <= now_s]
        for name in due[:SWEEP_NAMES]:
            self._drop(name)
        if len(due) <= SWEEP_NAMES:
            left_s = min(self.expiries.values(), default=0.0)
            self.sweep_s = max(left_s, now_s + SWEEP_S) if left_s else 0.0


def _check(name: str, value: Any, ttl_s: float | None) -> None:
    """Raises BadArgument for what cannot be set."""
    if not 1 <= len(name) <= NAME_CHARS:
        raise BadArgument(f"a name has 1 to {NAME_CHARS} characters, this one has {len(name):,}")
    if ttl_s is not None and not 0 < ttl_s <= TTL_S:
        raise BadArgument(f"ttl_s must be above 0 and up to {TTL_S:,} seconds (366 days), got {ttl_s}")
    size_bytes = len(values.dumps(value))
    if size_bytes > VALUE_BYTES:
        raise BadArgument(f"the value of {name!r:.60} has {size_bytes:,} bytes as JSON, a value has up to {VALUE_BYTES:,}")
