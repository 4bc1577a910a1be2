"""Messages of a worker's agents on their way, where state is kept: each is done once, whatever dies.

Owns the numbers of messages and which of them are open. A message is in the record of the task that sent it, before it leaves;
it is struck off when the task that it asked for has its own record on the disk. What is open when a process begins is sent
again under its old number, by which its receiver knows it. A timer is a message to oneself that leaves later. It reads no log:
what was open is found in the store's window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from checkpoints.spec import SESSION_BYTES
from pools.address import Key
from pools.again import Wire
from pools.context import Outgoing
from pools.errors import Failure, LinkClosed, MailboxFull, PoolFull, PoolUnavailable, StoreFull, StoreStopped, WorkerDied
from pools.lane import PLACE_BITS, Lane, Way
from pools.ledger import Ledger
from pools.local import Tells
from pools.message import STATUS

__all__ = ["Outbox"]

#: Failures after which a message is sent again: nobody has taken it. Where a store has stopped, the next engine sends it.
AGAIN = frozenset(error.__name__ for error in (LinkClosed, MailboxFull, PoolFull, PoolUnavailable, StoreFull, WorkerDied))
LATER = StoreStopped.__name__
#: Seconds until then, and until what was open when the process began is sent again: its agents are told meanwhile.
AGAIN_S, RESUME_S = 0.2, 0.05

#: A message: number, sender, address, method, argument, when it is due in seconds since 1970 (None for at once), and after how
#: many seconds that was.
Row = list[Any]


class Outbox:
    """The messages of one worker.

    deliver: sends a message; the outbox is told how it ended by its number and sender.  wire: to the engine.
    later: calls a function after some seconds.  wall_s: seconds since 1970.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        deliver: Callable[[Row], None],
        wire: Wire,
        later: Callable[..., object],
        wall_s: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._deliver = deliver
        self._wire = wire
        self._later = later
        self._wall_s = wall_s
        self._window = ledger.store.window
        self._complaints = Tells()
        #: What tells this worker's numbers from all others: the store's own name.
        self._session = ledger.store.manifest.store[:SESSION_BYTES].hex()
        later(RESUME_S, self._resume, list(self._window.told.values()))

    def lane(self, link: Way, kind: str) -> Lane:
        """A lane for messages that are known by their numbers."""
        lane = Lane(link, kind, self)
        lane.session, lane.ids = self._session, _numbers
        return lane

    def put(self, lane: Lane, key: Key, row: Row) -> None:
        """Put a message into a lane, with the number below which every message has arrived."""
        number, sender, _, method, argument, *_ = row
        lane.mark = next(iter(self._window.told), self._window.last_told + 1) >> PLACE_BITS
        lane.rows.extend(((number, sender), key, method, argument))

    def send(self, sender: str, outgoing: Iterable[Outgoing]) -> None:
        """Take what a task sends, in the record of that task."""
        rows: list[Row] = []
        spawns: list[Outgoing] = []
        number = self._window.last_told
        for one in outgoing:
            what, *rest = one
            number += what != "spawn"
            if what == "spawn":
                spawns.append(one)
            elif what == "tell":
                rows.append([number, sender, *rest, None, 0])
            else:
                after_s, method, argument = rest
                rows.append([number, sender, sender, method, argument, self._wall_s() + after_s, after_s])
        if rows:
            self._ledger.told(number, rows)
        for _, kind, key in spawns:
            self._wire.send(STATUS, {"verb": "spawn", "kind": kind, "key": key})
        for row in rows:
            self._start(row)

    def _resume(self, rows: list[Row]) -> None:
        """Send what was open when this process began."""
        for row in rows:
            self._start(row)

    def _start(self, row: Row) -> None:
        _, _, _, _, _, due_s, after_s = row
        if due_s is None:
            self._deliver(row)
        else:
            left_s = min(max(due_s - self._wall_s(), 0.0), after_s)
            self._later(left_s, self._ring, row)

    def _ring(self, row: Row) -> None:
        """Send a timer's message, unless it was stopped."""
        if row[0] in self._window.told:
            self._deliver(row)

    def stop_timers(self, is_meant: Callable[[str], bool]) -> None:
        """Strike off the timers of agents whose address is meant."""
        numbers = [number for number, row in self._window.told.items() if row[5] is not None and is_meant(row[1])]
        if numbers:
            self._ledger.arrived(numbers)

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Strike off messages that arrived; a token is number and sender. One that nobody could take is sent again."""
        failed = dict(failures)
        again = [at for at, failure in failed.items() if failure.type in AGAIN or failure.type == LATER]
        for at in again:
            row = self._window.told.get(tokens[at][0])
            if row is not None and failed[at].type != LATER:
                self._later(max(failed[at].retry_after_s or 0.0, AGAIN_S), self._deliver, row)
        numbers = [number for at, (number, _) in enumerate(tokens) if at not in again]
        if numbers:
            self._ledger.arrived(numbers)
        lost = [(at, failure) for at, failure in failures if at not in again]
        if lost:
            self._complaints.answered([sender for _, sender in tokens], results, lost)


def _numbers(tokens: Sequence[Any]) -> list[int]:
    return [number for number, _ in tokens]
