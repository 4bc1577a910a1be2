"""Accepted tasks on their way to one worker.

Owns what waits for it, and how much it has. When they leave is decided by the offers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from engine.desk import Desk
from engine.task import Task
from engine.turnstile import Entry, Turnstile
from pools.gates import CRITICAL_SHARE, Gates
from pools.lane import FREE, Lane, Sink
from pools.link import Link
from pools.tracedlane import Leave, TracedLane

__all__ = ["OFFERED", "Way"]

#: Tasks that one worker has at once: a window full. The rest waits here, so that one slow worker holds up nobody else's tasks.
OFFERED = 4_096
#: Critical tasks that it has beyond that, so that they never wait for one of the others to end.
SPARE = int(OFFERED * CRITICAL_SHARE)
#: Seconds after which tokens are looked for at the earliest.
TOKEN_S = 0.001


class Way:
    """What goes to one worker: the lanes by kind and manner, the tasks that wait, and how many are out.

    gates: what kinds and tenants may take.  most: how many may be out.  refused: those that its full disk kept from changing
    anything; they wait for the next try.  leave: as for `TracedLane`; None where nothing is traced.
    """

    def __init__(self, link: Link, gates: Gates | None = None, leave: Leave | None = None) -> None:
        self.link = link
        self._leave = leave
        self.lanes: dict[tuple[str, int, bool], Lane] = {}
        self.waiting = Turnstile(gates)
        #: Whether it will look again when there are tokens.
        self._is_due = False
        self.out = 0
        self.most = OFFERED
        self.refused: list[Task] = []

    def lane(self, kind: str, task: Task, sink: Sink, session: str | None) -> Lane:
        """The lane of the tasks of a kind that are as urgent, and counted or not. session: of their numbers."""
        what = kind, task.urgency, task.options.count_effects
        lane = self.lanes.get(what)
        if lane is None:
            leave = self._leave
            lane = Lane(self.link, kind, sink) if leave is None else TracedLane(self.link, kind, sink, leave)
            self.lanes[what] = lane
            lane.session, lane.ids, lane.manner = session, _numbers, FREE
            _, lane.priority, lane.is_counted = what
        return lane

    def next(self, desk: Desk, look: Callable[[], None]) -> list[Entry]:
        """The tasks that may go now. look: called again when those that wait for tokens may have some."""
        spare = SPARE if self.most == OFFERED else 0
        entries = self.waiting.take(self.most - self.out, self.most, time.monotonic(), spare)
        if self.waiting.wait_s is not None and not self._is_due:
            self._is_due = True
            desk.call_later(max(self.waiting.wait_s, TOKEN_S), lambda: self._look(look))
        return entries

    def _look(self, look: Callable[[], None]) -> None:
        self._is_due = False
        look()

    def widen(self) -> None:
        """It takes changes again: twice as many may be out."""
        self.most = min(2 * self.most, OFFERED)


def _numbers(tokens: Sequence[Any]) -> list[int]:
    return [task.number for task in tokens]
