"""What a worker's agents have become, on its way to the disk.

Owns the rule that nothing leaves a worker before everything that it has seen is synced: records of the tasks that ended in one
turn are one commit, made in a thread; frames wait here until the commit before them is done. While one commit is under way the
next one gathers. It runs no task; what a record holds on the disk is `checkpoints`' business.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from asyncio import Future
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, cast

from checkpoints.errors import CheckpointError, DiskFull
from checkpoints.files import Disk, has_room
from checkpoints.frame import Part
from checkpoints.graves import Grave
from checkpoints.manifest import read_manifest
from checkpoints.spec import ANSWERS_BYTES, ANSWERS_KEPT
from checkpoints.steps import STEP
from checkpoints.store import Store, changes_part, gone_part, states_part
from checkpoints.window import answers_part, done_part, marks_part, told_part
from pools.address import Key
from pools.agent import Agent
from pools.difference import change_of, differs, whole_of
from pools.errors import PoolError, StateUnreadable, StoreFull
from pools.kind import Fresh, Kind
from pools.lane import PLACE_BITS
from pools.recall import Recall
from pools.refusal import STOPPED, Unwritable, refusal_of

__all__ = ["Ledger"]

#: Bytes from which a commit is not made larger: what is recorded then goes into the next. With what one slice of tasks has at
#: most it must fit into a frame of 32 MiB.
BATCH_BYTES = 8 * 1024 * 1024
#: Seconds between two looks at a full disk.
FULL_PAUSE_S = 0.25
#: Seconds without a commit after which the last one is confirmed by a frame behind it.
CONFIRM_S = 1.0
PLACE_MASK = (1 << PLACE_BITS) - 1
#: The segment that is written, and its bytes.
Place = tuple[int, int]


class _Batch:
    """What is committed together, and the frames that wait for it."""

    __slots__ = ("calls", "count", "frames", "graves", "marks", "parts", "size_bytes")

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.parts: list[Part] = []
        self.count = 0
        self.size_bytes = 0
        self.marks: dict[bytes, int] = {}
        self.frames: list[bytes] = []
        self.graves: list[Grave] = []


class Ledger:
    """A worker's records. store: where they go.  encode: makes a frame of a message.  write: sends one.

    It stands where a channel stands, for what must wait.
    defer: calls a function in the next turn of the loop.  post: the same from another thread.
    broken: told the error after which this process can keep nothing more.  refused: why nothing is taken from the beginning,
    where the store was opened to be read only.  told: hears of what becomes of that.  wall_s, most, most_bytes: as in `Recall`.
    """

    def __init__(
        self,
        store: Store,
        *,
        session: bytes,
        encode: Callable[[str, Any], bytes],
        write: Callable[[bytes], None],
        defer: Callable[[Callable[[], None]], object],
        post: Callable[..., object],
        broken: Callable[[BaseException], None],
        refused: PoolError | None = None,
        told: Callable[[PoolError | None], None] = lambda _refused: None,
        wall_s: Callable[[], float] = time.time,
        most: int = ANSWERS_KEPT,
        most_bytes: int = ANSWERS_BYTES,
    ) -> None:
        self.store = store
        #: Why no change is taken; None while all are.
        self.refused = refused
        self._told = told
        #: What is recorded once changes are taken again: the parts, and how many records each is.
        self._held: list[tuple[Part, int]] = []
        self._sessions = (session + b"\0", session + b"\1")
        #: What is remembered beside states: steps, and how long answers are.
        bounds: dict[str, Any] = {"wall_s": wall_s, "most": most, "most_bytes": most_bytes}
        self.recall = Recall(store.window, self._note, sessions=self._sessions, **bounds)
        self._encode = encode
        self._write = write
        self._defer = defer
        self._post = post
        self._broken = broken
        self._open = _Batch()
        self._ready: deque[_Batch] = deque()
        self._under_way: _Batch | None = None
        #: Whether a slice of tasks runs, whose answers are recorded after all of them: they are one commit.
        self.is_within = self._is_due = self._is_held = False
        self._work: SimpleQueue[_Batch | Callable[[Place], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._commit_all, name="commits", daemon=True)
        self._thread.start()

    # -- records -------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raises StoreFull or StoreStopped while no change is taken."""
        if self.refused is not None:
            raise self.refused.with_traceback(None)

    def sheet(self) -> dict[Key, Any]:
        """Where a slice of tasks puts the marks of what they change; while no change is taken, each of them is told why."""
        return {} if self.refused is None else Unwritable(self.refused)

    def changed(self, kind: Kind, rows: Mapping[Key, Any]) -> None:
        """Record whole states by key: the marks of light agents, or lists of all fields. Raises as `check`."""
        self.check()
        self._add(states_part(kind.name, kind.names, cast("list[int | str]", list(rows)), list(rows.values())), len(rows))

    def kept(self, kind: Kind, agent: Agent, before: list[Any]) -> None:
        """Record what a commit of an agent changed. before: its commit before that one.  Raises as `check`.

        One of which nothing was recorded is recorded whole, once something has changed.
        """
        key = cast("int | str", agent._key)
        if self.refused is not None:
            if any(map(differs, before, agent._committed)):
                self.check()
            agent._committed = before
            return
        if type(before) is Fresh:
            if not any(map(differs, before, agent._committed)):
                agent._committed = Fresh(agent._committed)
                return
            self._add(states_part(kind.name, kind.names, [key], [whole_of(agent._committed)]), 1)
            return
        change = change_of(kind.names, before, agent._committed)
        if change:
            self._add(changes_part(kind.name, [key], [change]), 1)

    def removed(self, kind: str, keys: Sequence[Key]) -> None:
        """Record that agents have no state any more. Raises as `check`."""
        self.check()
        gone = cast("list[int | str]", keys)
        self._add(gone_part(kind, gone), len(gone))
        self._open.graves.append(self.store.take_out(kind, gone))

    def answered(self, number: int, columns: dict[str, Any]) -> None:
        """Record answers to tasks of a section, if any of them has changed something since the last answers."""
        if self._open.parts:
            self._end(answers_part(self._sessions[number & 1], number, columns))

    def answered_as(self, session: bytes, ended: Sequence[tuple[int, Any]]) -> None:
        """Record answers under a client's own numbers, if any task since the last answers has changed something."""
        if not self._open.parts:
            return
        parts: list[Part] = []
        columns: dict[int, tuple[list[int], list[Any]]] = {}
        for number, value in ended:
            places, values = columns.setdefault(number >> PLACE_BITS, ([], []))
            places.append(number & PLACE_MASK)
            values.append(value)
        for section, (places, values) in columns.items():
            part = answers_part(session, section, {"p": places, "v": values})
            self.store.window.fold(part)
            parts.append(part)
        self._end(*parts)
        self.recall.bound(len(ended), sum(len(part.body) for part in parts))

    def told(self, last: int, rows: Sequence[list[Any]]) -> None:
        """Record messages with the task that sends them. last: the highest number that one ever had.  Raises as `check`."""
        self.check()
        self._note(told_part(last, rows), 0)

    def arrived(self, numbers: Sequence[int]) -> None:
        """Record that messages were done."""
        self._note(done_part(numbers), 0)

    def received_by(self, session: bytes, section: int) -> None:
        """A client has all answers to its sections with lower numbers: they are asked for no more."""
        if self.store.window.marks.get(session, 0) < section:
            part = marks_part({session: section})
            self._open.marks[session] = section
            self.store.window.fold(part)

    def known_as(self, session: bytes, numbers: Sequence[int]) -> dict[int, Any]:
        """The values that were recorded for a client's numbers, by place among these."""
        known: dict[int, Any] = {}
        answers: dict[int, dict[int, Any] | None] = {}
        for at, number in enumerate(numbers):
            section = number >> PLACE_BITS
            if section not in answers:
                answers[section] = self.store.window.answers(session, section)
            found = answers[section]
            if found is not None and number & PLACE_MASK in found:
                known[at] = found[number & PLACE_MASK]
        return known

    def received(self, number: int) -> None:
        """The engine has all answers to sections with lower numbers of this parity: they are asked for no more."""
        self._open.marks[self._sessions[number & 1]] = number
        self.recall.received(number)

    def answers(self, number: int) -> dict[int, Any] | None:
        """The values that were recorded for a section before this process began, by position."""
        return self.store.window.answers(self._sessions[number & 1], number)

    def renew(self) -> int:
        """Look for states in the newest snapshots from now on; returns their generation. Raises StateUnreadable."""
        try:
            manifest = read_manifest(Disk(), self.store.folder)[0]
            self.store.renew(manifest)
        except CheckpointError as error:
            raise StateUnreadable(str(error)) from error
        return manifest.generation

    def _end(self, *parts: Part) -> None:
        """Add the answers that belong to what was recorded."""
        self._open.parts += parts
        self._open.size_bytes += sum(len(part.body) for part in parts)

    @property
    def is_large(self) -> bool:
        """Whether the next commit should not be made larger."""
        return self._open.size_bytes >= BATCH_BYTES

    def divide(self) -> None:
        """What was recorded so far is whole tasks with their answers: let it be a commit by itself if it is large."""
        if self.is_large and not self.is_within:
            self._close()

    def _add(self, part: Part, count: int) -> None:
        self._open.parts.append(part)
        self._open.count += count
        self._open.size_bytes += len(part.body)
        if not self._is_due:
            self._is_due = True
            self._defer(self._flush_due)

    def _note(self, part: Part, count: int) -> None:
        """Record what is remembered beside states; while no change is taken it is remembered, and recorded after that."""
        self.store.window.fold(part)
        if self.refused is None:
            self._add(part, count)
            if part.letter == STEP:
                self.divide()
        else:
            self._held.append((part, count))

    def _flush_due(self) -> None:
        self._is_due = False
        self.flush()

    # -- the gate ------------------------------------------------------------------------------------------------------

    def send(self, letter: str, data: Any) -> None:
        """Send a message once everything that was recorded is synced. Raises FrameTooLarge, TypeError."""
        frame = self._encode(letter, data)
        if self._open.parts:
            self._open.frames.append(frame)
        elif self._ready:
            self._ready[-1].frames.append(frame)
        elif self._under_way is not None:
            self._under_way.frames.append(frame)
        else:
            self._write(frame)

    def when_synced(self, call: Callable[[], None]) -> bool:
        """Call a function once everything that was recorded is synced; returns False where it is, and it is not called."""
        for batch in (self._open if self._open.parts else None, self._ready[-1] if self._ready else None, self._under_way):
            if batch is not None:
                batch.calls.append(call)
                return True
        return False

    def flush(self) -> None:
        """Commit what was recorded, unless a commit is under way: then it follows that one, with what is recorded meanwhile."""
        if self._open.parts and (self.is_large or (self._under_way is None and not self._ready)):
            self._close()
        if self._under_way is None and self._ready and not self._is_held:
            self._under_way = self._ready.popleft()
            self._work.put(self._under_way)

    def _close(self) -> None:
        batch, self._open = self._open, _Batch()
        if batch.marks:
            batch.parts.append(marks_part(batch.marks))
        self._ready.append(batch)

    def _done(self, error: BaseException | None) -> None:
        """A commit has ended: its frames may go."""
        batch, self._under_way = self._under_way, None
        if error is not None:
            self._broken(error)
            return
        if batch is not None:
            for frame in batch.frames:
                self._write(frame)
            for grave in batch.graves:
                grave.segment = self.store.log.segment
            for call in batch.calls:
                call()
        self.flush()

    # -- a moment at which nothing is written ------------------------------------------------------------------------------

    def hold(self) -> Future[list[int]]:
        """Commit nothing more until `go_on`; the future has the segment that is written, and its bytes, when nothing is."""
        reached, self._is_held = asyncio.get_running_loop().create_future(), True
        self._work.put(lambda place: None if reached.done() else reached.set_result(list(place)))
        return reached

    def go_on(self) -> None:
        """Commit again."""
        self._is_held = False
        self.flush()

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _commit_all(self) -> None:
        """Commit batch after batch; the thread's whole life."""
        if self.refused is not None and not self._await_room():
            return
        is_confirmed = True
        while True:
            try:
                batch = self._work.get(timeout=None if is_confirmed else CONFIRM_S)
            except Empty:
                self._confirm()
                is_confirmed = True
                continue
            if batch is None:
                return
            if not isinstance(batch, _Batch):
                self._post(batch, self.store.end)
                continue
            is_confirmed = False
            error: BaseException | None = None
            try:
                self.store.commit(batch.parts, batch.count)
            except BaseException as failed:  # noqa: BLE001 - the thread's edge: who waits for this commit must hear of it
                error = failed
            self._post(self._done, error)

    def _confirm(self) -> None:
        try:
            self.store.log.confirm()
        except DiskFull:
            pass  # what it would have confirmed is there
        except CheckpointError as error:
            self._post(self._broken, error)

    def _await_room(self) -> bool:
        """Tell where the log ends until the store can be written, or is closed; returns whether it can."""
        is_full = isinstance(self.refused, StoreFull)
        while True:
            with contextlib.suppress(Empty):
                if (asked := self._work.get(timeout=FULL_PAUSE_S if is_full else None)) is None:
                    return False
                if not isinstance(asked, _Batch):
                    self._post(asked, self.store.end)
                continue
            try:
                if has_room(self.store.folder):
                    self.store.begin()
                    self._post(self._take, None)
                    return True
            except (CheckpointError, OSError) as error:
                if not (is_full := isinstance(error, DiskFull)):
                    self._post(self._take, error)

    def _take(self, error: Exception | None) -> None:
        """Take changes again, or none any more where the disk has failed meanwhile."""
        self.refused = None if error is None else refusal_of(STOPPED, str(error))
        self._told(self.refused)
        if self.refused is None:
            held, self._held = self._held, []
            for part, count in held:
                self._add(part, count)
                self.divide()

    def close(self, last: Iterable[tuple[list[Part], int]] = ()) -> None:
        """Commit nothing more but these records, and seal the log. Raises as `Store.commit`."""
        self._work.put(None)
        self._thread.join()
        for parts, count in last:
            self.store.commit(parts, count)
        self.store.close()
