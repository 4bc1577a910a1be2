"""A worker whose state is kept, by hand: a commit is made when a test lets it, and the process dies when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Semaphore
from typing import Any

from checkpoints.errors import CheckpointError
from checkpoints.frame import Part
from checkpoints.store import Store
from pools.agent import Agent
from pools.answers import RecordedAnswers
from pools.counter import Counter
from pools.errors import PoolError
from pools.executor import Executor
from pools.gauges import CELLS
from pools.kind import Kind
from pools.ledger import Ledger
from pools.logbook import kept_in
from pools.message import RESULT, STATUS, Frames, Message, encode
from pools.redelivery import accept_again
from pools.residents import Residents
from tests.support.clocks import Clock, Turns
from tests.support.disks import SimDisk
from tests.support.rigs import Office, ward
from tests.support.stores import open_at

__all__ = ["ENGINE", "Desk", "House", "Pipe"]

#: What tells the section numbers of one engine from those of all others.
ENGINE = b"engine1"
#: Seconds that a commit may take.
COMMIT_S = 10.0
_PROBE = {"verb": "probe"}


class Gated:
    """A store whose commits wait for the test; those of a dead process are never made."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.gate = Semaphore(0)
        self.is_dead = False
        self.commits = 0

    def commit(self, parts: Sequence[Part], count: int) -> int:
        """Commit, as soon as the test lets it."""
        self.gate.acquire()
        if self.is_dead:
            return 0
        self.commits += 1
        return self.store.commit(parts, count)

    def close(self) -> None:
        """Close, unless the process is dead."""
        if not self.is_dead:
            self.store.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class Desk:
    """A ledger with everything around it by hand: its loop, its disk, its way out."""

    def __init__(
        self,
        disk: SimDisk | None = None,
        *,
        session: bytes = ENGINE,
        store: Store | None = None,
        refused: PoolError | None = None,
        told: Callable[[PoolError | None], None] = lambda _refused: None,
        **bounds: Any,
    ) -> None:
        self.disk = disk or SimDisk()
        self.turns = Turns()
        self.store = store or open_at(self.disk, shards=1)
        self.gated = Gated(self.store)
        #: What left, in order.
        self.sent: list[Message] = []
        #: What the ledger could not go on after.
        self.broken: list[CheckpointError] = []
        #: Called with each message before it leaves.
        self.on_leave: Callable[[Message], None] = lambda _message: None
        self._landed: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._posts: SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]]] = SimpleQueue()
        self._is_probed = False
        self._is_over = False
        self.ledger = Ledger(
            self.gated,  # type: ignore[arg-type]
            session=session,
            encode=lambda letter, data: encode(letter, data, 0),
            write=self._write,
            defer=self.turns,
            post=lambda function, *arguments: self._posts.put((function, arguments)),
            broken=self.broken.append,
            refused=refused,
            told=told,
            **bounds,
        )

    def _write(self, frame: bytes) -> None:
        for message in Frames().feed(frame):
            if message.data == _PROBE:
                self._is_probed = True
            else:
                self.on_leave(message)
                self.sent.append(message)

    @property
    def is_idle(self) -> bool:
        """Whether a message would leave at once."""
        self._is_probed = False
        self.ledger.send(STATUS, _PROBE)
        return self._is_probed

    def written(self) -> bool:
        """Let one commit be made, if one is due, but do not tell the loop yet; returns whether one was."""
        self.turns.run()
        if self._landed or self.is_idle:
            return False
        self.gated.gate.release()
        self._landed.append(self._posts.get(timeout=COMMIT_S))
        return True

    def tell(self) -> None:
        """Tell the loop that a commit was made, once it is."""
        function, arguments = self._landed.pop() if self._landed else self._posts.get(timeout=COMMIT_S)
        function(*arguments)

    def land(self) -> bool:
        """Let one commit be made, if one is due, and tell the loop; returns whether one was."""
        is_due = bool(self._landed) or self.written()
        if is_due:
            self.tell()
        return is_due

    def settle(self) -> None:
        """Let everything be committed."""
        while self.land() and not self.broken:
            pass

    def kill(self) -> None:
        """The process dies; what was not written is lost."""
        self.gated.is_dead = True
        self._end()
        self.disk.kill()

    def close(self) -> None:
        """The process ends in order, with what is due."""
        self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self.gated.gate.release(1_000)
            self.ledger.close()

    def replies(self) -> list[list[dict[str, Any]]]:
        """The result messages that left and were not taken yet."""
        taken = [message.data for message in self.sent if message.letter == RESULT]
        self.sent = [message for message in self.sent if message.letter != RESULT]
        return taken


class House(Desk):
    """A worker over a ledger, with agents of one kind from 0 on."""

    def __init__(
        self,
        disk: SimDisk | None = None,
        *,
        made: type[Agent] = Counter,
        agents: int = 10,
        session: bytes = ENGINE,
        start: Callable[[Any], asyncio.Task[None]] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(disk, session=session, **facts)
        self.residents = Residents(Kind(made), owned=frozenset({0}), shards=1)
        self.residents.keep_in(self.store)
        self.residents.add_range(0, agents)
        self.kinds = {made.kind: self.residents}
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")
        self.has_known = self.store.window.has_answers
        self.answers = RecordedAnswers(self.ledger, self.ledger)
        self.logbook = kept_in(self.ledger)
        self.office = Office()
        self.office.logbook = self.logbook
        self.executor = Executor(
            self.kinds,
            cells=self.cells,
            mailbox=1_000,
            clock_ns=Clock().ns,
            defer=self.turns,
            start=start or (lambda coroutine: asyncio.get_running_loop().create_task(coroutine)),
            office=self.office,
            send=lambda kind, key, outbox: None,
            ward=ward(self.kinds),
            ledger=self.ledger,
        )

    def accept(self, *sections: dict[str, Any]) -> None:
        """Take sections as a worker does."""
        for section in sections:
            accept_again(
                dict(section), self.executor, self.answers, kinds=self.kinds, ledger=self.ledger, has_known=self.has_known
            )

    def results(self) -> dict[tuple[int, int], Any]:
        """What left as answers and was not taken yet, by section and position; an error stands as its name."""
        found: dict[tuple[int, int], Any] = {}
        for sections in self.replies():
            for section in sections:
                first = section.get("o", 0)
                positions = section.get("i", range(first, first + len(section["v"])))
                failed = {error[0]: error[1] for error in section.get("e", ())}
                for index, (position, value) in enumerate(zip(positions, section["v"], strict=True)):
                    assert (section["n"], position) not in found, f"{section['n']}.{position} was answered twice"
                    found[section["n"], position] = failed.get(index, value)
        return found


class Pipe:
    """A wire whose messages arrive when a test says so."""

    def __init__(self) -> None:
        self.waiting: list[Message] = []

    def send(self, letter: str, data: Any) -> None:
        """Take one message."""
        self.waiting += Frames().feed(encode(letter, data, 0))

    def take(self, count: int | None = None) -> list[Message]:
        """The oldest messages, all by default."""
        taken, self.waiting = self.waiting[:count], self.waiting[len(self.waiting) if count is None else count :]
        return taken
