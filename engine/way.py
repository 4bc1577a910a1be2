"""Accepted tasks on their way to one worker.

Owns what waits for it, and how much it has. When they leave is decided by the offers.
"""

from __future__ import annotations

from engine.task import Task
from pools.address import Key
from pools.lane import Lane
from pools.link import Link
from pools.ranked import Ranked

__all__ = ["OFFERED", "Way"]

#: Tasks that one worker has at once: a window full. The rest waits here, so that one slow worker holds up nobody else's tasks.
OFFERED = 4_096


class Way:
    """What goes to one worker: the lanes by kind and priority, the tasks that wait, and how many are out.

    most: how many may be out.  refused: those that its full disk kept from changing anything; they wait for the next try.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.lanes: dict[tuple[str, int], Lane] = {}
        self.waiting: Ranked[tuple[Task, str, Key]] = Ranked()
        self.out = 0
        self.most = OFFERED
        self.refused: list[Task] = []

    def widen(self) -> None:
        """It takes changes again: twice as many may be out."""
        self.most = min(2 * self.most, OFFERED)
