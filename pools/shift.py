"""A worker that can give up its place, and begin anew with the code that it has loaded.

Owns what a process does before it has a place and after it had one. In its place it is a `worker` like any other. One that has
given up its place lives on: a new loop, a new worker, the modules that it had.
"""

from __future__ import annotations

import os
from asyncio import AbstractEventLoop
from typing import Any

from checkpoints.errors import CheckpointError
from pools.channel import Channel
from pools.complaints import say
from pools.gauges import Gauges
from pools.message import STATUS
from pools.registry import load_kind, loaded_facts
from pools.relay import pages, taken_back
from pools.worker import Worker

__all__ = ["Shift"]

#: States that are told by name, of those that could not be taken back.
STAY_TOLD = 3


class Shift(Worker):
    """One time of a process as a worker. left: its socket, once it has given up its place; None before."""

    def __init__(self, loop: AbstractEventLoop, gauges: Gauges) -> None:
        super().__init__(loop, gauges)
        self.left: int | None = None
        self._verbs |= {"prepare": self._prepare, "ahead": self._read_ahead, "take": self._take, "rest": self._rest}

    def on_closed(self, channel: Channel, error: Exception | None) -> None:
        """The engine is gone, or this time is over."""
        if self.left is None:
            super().on_closed(channel, error)
        self._loop.stop()

    def _prepare(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        """Load kinds; returns the facts of each. Raises KindNotLoaded."""
        self._look_in(order)
        return [loaded_facts(load_kind(reference)) for reference in order["kinds"]]

    def _read_ahead(self, order: dict[str, Any]) -> int:
        """Read what a store holds, or what has come since, while another process writes it; returns how many records."""
        if self._ahead is None:
            from checkpoints.ahead import Ahead  # who keeps nothing needs none of it
            from checkpoints.files import Disk

            self._ahead = Ahead(Disk(), order["folder"])
        return self._ahead.read()

    def _take(self, order: dict[str, Any]) -> None:
        """Have what the process before has handed over."""
        page = order["page"]
        for timer in page.get("timers", ()):
            self._spoken.set(*timer)
        if "kind" in page:
            self._kinds[page["kind"]].take_in(page["names"], page["keys"], page["rows"], is_own=page["is_own"])

    @property
    def _is_idle(self) -> bool:
        """Whether nothing is under way, here or from here."""
        executor, ledger, channel = self._executor, self._ledger, self._channel
        if executor is None or channel is None or executor.queued or self._background or not self._spoken.is_idle:
            return False
        if (
            self._up.open
            or self._up.waiting
            or channel.buffered_bytes
            or (ledger is not None and ledger.when_synced(_no_matter))
        ):
            return False
        return not any(residents.busy for residents in self._kinds.values())

    def _rest(self, order: dict[str, Any]) -> list[Any] | None:
        """Give up all that is held, if nothing is under way; returns None where something is.

        It answers with how many states could not be taken back, and some of them, each with why.
        """
        channel, ledger = self._channel, self._ledger
        if channel is None or not self._is_idle:
            return None
        stay: list[str] = []
        if ledger is None:
            for page in pages(self._kinds, order["back"], stay.append):
                channel.send(STATUS, {"verb": "given", "page": page})
            channel.send(STATUS, {"verb": "given", "page": {"timers": self._spoken.timers()}})
        else:
            try:
                ledger.close(taken_back(self._kinds, order["back"], stay.append))
            except CheckpointError as error:
                say(f"worker {os.getpid()} ends: its states could not be taken back: {error}")
                os._exit(1)
        channel.send(STATUS, {"verb": "done", "id": order["id"], "value": [len(stay), *stay[:STAY_TOLD]]})
        self.left = os.dup(channel.socket.fileno())
        channel.close()
        return None

    def _obey(self, channel: Channel, order: dict[str, Any]) -> None:
        if self.left is None:
            super()._obey(channel, order)


def _no_matter() -> None:
    """Whether something is on its way to the disk is asked for; when it is there is not."""
