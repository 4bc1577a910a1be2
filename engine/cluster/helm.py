"""What wishes do to the campaigns of who drives: they are paused, go on, or end.

Owns that a wish is obeyed as long as it is wanted, whoever drives then: it is looked at again and again, and what is so already
is let be. What is wanted stands in `wishes`; how a sprint is paused or ends is known on the floor of the sprints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from engine.cluster.records import BadRecord
from engine.cluster.wishes import ABORT, PAUSE, RESUME, Wish, Wishes
from sprints.campaign import Campaign
from sprints.errors import SprintOver
from sprints.queue import Queued

__all__ = ["Helm"]

#: Seconds between two looks.
LOOK_S = 0.25


class Helm:
    """The helm of one term."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes

    async def steer(self, campaign: Campaign, order: str) -> None:
        """Have a campaign do what is wanted of it, by its order's id or its sprint's, until cancelled."""
        from nats.errors import Error

        task = asyncio.current_task()
        while task is None or not task.cancelling():  # a wait whose answer came in that moment has swallowed it
            with suppress(Error, TimeoutError, BadRecord, SprintOver):
                for name in (order, campaign.sprint):
                    wish = await self._wishes.newest(name) if name else None
                    if wish is not None:
                        await _obey(campaign, wish, is_of_order=name == order)
            await asyncio.sleep(LOOK_S)

    async def unwanted(self, orders: Sequence[Queued]) -> list[Queued]:
        """Those of these orders whose end is wanted. Raises nats.errors.Error, TimeoutError."""
        known = await self._wishes.names() if orders else set()
        return [order for order in orders if order.id in known and await self.is_unwanted(order.id)]

    async def is_unwanted(self, order: str) -> bool:
        """Whether the end of an order is wanted. Raises nats.errors.Error, TimeoutError."""
        with suppress(BadRecord):
            wish = await self._wishes.newest(order)
            return wish is not None and wish.what == ABORT
        return False


async def _obey(campaign: Campaign, wish: Wish, *, is_of_order: bool) -> None:
    """Do what is wanted, if it is not so already. Raises SprintOver."""
    runner = campaign.runner
    if runner is None or not campaign.is_ready.is_set():
        return  # it is about to begin or to go on, or has ended
    if wish.what == ABORT:
        await runner.abort(wish.why)
    elif is_of_order:
        return  # an order has no time that could stand still
    elif wish.what == PAUSE and not runner.sprint.is_paused:
        await runner.pause()
    elif wish.what == RESUME and runner.sprint.is_paused:
        await runner.resume()
