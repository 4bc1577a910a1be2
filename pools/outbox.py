"""Messages of a worker's agents on their way, where state is kept: each is done once, whatever dies.

Owns which messages are open. A message is in the record of the task that sent it, before it leaves; it is struck off when the
task that it asked for has its own record on the disk. What is open when a process begins is sent again under its old number, by
which its receiver knows it. One whose receiver has no room waits here, and leaves under a new number. A timer is a message to
oneself that leaves later; a spawn is one to the engine, which confirms it once the agent is kept: what its sender tells after
that leaves then. It reads no log: what was open is found in the store's window.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pools.again import Wire
from pools.bulk import Bulk
from pools.context import Outgoing
from pools.errors import (
    AgentMoving,
    Failure,
    LinkClosed,
    MailboxFull,
    PoolFull,
    PoolUnavailable,
    StoreFull,
    StoreStopped,
    WorkerDied,
)
from pools.held import Held
from pools.inquiries import Inquiries
from pools.lane import Lane
from pools.ledger import Ledger
from pools.link import Link
from pools.local import Tells
from pools.message import STATUS
from pools.numbers import Numbers
from pools.spec import OUTBOX_MESSAGES, OUTBOX_TOTAL, OUTBOX_TOTAL_BYTES
from pools.tracedlane import TracedLane
from pools.ways import Resolve

if TYPE_CHECKING:
    from pools.traced import Recorder

__all__ = ["Outbox"]

#: The failure after which a message is held until its receiver has room.
FULL = MailboxFull.__name__
#: Failures after which a message is sent again: nobody has taken it, or nobody knows.
AGAIN = frozenset(error.__name__ for error in (AgentMoving, LinkClosed, PoolFull, PoolUnavailable, StoreFull, WorkerDied))
#: The failure after which the next engine sends it.
LATER = StoreStopped.__name__
#: Seconds until then, and until what was open when the process began is sent again: its agents are told meanwhile.
AGAIN_S, RESUME_S = 0.2, 0.05
#: How often, RESUME_S apart, it is looked whether a timer's agent is known as one of this worker: as long as a start may take.
RINGS = 400
#: Seconds until it is looked again whether a store that has stopped takes changes.
RECORD_AGAIN_S = 60.0
#: Seconds after which a spawn that was not confirmed is repeated.
SPAWN_AGAIN_S = 2.0

#: A message: number, sender, address, method, argument, when it is due in seconds since 1970 (None for at once), after how many
#: seconds that was, and the number that it had first, if it has another. A spawn has a kind, no method and a key instead.
Row = list[Any]


class Outbox:
    """The messages of one worker.

    up: the link to everybody else.  wire: to the engine.  sent: called for each message that leaves.
    wall_s: seconds since 1970.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        resolve: Resolve,
        up: Link,
        wire: Wire,
        loop: AbstractEventLoop,
        sent: Callable[[], None],
        wall_s: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._numbers = Numbers(ledger, wall_s)
        #: Questions, which share the numbers.
        self.inquiries = Inquiries(ledger, self._numbers, resolve=resolve, up=up, loop=loop)
        self._session = bytes.fromhex(self._numbers.session)
        self._resolve = resolve
        self._up = up
        self._wire = wire
        self._loop = loop
        self._sent = sent
        self._wall_s = wall_s
        self._window = ledger.store.window
        self._complaints = Tells()
        self._held = Held()
        self._lanes: dict[tuple[int, str], Lane] = {}
        self._is_due = False
        #: Open messages by sender.
        self._open: dict[str, int] = {}
        #: Spawns that are not confirmed, and what waits for them, by sender.
        self._spawning: dict[str, set[int]] = {}
        self._behind: dict[str, list[Row]] = {}
        self._bulk = Bulk(self._window.told.values())
        #: Records messages that are parts of traces; None where nothing is traced.
        self.recorder: Recorder | None = None
        for row in self._window.told.values():
            self._count(row[1], 1)
        loop.call_later(RESUME_S, self._resume, list(self._window.told.values()))

    def _count(self, sender: str, change: int) -> None:
        count = self._open.get(sender, 0) + change
        if count:
            self._open[sender] = count
        else:
            self._open.pop(sender, None)

    def room(self, sender: str) -> int:
        """How many messages an agent may add."""
        if self._bulk.size_bytes >= OUTBOX_TOTAL_BYTES:
            return 0
        return max(min(OUTBOX_MESSAGES - self._open.get(sender, 0), OUTBOX_TOTAL - len(self._window.told)), 0)

    # -- sending -------------------------------------------------------------------------------------------------------

    def send(self, sender: str, outgoing: Iterable[Outgoing]) -> None:
        """Take what a task sends, in the record of that task."""
        rows: list[Row] = []
        for what, *rest in outgoing:
            number = self._numbers.next()
            if what == "spawn":
                kind, key = rest
                rows.append([number, sender, kind, None, key, None, 0])
            elif what == "tell":
                rows.append([number, sender, *rest, None, 0])
                if self.recorder is not None:
                    self.recorder.told(number, rest[0], rest[1])
            else:
                after_s, method, argument = rest
                rows.append([number, sender, sender, method, argument, self._wall_s() + after_s, after_s])
        self._ledger.told(rows[-1][0], rows)
        self._count(sender, len(rows))
        rows.sort(key=lambda row: row[3] is not None)  # an agent is spawned before it is told anything
        for row in rows:
            self._bulk.add(row)
            if row[5] is None:
                self._numbers.open(row[0])
            self._start(row)

    def _resume(self, rows: list[Row]) -> None:
        """Send what was open when this process began."""
        for row in rows:
            self._start(row)

    def _start(self, row: Row) -> None:
        number, sender, address, method, _, due_s, after_s, *_ = row
        if method is None:
            self._spawning.setdefault(sender, set()).add(number)
            self._spawn(number)
        elif sender in self._spawning:
            self._behind.setdefault(sender, []).append(row)
        elif due_s is not None:
            left_s = min(max(due_s - self._wall_s(), 0.0), after_s)
            self._loop.call_later(left_s, self._ring, row)
        elif not self._held.keeps(address, row):
            self._deliver(row)

    def _ring(self, row: Row, tries: int = RINGS) -> None:
        """Send a timer's message, unless it was stopped, or others wait for the same receiver.

        It goes to an agent of this worker, and does not leave it: its number may be below the mark. A process that has begun
        just now may not have been told of that agent yet.
        """
        if row[0] not in self._window.told:
            return
        if tries and self._resolve(row[2])[0] is self._up:
            self._loop.call_later(RESUME_S, self._ring, row, tries - 1)
        elif not self._held.keeps(row[2], row):
            self._deliver(row)

    def stop_timers(self, is_meant: Callable[[str], bool]) -> None:
        """Strike off the timers of agents whose address is meant."""
        self._strike([(row[0], row[1]) for row in self._window.told.values() if row[5] is not None and is_meant(row[1])])

    def timers(self, address: str) -> list[list[Any]]:
        """The timers of an agent: method, argument, when it is due in seconds since 1970, and after how many that was."""
        rows = [row for row in self._window.told.values() if row[5] is not None and row[1] == address]
        return [row[3:7] for row in rows] if self._open.get(address) else []

    def set_timers(self, address: str, timers: Iterable[Sequence[Any]]) -> None:
        """Have timers of an agent that comes from another engine. Raises StoreFull, StoreStopped."""
        rows = [[self._numbers.next(), address, address, *timer] for timer in timers]
        if rows:
            self._ledger.told(rows[-1][0], rows)
            self._count(address, len(rows))
        for row in rows:
            self._bulk.add(row)
            self._start(row)

    def _deliver(self, row: Row) -> None:
        number, sender, address, method, argument, *_ = row
        link, kind, key = self._resolve(address)
        if link is not self._up and self._ledger.known_as(self._session, [number]):
            self._strike([(number, sender)])  # it was done before, when this worker did not know yet that the agent is its own
            return
        lane = self._lanes.get((id(link), kind))
        if lane is None:
            lane = self._lanes[id(link), kind] = self._lane(link, kind)
        lane.mark = self._numbers.mark
        lane.rows.extend(((number, sender, address), key, method, argument))
        self._sent()
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._flush)

    def _lane(self, link: Link, kind: str) -> Lane:
        """A lane for messages that are known by their numbers."""
        lane = Lane(link, kind, self) if self.recorder is None else TracedLane(link, kind, self, self.recorder.leave)
        session = lane.session = self._numbers.session
        lane.ids = _numbers
        lane.name_of = lambda token: f"{session}-{token[0]}"
        return lane

    def _flush(self) -> None:
        self._is_due = False
        for lane in list(self._lanes.values()):
            if len(lane):
                lane.link.offer([lane])

    # -- answers -------------------------------------------------------------------------------------------------------

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Strike off messages that arrived; a token is number, sender and address. What nobody could take is sent again."""
        failed = dict(failures)
        ended: list[int] = []
        for at, (number, _, address) in enumerate(tokens):
            row = self._window.told.get(number)
            failure = failed.get(at)
            if row is not None and failure is not None and failure.type == FULL:
                self._held.refused(address, row)
                continue
            self._held.ended(address)
            if row is not None and failure is not None and failure.type in AGAIN:
                self._loop.call_later(max(failure.retry_after_s or 0.0, AGAIN_S), self._redeliver, row)
            elif failure is None or failure.type != LATER:
                ended.append(at)
        self._strike([tokens[at][:2] for at in ended])
        lost = [(at, failed[at]) for at in ended if at in failed]
        if lost:
            self._complaints.answered([sender for _, sender, _ in tokens], results, lost)
        for address in {address for _, _, address in tokens}:
            self._plan(address)

    def _redeliver(self, row: Row) -> None:
        """Send a message that nobody took under its number again, unless it was struck off meanwhile."""
        if row[0] in self._window.told:
            self._deliver(row)

    def _strike(self, done: Sequence[tuple[int, str]]) -> None:
        """Record that messages need not be sent again. done: number and sender of each."""
        if done:
            self._ledger.arrived([number for number, _ in done])
        for number, sender in done:
            self._bulk.drop(number)
            self._numbers.close(number)
            self._count(sender, -1)
            if self.recorder is not None:
                self.recorder.arrived(number)

    def _plan(self, address: str) -> None:
        pause_s = self._held.due(address)
        if pause_s is not None:
            self._loop.call_later(pause_s, self._try, address)

    def _try(self, address: str) -> None:
        """Send some of what waits for a receiver, under new numbers: an old one would be refused in the end, as too old."""
        refused = self._ledger.refused
        if refused is not None:  # no other numbers can be recorded now
            self._loop.call_later(refused.retry_after_s or RECORD_AGAIN_S, self._try, address)
            return
        taken = self._held.take(address)
        old = [row for row in taken if row[0] in self._window.told]
        for _ in range(len(taken) - len(old)):
            self._held.ended(address)  # a timer that was stopped
        rows = [[self._numbers.next(), *row[1:7], row[7] if len(row) > 7 else row[0]] for row in old]
        if not rows:
            self._plan(address)
            return
        for before, row in zip(old, rows, strict=True):
            self._ledger.arrived([before[0]])
            self._ledger.told(row[0], [row])
            self._ledger.divide()
            self._bulk.drop(before[0])
            self._bulk.add(row)
            self._numbers.close(before[0])
            self._numbers.open(row[0])
            if self.recorder is not None:
                self.recorder.renumbered(before[0], row[0])
            self._deliver(row)

    # -- spawns --------------------------------------------------------------------------------------------------------

    def _spawn(self, number: int) -> None:
        """Ask the engine for an agent, again and again until it confirms it."""
        row = self._window.told.get(number)
        if row is not None:
            self._wire.send(STATUS, {"verb": "spawn", "kind": row[2], "key": row[4], "number": number})
            self._loop.call_later(SPAWN_AGAIN_S, self._spawn, number)

    def spawned(self, order: dict[str, Any]) -> None:
        """The engine has kept an agent, or will never have it."""
        row = self._window.told.get(order["number"])
        if row is None:
            return
        number, sender, *_ = row
        self._strike([(number, sender)])
        unconfirmed = self._spawning.get(sender, set())
        unconfirmed.discard(number)
        if not unconfirmed:
            self._spawning.pop(sender, None)
            for behind in self._behind.pop(sender, ()):
                self._start(behind)


def _numbers(tokens: Sequence[Any]) -> list[int]:
    return [number for number, _, _ in tokens]
