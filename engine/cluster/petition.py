"""What somebody asks for about a sprint: that it is paused, goes on, or ends; or that an order which waits is taken out.

Owns what can be asked for as things stand, and what is said when it has come about. The wish itself stands in `wishes`, where
whoever drives finds it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from engine.cluster.logbook import Logbook, order_of
from engine.cluster.orders import Orders
from engine.cluster.wishes import ABORT, PAUSE, Wish, Wishes
from pools.errors import BadArgument
from sprints.chronicle import Chronicle
from sprints.errors import SprintOver, TakenOut, UnknownSprint
from sprints.queue import is_queued_id

__all__ = ["Petition"]

#: What each is called behind `it cannot`.
CANNOT = {"pause": "be paused", "resume": "go on", "abort": "be aborted"}
WHY = "somebody asked for it"
#: Seconds until it is said that nobody has obeyed yet, and between two looks.
OBEY_S, LOOK_S = 20.0, 0.25


class Petition:
    """The petitions of a desk. obey_s: how long it is waited for who drives."""

    def __init__(self, logbook: Logbook, orders: Orders, wishes: Wishes, obey_s: float = OBEY_S) -> None:
        self._logbook = logbook
        self._orders = orders
        self._wishes = wishes
        self._obey_s = obey_s

    async def ask(self, what: str, word: str) -> dict[str, Any]:
        """Want something of a sprint, of the one that runs where none is named, or of an order.

        Returns its `id`, what was `asked`, and whether `is_obeyed`: where nobody drives now, whoever does next obeys.

        Raises UnknownSprint, SprintOver, BadArgument; nats.errors.Error, TimeoutError.
        """
        await self._logbook.read()
        if is_queued_id(word):
            running = await self._logbook.running(word)
            if not running:
                return await self._take_out(what, word)
            word = running[-1]
        name = word or await self._only(what)
        if not await self._logbook.runs(self._logbook.told(name)):
            raise SprintOver(name, CANNOT[what])
        await self._want(what, name)
        until_s = time.monotonic() + self._obey_s
        while not _is_so(what, told := self._logbook.told(name)):
            if not await self._logbook.runs(told):
                raise SprintOver(name, CANNOT[what])
            if time.monotonic() > until_s:
                return {"id": name, "asked": what, "is_obeyed": False}
            await asyncio.sleep(LOOK_S)
            await self._logbook.read(name)
        return {"id": name, "asked": what, "is_obeyed": True}

    async def _only(self, what: str) -> str:
        """The one sprint that runs. Raises BadArgument where there is none, or more than one."""
        ids = await self._logbook.running()
        if len(ids) != 1:
            named = f"{', '.join(ids)} run" if ids else "no sprint runs"
            raise BadArgument(f"{what} which sprint? {named}; write its id")
        return ids[0]

    async def _want(self, what: str, name: str) -> None:
        wanted = await self._wishes.want(name, Wish(what, round(time.time(), 3), WHY))
        if wanted.what != what:
            raise BadArgument(f"{name} is being aborted, so it cannot {CANNOT[what]}")

    async def _take_out(self, what: str, order: str) -> dict[str, Any]:
        """Have an order that waits for its turn ended. Raises as `ask`."""
        if await self._orders.ended(order) is not None:
            raise SprintOver(order, CANNOT[what])
        if all(one.id != order for one in await self._orders.open_ones()):
            raise UnknownSprint(order)
        if what != ABORT:
            out = f"engine cluster sprint abort {order}"
            raise BadArgument(f"{order} waits for its turn, so it cannot {CANNOT[what]}; it can be taken out: {out}")
        await self._want(what, order)
        until_s = time.monotonic() + self._obey_s
        while (ended := await self._orders.ended(order)) is None:
            if time.monotonic() > until_s:
                return {"id": order, "asked": what, "is_obeyed": False}
            await asyncio.sleep(LOOK_S)
        if ended.error is None or ended.error[0] != TakenOut.__name__:  # it had its turn in this moment
            await self._logbook.read()
            sprints = [told for told in map(self._logbook.told, self._logbook.archive.ids()) if order_of(told) == order]
            if not sprints or sprints[-1].aborted is None:
                raise SprintOver(order, CANNOT[what])
        return {"id": order, "asked": what, "is_obeyed": True}


def _is_so(what: str, told: Chronicle) -> bool:
    """Whether a sprint is as it is wanted."""
    if what == ABORT:
        return told.aborted is not None
    return (told.pause is not None) == (what == PAUSE)
