"""What a worker's agents have become, on its way to the disk.

Owns the rule that nothing leaves a worker before everything that it has seen is synced: records of the tasks that ended in one
turn are one commit, made in a thread; frames wait here until the commit before them is done. While one commit is under way the
next one gathers. It runs no task; what a record holds on the disk is `checkpoints`' business.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, cast

import orjson

from checkpoints.errors import CheckpointError, DiskFull, FolderInUse
from checkpoints.failpoint import failpoint_of
from checkpoints.files import Disk
from checkpoints.frame import Part
from checkpoints.manifest import read_manifest
from checkpoints.spec import ANSWERS_KEPT
from checkpoints.store import Store, changes_part, open_store, states_part
from checkpoints.window import answers_part, done_part, marks_part, told_part
from pools.address import Key
from pools.agent import Agent
from pools.channel import Channel
from pools.complaints import say
from pools.errors import StateUnreadable
from pools.kind import Kind
from pools.lane import PLACE_BITS
from pools.log import Log
from pools.recall import Recall

__all__ = ["Ledger", "open_ledger"]

#: Bytes from which a commit is not made larger: what is recorded then goes into the next.
BATCH_BYTES = 8 * 1024 * 1024
#: Errors of a disk that takes nothing now and may take something later.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
#: Seconds between two tries to write while the disk is full.
FULL_PAUSE_S = 0.25
#: Seconds without a commit after which the last one is confirmed by a frame behind it.
CONFIRM_S = 1.0
#: Seconds that the process before may take to let go of the store, and between two tries.
LET_GO_S, LET_GO_PAUSE_S = 5.0, 0.005
PLACE_MASK = (1 << PLACE_BITS) - 1


class _Batch:
    """What is committed together, and the frames that wait for it."""

    __slots__ = ("calls", "count", "frames", "marks", "parts", "size_bytes")

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.parts: list[Part] = []
        self.count = 0
        self.size_bytes = 0
        self.marks: dict[bytes, int] = {}
        self.frames: list[bytes] = []


class Ledger:
    """A worker's records. store: where they go.  encode: makes a frame of a message.  write: sends one.

    It stands where a channel stands, for what must wait.
    defer: calls a function in the next turn of the loop.  post: the same from another thread.
    broken: told the error after which this process can keep nothing more.  wall_s, most: as in `Recall`.
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
        wall_s: Callable[[], float] = time.time,
        most: int = ANSWERS_KEPT,
    ) -> None:
        self.store = store
        self._sessions = (session + b"\0", session + b"\1")
        #: What is remembered beside states: steps, and how long answers are.
        self.recall = Recall(store.window, self._note, sessions=self._sessions, wall_s=wall_s, most=most)
        self._encode = encode
        self._write = write
        self._defer = defer
        self._post = post
        self._broken = broken
        self._open = _Batch()
        self._ready: deque[_Batch] = deque()
        self._under_way: _Batch | None = None
        self._is_due = False
        #: Seconds that the disk has been full; 0 while it takes what is written.
        self.full_s = 0.0
        self._closing = threading.Event()
        self._work: SimpleQueue[_Batch | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._commit_all, name="commits", daemon=True)
        self._thread.start()

    # -- records -------------------------------------------------------------------------------------------------------

    def changed(self, kind: Kind, rows: Mapping[Key, Any]) -> None:
        """Record whole states of light agents: their marks by key."""
        self._add(states_part(kind.name, kind.names, cast("list[int | str]", list(rows)), list(rows.values())), len(rows))

    def kept(self, kind: Kind, agent: Agent, before: list[Any]) -> None:
        """Record what a commit of an agent changed. before: its commit before that one."""
        key = cast("int | str", agent._key)
        if type(before) is not list:
            row = [list(new[0]) if type(new) is tuple else orjson.Fragment(new) for new in agent._committed]
            self._add(states_part(kind.name, kind.names, [key], [row]), 1)
            return
        change: dict[str, Any] = {}
        for name, old, new in zip(kind.names, before, agent._committed, strict=True):
            if type(new) is tuple:
                log: Log[Any] = new[0]
                if new[1] > old[1]:
                    change[f"+{name}"] = list(log[old[1] :])
            elif new != old:
                change[name] = orjson.Fragment(new)
        if change:
            self._add(changes_part(kind.name, [key], [change]), 1)

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
        self.recall.bound(len(ended))

    def told(self, last: int, rows: Sequence[list[Any]]) -> None:
        """Record messages with the task that sends them. last: the highest number that one ever had."""
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

    def _add(self, part: Part, count: int) -> None:
        self._open.parts.append(part)
        self._open.count += count
        self._open.size_bytes += len(part.body)
        if not self._is_due:
            self._is_due = True
            self._defer(self._flush_due)

    def _note(self, part: Part, count: int) -> None:
        self.store.window.fold(part)
        self._add(part, count)

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

    def hold(self, call: Callable[[], None]) -> bool:
        """Call a function once everything that was recorded is synced; returns False where it is, and it is not called."""
        for batch in (self._open if self._open.parts else None, self._ready[-1] if self._ready else None, self._under_way):
            if batch is not None:
                batch.calls.append(call)
                return True
        return False

    def flush(self) -> None:
        """Commit what was recorded, unless a commit is under way: then it follows that one, with what is recorded meanwhile."""
        if self._open.parts and (self._open.size_bytes >= BATCH_BYTES or (self._under_way is None and not self._ready)):
            batch, self._open = self._open, _Batch()
            if batch.marks:
                batch.parts.append(marks_part(batch.marks))
            self._ready.append(batch)
        if self._under_way is None and self._ready:
            self._under_way = self._ready.popleft()
            self._work.put(self._under_way)

    def _done(self, error: BaseException | None) -> None:
        """A commit has ended: its frames may go."""
        batch, self._under_way = self._under_way, None
        if error is not None:
            self._broken(error)
            return
        self.full_s = 0.0
        if batch is not None:
            for frame in batch.frames:
                self._write(frame)
            for call in batch.calls:
                call()
        self.flush()

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _commit_all(self) -> None:
        """Commit batch after batch; the thread's whole life."""
        is_confirmed = True
        while True:
            try:
                batch = self._work.get(timeout=None if is_confirmed else CONFIRM_S)
            except Empty:
                with contextlib.suppress(CheckpointError):  # the next commit tells what is wrong
                    self.store.log.confirm()
                is_confirmed = True
                continue
            if batch is None:
                return
            is_confirmed = False
            error: BaseException | None = None
            try:
                self._commit(batch)
            except BaseException as failed:  # noqa: BLE001 - the thread's edge: who waits for this commit must hear of it
                error = failed
            self._post(self._done, error)

    def _commit(self, batch: _Batch) -> None:
        while True:
            try:
                self.store.commit(batch.parts, batch.count)
            except DiskFull as full:
                if not isinstance(full.__cause__, OSError) or full.__cause__.errno not in FULL:
                    raise
                if not self.full_s:
                    say(f"worker {os.getpid()} waits: {full}")
                self.full_s += FULL_PAUSE_S
                if self._closing.wait(FULL_PAUSE_S):
                    raise
            else:
                return

    def close(self) -> None:
        """Commit nothing more, and seal the log. What waits for a full disk is not kept: nobody was told of it."""
        self._closing.set()
        self._work.put(None)
        self._thread.join()
        self.store.close()


def open_ledger(
    kept: Mapping[str, Any], shards: int, channel: Channel, loop: asyncio.AbstractEventLoop
) -> tuple[Ledger, dict[str, Any]]:
    """A ledger over the store that a worker is told of, and what was found there. Raises StateUnreadable.

    kept: `folder`, `session` in hexadecimal, `is_synced`, and how many `answers` are kept.
    """
    began_s = time.monotonic()
    try:
        store = _opened(kept["folder"], shards, is_synced=kept["is_synced"])
    except (CheckpointError, ValueError) as error:
        raise StateUnreadable(str(error)) from error
    ledger = Ledger(
        store,
        session=bytes.fromhex(kept["session"]),
        encode=channel.encoded,
        write=channel.write,
        defer=loop.call_soon,
        post=loop.call_soon_threadsafe,
        broken=_end_broken,
        most=kept.get("answers", ANSWERS_KEPT),
    )
    recovered = store.recovered
    torn = recovered.torn
    return ledger, {
        "records": recovered.records,
        "stored_bytes": recovered.stored_bytes,
        "seconds": time.monotonic() - began_s,
        "torn": None if torn is None else [torn.file, torn.at, torn.size_bytes],
        "is_fallback": store.is_fallback,
    }


def _opened(folder: str, shards: int, *, is_synced: bool) -> Store:
    """The store of this worker, once the process that held it before has let go. Raises CheckpointError, ValueError."""
    deadline_s = time.monotonic() + LET_GO_S
    while True:
        try:
            return open_store(folder, shards=shards, chance=os.urandom, is_synced=is_synced, failpoint=failpoint_of(os.environ))
        except FolderInUse:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(LET_GO_PAUSE_S)


def _end_broken(error: BaseException) -> None:
    """End a process that cannot know what its disk holds; the next one reads it anew."""
    say(f"worker {os.getpid()} ends: {error}")
    os._exit(1)
