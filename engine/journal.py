"""The journal of accepted tasks: what changes in the register, on its way to the disk.

Owns the thread that writes, and the rule that nothing counts before it is written: what comes while one commit is under way is
the next one. Where nothing is kept it is the same without a disk. What the records say is the register's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from checkpoints.errors import CheckpointError, DiskFull
from checkpoints.spec import SESSION_BYTES
from engine.change import Change, Draft
from engine.errors import IntakeFull, JournalFailed
from engine.lull import lull
from engine.register import Register
from engine.restored import restored
from engine.task import Ending, Task
from pools.events import Event
from pools.pause import Pause

if TYPE_CHECKING:
    from checkpoints.frame import Part
    from checkpoints.store import Store
    from engine.rows import Rows

__all__ = ["Journal", "open_journal"]

#: Bytes from which a commit is not made larger: the rest goes into the next. One submission is never divided.
BATCH_BYTES = 8 * 1024 * 1024
#: Seconds between two tries to write while the disk is full.
FULL_PAUSE_S = 0.25
#: Seconds without a commit after which the last one is confirmed by a frame behind it.
CONFIRM_S = 1.0


class Journal:
    """What is written of a register. store: where; None keeps it in memory only.

    landed: told what counts now, and what follows from it.  on_event: told when nothing more can be written.
    """

    def __init__(
        self,
        register: Register,
        store: Store | None,
        *,
        loop: AbstractEventLoop,
        landed: Callable[[Change, Change], None],
        on_event: Callable[[Event], None],
    ) -> None:
        self._register = register
        self._store = store
        self._loop = loop
        self._landed = landed
        self._on_event = on_event
        self._next = Change()
        self._waiting: dict[Draft, Future[None]] = {}
        self._is_busy = self._is_due = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._full: DiskFull | None = None
        #: The same until the disk has room to go on with; what is small may be written before that. It is looked at meanwhile.
        self._short: DiskFull | None = None
        self._look: asyncio.TimerHandle | None = None
        self._confirm: asyncio.TimerHandle | None = None
        self._thread = ThreadPoolExecutor(1, "journal")
        #: Holds what writes; None where nothing is kept.
        self.pause = None if store is None else Pause(self._thread, store.log)
        #: Why nothing is written any more.
        self.failed: JournalFailed | None = None
        #: Commits that were made.
        self.commits = 0

    @property
    def state(self) -> dict[str, str]:
        """Whether `changes` are taken, as `ps` tells of a worker: taken, full, stopped; and the `reason`."""
        why = self.failed or self._short
        return {"changes": "taken" if why is None else "full" if self.failed is None else "stopped", "reason": str(why or "")}

    # -- what changes --------------------------------------------------------------------------------------------------

    def accept(self, draft: Draft, dropped: Iterable[Task] = ()) -> Future[None]:
        """Write down tasks; done once they are accepted. Gives IntakeFull while the disk is full, JournalFailed."""
        future: Future[None] = self._loop.create_future()
        refused = self.failed or (self._full and _full(self._full))
        if refused:
            self._register.refuse([draft])
            future.set_exception(refused)
            return future
        self._next.drafts.append(draft)
        self._next.dropped += dropped
        self._waiting[draft] = future
        self._soon()
        return future

    def end(self, endings: Iterable[Ending]) -> None:
        """Write down how tasks ended; a full disk is waited for."""
        self._next.endings += endings
        self._soon()

    def move(self, tasks: Iterable[Task]) -> None:
        """Write down which agents tasks have, and how many attempts."""
        self._next.moved += tasks
        self._soon()

    def drop(self, letters: Iterable[Task]) -> Future[None]:
        """Write down that dead letters are none any more; done once that counts. Gives JournalFailed, IntakeFull."""
        return self.accept(Draft([], ()), letters)

    def count(self, rows: Iterable[Rows]) -> Future[None]:
        """Write down what was counted; done once it is. Gives IntakeFull while the disk is full, JournalFailed."""
        if self.failed is None and self._full is None:
            self._next.counted += rows
        return self.accept(Draft([], ()))

    def let_go(self, more: Change) -> None:
        """Write down what is kept no more, with whatever is written next."""
        self._next.gone += more.gone
        self._next.gone_keys += more.gone_keys
        self._next.former |= more.former
        self._next.gone_names += more.gone_names

    def begin(self) -> None:
        """Write down that another life of the journal has begun."""
        self._commit(Change())

    def _soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._idle.clear()
            self._loop.call_soon(self._flush)

    # -- commits -------------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Commit what has changed, unless a commit is under way: it is looked at again after that one."""
        self._is_due = False
        if self._is_busy or self._full is not None or self.failed is not None:
            return
        change = self._take()
        if change:
            self._commit(change)
        else:
            self._idle.set()

    def _take(self) -> Change:
        """What the next commit holds."""
        whole, self._next = self._next, Change()
        if self._store is None:
            return whole  # no frame has to hold it
        drafts, size_bytes = _fitting([draft.size_bytes for draft in whole.drafts], 0)
        whole.drafts, self._next.drafts = whole.drafts[:drafts], whole.drafts[drafts:]
        endings, _ = _fitting([one.size_bytes for one in whole.endings], size_bytes)
        whole.endings, self._next.endings = whole.endings[:endings], whole.endings[endings:]
        return whole

    def _commit(self, change: Change) -> None:
        self._is_busy = True
        self._idle.clear()
        if self._confirm is not None:
            self._confirm.cancel()
        if self._store is None:
            self._loop.call_soon(self._done, change, None)
            return
        parts, count = _parts(self._register, change)
        done = self._loop.run_in_executor(self._thread, self._store.commit, parts, count)
        done.add_done_callback(lambda done: self._done(change, done.exception()))

    def _done(self, change: Change, error: BaseException | None) -> None:
        self._is_busy = False
        if error is None:
            self.commits += 1
            with lull():
                more = self._register.apply(change)
                self.let_go(more)
                for draft in change.drafts:
                    _settle(self._waiting.pop(draft), None)
                self._landed(change, more)
        elif isinstance(error, DiskFull):
            self._wait_for_room(change, error)
            return
        else:
            self._break(change, error)
            return
        if self._next.drafts or self._next.endings or self._next.moved:
            self._flush()
        else:
            self._idle.set()
            self._confirm = self._loop.call_later(CONFIRM_S, self._confirm_now)

    def _refuse(self, drafts: list[Draft], error: Exception) -> None:
        self._register.refuse(drafts)
        for draft in drafts:
            _settle(self._waiting.pop(draft), error)

    def _wait_for_room(self, change: Change, error: DiskFull) -> None:
        """The disk is full: nothing is accepted, and what has ended waits."""
        self._full = error
        if self._short is None:
            self._short = error
            self._on_event(Event("journal.full", f"no tasks are accepted, and ends wait: {error}", time.time()))
            self._look = self._loop.call_later(FULL_PAUSE_S, self._try_again)
        drafts, self._next.drafts, self._next.dropped = change.drafts + self._next.drafts, [], []
        self._next.counted = []
        self._refuse(drafts, _full(error))
        self._next.endings[:0] = change.endings
        self._next.moved[:0] = change.moved
        self._next.former = change.former | self._next.former
        self._next.gone_names[:0] = change.gone_names
        self._next.gone[:0] = change.gone
        self._next.gone_keys[:0] = change.gone_keys

    def _try_again(self) -> None:
        """Write what waits, and look whether there is room for more than that."""
        self._full = None
        self._flush()
        if self._store is not None and self.failed is None:
            looking = self._loop.run_in_executor(self._thread, _has_room, self._store)
            looking.add_done_callback(lambda looked: self._looked(has_room=looked.result()))

    def _looked(self, *, has_room: bool) -> None:
        if self.failed is not None:
            return
        if has_room and self._full is None:
            self._short = None
            self._on_event(Event("journal.taken", "the disk has room: tasks are accepted", time.time()))
        else:
            self._look = self._loop.call_later(FULL_PAUSE_S, self._try_again)

    def _break(self, change: Change, error: BaseException) -> None:
        """What the disk holds is not known: nothing more is written by this process."""
        self.failed = JournalFailed(f"no more tasks are accepted: {error}; start the engine again")
        self._refuse(change.drafts + self._next.drafts, self.failed)
        self._next = Change()
        self._idle.set()
        self._on_event(Event("journal.failed", str(self.failed), time.time()))

    def _confirm_now(self) -> None:
        """Have the last commit confirmed on the disk, so that its loss would be noticed."""
        if self._store is not None and not self._is_busy:
            self._loop.run_in_executor(self._thread, _confirm, self._store)

    # -- life ----------------------------------------------------------------------------------------------------------

    async def request(self, _verb: str) -> None:
        """It was compacted: hold the new files from now on, so that those before take no room. Raises CheckpointError."""
        if self._store is not None and self.failed is None:
            await self._loop.run_in_executor(self._thread, _renew, self._store)

    async def close(self, within_s: float) -> None:
        """Write what is to be written, and give the store back; what cannot be written in time is found open next time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        for handle in (self._confirm, self._look):
            if handle is not None:
                handle.cancel()  # here: a loop lets no other thread touch its timers
        self.failed = self.failed or JournalFailed("the engine was stopped")
        await asyncio.to_thread(self.abandon)

    def abandon(self) -> None:
        """Give the store back, without a loop to wait in."""
        self._thread.shutdown()
        if self._store is not None:
            self._store.close()


def _fitting(sizes: list[int], size_bytes: int) -> tuple[int, int]:
    """How many of these go into a commit that has so many bytes already, and its bytes then. One that is empty takes any."""
    for at, own_bytes in enumerate(sizes):
        if size_bytes and size_bytes + own_bytes > BATCH_BYTES:
            return at, size_bytes
        size_bytes += own_bytes
    return len(sizes), size_bytes


def _settle(future: Future[None], error: Exception | None) -> None:
    if future.done():
        return  # its caller stopped waiting
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _full(error: DiskFull) -> IntakeFull:
    return IntakeFull(f"nothing was accepted: {error}; make room, then try again")


def _parts(register: Register, change: Change) -> tuple[list[Part], int]:
    from checkpoints.store import changes_part, gone_part, states_part

    parts, count = [], 0
    for kind, fields, keys, rows in register.rows(change):
        if fields is None:
            parts.append(changes_part(kind, keys, rows))
        else:
            parts.append(states_part(kind, fields, keys, rows) if fields else gone_part(kind, keys))
        count += len(keys)
    return parts, count


def _confirm(store: Store) -> None:
    with contextlib.suppress(CheckpointError):  # the next commit tells what is wrong
        store.log.confirm()


def _has_room(store: Store) -> bool:
    from checkpoints.files import has_room

    try:
        return has_room(store.folder)
    except OSError:
        return False


def _renew(store: Store) -> None:
    from checkpoints.files import Disk
    from checkpoints.manifest import read_manifest

    store.renew(read_manifest(Disk(), store.folder)[0])


def open_journal(folder: str | None, *, is_synced: bool, **facts: Any) -> tuple[Register, Journal, Change]:
    """The journal of a folder, what it holds, and what follows from that; None keeps it in memory only.

    facts: as for `Journal`.

    Raises CheckpointError, StateUnreadable.
    """
    session = os.urandom(SESSION_BYTES).hex()
    if folder is None:
        register = Register(session)
        return register, Journal(register, None, **facts), Change()
    from checkpoints.failpoint import failpoint_of
    from checkpoints.store import open_store
    from checkpoints.table import Table

    store = open_store(folder, shards=1, chance=os.urandom, is_synced=is_synced, failpoint=failpoint_of(os.environ))
    try:
        register, follows = restored(store.items(), session)
    except BaseException:
        store.close()
        raise
    store.table = Table()  # the register has all of it
    journal = Journal(register, store, **facts)
    journal.let_go(follows)
    return register, journal, follows
