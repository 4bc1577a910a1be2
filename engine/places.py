"""The agents of tasks that say what they want of one: skills, a sticky key, or room for their tenant.

Owns who is chosen for the tasks of a `map`, in this process and over a connection, and what a tenant may begin. The tasks are
their sender's, which holds them back until it is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol

from engine.errors import EngineError
from engine.options import ANYBODY, NAME_CHARS, Reference
from engine.submission import SUBMIT_TASKS
from pools.address import parse, valid_kind
from pools.errors import BadArgument, Failure, PoolError, failure_of, raised
from pools.gates import Gates
from pools.routes import Routes
from pools.tenancy import Tenancy

__all__ = ["FarPlaces", "Place", "Places", "PlacesHere", "Want", "rows_of", "wants_of"]

#: Where a task goes, or why it cannot, or not yet.
Place = str | PoolError


class Want(NamedTuple):
    """What one task wants. address: an agent, a kind, or nobody.  sticky: None for none.  tenant: empty for none."""

    address: str
    skills: tuple[str, ...] = ()
    sticky: Reference | None = None
    tenant: str = ""


class Places(Protocol):
    """Whoever finds agents for such tasks."""

    def place(self, wants: Sequence[Want], done: Callable[[Sequence[Place]], None]) -> None:
        """Have `done` called with the place of each, now or later. An Overloaded with `retry_after_s` may be asked again."""
        ...

    def leave(self, tenant: str) -> None:
        """A task of a tenant that had its place has ended."""
        ...


class PlacesHere:
    """Finds them in the engine's own process. is_counted: whether tasks count as their tenant's open ones until they end."""

    def __init__(self, routes: Routes, gates: Gates, *, is_counted: bool = True) -> None:
        self._routes = routes
        self._gates = gates
        self._is_counted = is_counted

    def place(self, wants: Sequence[Want], done: Callable[[Sequence[Place]], None]) -> None:
        """See Places."""
        done(self.found(wants))

    def leave(self, tenant: str) -> None:
        """See Places."""
        self._tenancy(tenant).leave(1)

    def _tenancy(self, tenant: str) -> Tenancy:
        return Tenancy(tenant, self._gates, time.monotonic)

    def found(self, wants: Sequence[Want]) -> list[Place]:
        """The place of each. Those that want skills are looked at together, as one may have what few others have."""
        refusals = [self._enter(want.tenant) if want.tenant else None for want in wants]
        found: list[Place] = [refusal or want.address for refusal, want in zip(refusals, wants, strict=True)]
        skilled: dict[str, list[int]] = {}
        for at, want in enumerate(wants):
            if isinstance(found[at], PoolError):
                continue
            if want.skills:
                skilled.setdefault(want.address, []).append(at)
            elif want.sticky is not None:
                found[at] = self._stuck(want.address, str(want.sticky))
        for address, places in skilled.items():
            kind = None if address == ANYBODY else address
            chosen = self._routes.resolve_skilled([frozenset(wants[at].skills) for at in places], kind)
            for at, one in zip(places, chosen, strict=True):
                found[at] = one if isinstance(one, PoolError) else f"{one[1]}/{one[2]}"
        for want, refusal, place in zip(wants, refusals, found, strict=True):
            if self._is_counted and want.tenant and refusal is None and isinstance(place, PoolError):
                self.leave(want.tenant)
        return found

    def _enter(self, tenant: str) -> PoolError | None:
        refusal = self._tenancy(tenant).enter()
        if refusal is None and not self._is_counted:
            self.leave(tenant)
        return refusal

    def _stuck(self, kind: str, name: str) -> Place:
        try:
            return f"{kind}/{self._routes.resolve_sticky(kind, name)[1]}"
        except PoolError as error:
            return error


class FarPlaces:
    """Asks the engine at the other end. ask: the control verb `place`, which may be said twice."""

    def __init__(self, ask: Callable[..., Awaitable[Any]]) -> None:
        self._ask = ask
        self._asking: set[asyncio.Task[None]] = set()

    def place(self, wants: Sequence[Want], done: Callable[[Sequence[Place]], None]) -> None:
        """See Places."""
        asking = asyncio.get_running_loop().create_task(self._place(wants, done))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _place(self, wants: Sequence[Want], done: Callable[[Sequence[Place]], None]) -> None:
        found: list[Place] = []
        try:
            for at in range(0, len(wants), SUBMIT_TASKS):
                rows = await self._ask("place", wants=[[*want] for want in wants[at : at + SUBMIT_TASKS]])
                found += [row if type(row) is str else raised(Failure(*row)) for row in rows]
        except (PoolError, EngineError) as error:
            refusal = error if isinstance(error, PoolError) else raised(failure_of(error))
            found += [refusal] * (len(wants) - len(found))
        done(found)

    def leave(self, tenant: str) -> None:
        """See Places: the engine counts what begins only, as it need not hear of the end."""


def wants_of(rows: Any) -> list[Want]:
    """What tasks want, as it travels. Raises BadArgument, BadAddress."""
    if type(rows) is not list or not 0 < len(rows) <= SUBMIT_TASKS:
        raise BadArgument(f"wants are a list of 1 to {SUBMIT_TASKS:,} rows")
    return [_want(row) for row in rows]


def _want(row: Any) -> Want:
    if type(row) is not list or len(row) != 4 or type(row[0]) is not str or type(row[1]) is not list:
        raise BadArgument(f"a want is [address, skills, sticky, tenant], got {row!r:.80}")
    address, skills, sticky, tenant = row
    if "/" in address:
        parse(address)
    elif address != ANYBODY:
        valid_kind(address)
    if any(type(one) is not str for one in (*skills, tenant)) or len(tenant) > NAME_CHARS:
        raise BadArgument(f"skills and a tenant are texts, got {row!r:.80}")
    if type(sticky) not in (int, str, type(None)) or ("/" in address and (skills or sticky is not None)):
        raise BadArgument(f"skills and a sticky key choose an agent of a kind, got {row!r:.80}")
    if address == ANYBODY and not skills:
        raise BadArgument("a task that names nobody wants skills")
    return Want(address, tuple(skills), sticky, tenant)


def rows_of(found: Sequence[Place]) -> list[Any]:
    """Places as they travel."""
    return [list(failure_of(one)) if isinstance(one, PoolError) else one for one in found]
