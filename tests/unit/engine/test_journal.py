"""What is accepted is on the disk before anybody hears of it; what fails is said, and nothing is half there."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from threading import Semaphore
from typing import Any

import pytest

from checkpoints.errors import FolderInUse
from checkpoints.store import Store, open_store
from engine import journal as module
from engine.change import Change
from engine.errors import IntakeFull, JournalFailed
from engine.journal import Journal, open_journal
from engine.register import Register
from engine.restored import restored
from engine.submission import Submission
from engine.task import Task
from pools.events import Event
from tests.support.disks import Fault, Killed, SimDisk
from tests.support.processes import until

SESSION = "0011223344556677"
ADD = Submission(None, "counter/1", "add", 2, None)
FULL = Fault(1, errno.ENOSPC, ("write",), is_lasting=True)


class Gated:
    """A store whose commits wait for the test."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.gate = Semaphore(1_000)
        self.commits: list[int] = []

    def commit(self, parts: Any, count: int) -> int:
        """Commit, as soon as the test lets it."""
        self.gate.acquire()
        self.commits.append(count)
        return self.store.commit(parts, count)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class Desk:
    """A journal on a simulated disk."""

    def __init__(self, disk: SimDisk) -> None:
        self.disk = disk
        self.store = open_store("data/journal", shards=1, chance=Random(1).randbytes, files=disk.process())
        self.gated = Gated(self.store)
        self.register, gone = restored(self.store.items(), SESSION)
        self.landed: list[Change] = []
        self.events: list[Event] = []
        self.journal = Journal(
            self.register,
            self.gated,  # type: ignore[arg-type]
            loop=asyncio.get_running_loop(),
            landed=lambda change, _more: self.landed.append(change),
            on_event=self.events.append,
        )
        self.journal.let_go(gone)

    async def accept(self, count: int = 1, key: str = "") -> list[Task]:
        """Accept tasks."""
        draft = self.register.draft([ADD] * count, 1.0, key)
        await self.journal.accept(draft)
        return draft.tasks

    def end(self, *tasks: Task) -> None:
        """Have tasks end."""
        self.journal.end([task.end("done", 2.0, value=b"1") for task in tasks])


@asynccontextmanager
async def opened(disk: SimDisk | None = None) -> AsyncIterator[Desk]:
    desk = Desk(disk or SimDisk())
    try:
        yield desk
    finally:
        desk.disk.faults = []
        desk.gated.gate.release(1_000)
        with suppress(Killed):  # its power was cut
            await desk.journal.close(1.0)


def on_disk(disk: SimDisk) -> Register:
    """What a process after a power cut would read."""
    disk.cut_power(Random(1))
    store = open_store("data/journal", shards=1, chance=Random(1).randbytes, files=disk.process())
    try:
        return restored(store.items(), SESSION)[0]
    finally:
        store.close()


async def test_a_task_is_accepted_once_it_is_synced_and_not_before() -> None:
    async with opened() as desk:
        desk.gated.gate = Semaphore(0)
        accepting = asyncio.ensure_future(desk.accept(3))
        await asyncio.sleep(0.02)
        assert not accepting.done()
        assert desk.register.counts()["accepted"] == 0
        assert desk.landed == []
        desk.gated.gate.release()
        tasks = await accepting
        assert [task for change in desk.landed for draft in change.drafts for task in draft.tasks] == tasks
        assert on_disk(desk.disk).counts()["open"] == 3


async def test_what_comes_while_a_commit_is_under_way_is_the_next_one() -> None:
    async with opened() as desk:
        desk.gated.gate = Semaphore(0)
        accepting = [asyncio.ensure_future(desk.accept()) for _ in range(5)]
        await asyncio.sleep(0.01)
        accepting += [asyncio.ensure_future(desk.accept()) for _ in range(20)]
        await asyncio.sleep(0.01)
        desk.gated.gate.release(2)
        await asyncio.gather(*accepting)
        assert desk.gated.commits == [6, 21]
        assert desk.journal.commits == 2


async def test_ends_are_written_together_and_told_when_they_are() -> None:
    async with opened() as desk:
        tasks = await desk.accept(10)
        desk.end(*tasks[:5])
        desk.end(*tasks[5:9])
        await until(lambda: desk.register.counts()["done"] == 9)
        assert desk.journal.commits == 2
        assert [one.task for one in desk.landed[-1].endings] == tasks[:9]
        found = on_disk(desk.disk)
        assert (found.counts()["done"], found.counts()["open"], found.find(f"{SESSION[:8]}-3").value) == (9, 1, b"1")


async def test_a_commit_has_a_size_and_a_submission_is_never_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 5_000)
    async with opened() as desk:
        desk.gated.gate = Semaphore(0)
        accepting = [asyncio.ensure_future(desk.accept(count)) for count in (1, 100, 1, 1)]
        await asyncio.sleep(0.01)
        desk.gated.gate.release(100)
        tasks = [task for accepted in await asyncio.gather(*accepting) for task in accepted]
        desk.end(*tasks)
        await until(lambda: not desk.register.open)
        sizes = [sum(len(draft.tasks) for draft in change.drafts) for change in desk.landed]
        assert sizes[0] == 1
        assert 100 in sizes
        assert sum(sizes) == 103
        ends = [len(change.endings) for change in desk.landed if change.endings]
        assert len(ends) > 1
        assert max(ends) <= 5_000 / 200 + 1


async def test_on_a_full_disk_tasks_are_refused_and_ends_wait_until_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FULL_PAUSE_S", 0.02)
    monkeypatch.setattr("checkpoints.files.has_room", lambda _folder: not desk.disk.faults)
    async with opened() as desk:
        (task,) = await desk.accept()
        assert desk.journal.state == {"changes": "taken", "reason": ""}
        desk.disk.faults = [FULL]
        draft = desk.register.draft([ADD] * 3, 1.0)
        accepting = desk.journal.accept(draft)
        desk.end(task)
        with pytest.raises(IntakeFull, match="No space left") as caught:
            await accepting
        assert caught.value.retry_after_s
        for _ in range(3):
            with pytest.raises(IntakeFull):
                await desk.accept()
            await asyncio.sleep(0.015)
        assert (desk.register.open, desk.register.room.held, task.ended_s) == (1, 1, None)
        assert desk.journal.state["changes"] == "full"
        assert "No space left" in desk.journal.state["reason"]
        desk.disk.faults = []
        await until(lambda: task.ended_s is not None)
        await desk.accept()
        await until(lambda: desk.journal.state["changes"] == "taken")
        assert [event.name for event in desk.events] == ["journal.full", "journal.taken"]
        assert on_disk(desk.disk).counts() == desk.register.counts()
        assert desk.register.counts()["accepted"] == 2


async def test_a_disk_with_room_for_little_counts_as_full_and_that_little_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FULL_PAUSE_S", 0.02)
    rooms: list[bool] = []
    monkeypatch.setattr("checkpoints.files.has_room", lambda _folder: bool(rooms))
    async with opened() as desk:
        desk.disk.faults = [FULL]
        with pytest.raises(IntakeFull):
            await desk.accept()
        desk.disk.faults = []
        for _ in range(3):
            await asyncio.sleep(0.05)
            (task,) = await desk.accept()
            desk.end(task)
            await until(lambda task=task: task.ended_s is not None)  # type: ignore[misc]
            assert desk.journal.state["changes"] == "full"
        rooms.append(True)
        await until(lambda: desk.journal.state["changes"] == "taken")
        assert [event.name for event in desk.events] == ["journal.full", "journal.taken"]


async def test_an_idle_journal_finds_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FULL_PAUSE_S", 0.02)
    monkeypatch.setattr("checkpoints.files.has_room", lambda _folder: not desk.disk.faults)
    async with opened() as desk:
        desk.disk.faults = [FULL]
        with pytest.raises(IntakeFull):
            await desk.accept()
        await asyncio.sleep(0.1)
        assert desk.journal.state["changes"] == "full"
        desk.disk.faults = []
        await until(lambda: desk.journal.state["changes"] == "taken")


async def test_a_journal_that_is_closed_on_a_full_disk_looks_no_more_and_leaves_the_timers_to_their_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cancelled: list[threading.Thread] = []
    cancel = asyncio.TimerHandle.cancel

    def noted(handle: asyncio.TimerHandle) -> None:
        cancelled.append(threading.current_thread())
        cancel(handle)

    monkeypatch.setattr(asyncio.TimerHandle, "cancel", noted)
    async with opened() as desk:
        desk.disk.faults = [FULL]
        with pytest.raises(IntakeFull):
            await desk.accept()
        looking = desk.journal._look
        assert looking is not None
        await desk.journal.close(1.0)
        assert looking.cancelled()
        assert set(cancelled) == {threading.current_thread()}


@pytest.mark.parametrize("kind", ["sync", "cut"])
async def test_after_a_failed_sync_nothing_more_is_written(kind: str) -> None:
    async with opened() as desk:
        (task,) = await desk.accept()
        desk.disk.faults = [Fault(1, errno.EIO, ("sync",), is_lasting=True)]
        if kind == "cut":
            desk.disk.faults += [FULL, Fault(1, errno.EIO, ("cut",), is_lasting=True)]
        waiting = [asyncio.ensure_future(desk.accept()) for _ in range(3)]
        for accepting in waiting:
            with pytest.raises(JournalFailed):
                await accepting
        desk.end(task)
        with pytest.raises(JournalFailed, match="start the engine again"):
            await desk.accept()
        assert [event.name for event in desk.events] == ["journal.failed"]
        assert desk.journal.state["changes"] == "stopped"
        assert (desk.register.counts()["open"], task.ended_s) == (1, None)


async def test_a_caller_that_stops_waiting_takes_nothing_back() -> None:
    async with opened() as desk:
        desk.gated.gate = Semaphore(0)
        draft = desk.register.draft([ADD], 1.0)
        future = desk.journal.accept(draft)
        await asyncio.sleep(0.01)
        future.cancel()
        desk.gated.gate.release(5)
        await until(lambda: desk.register.open == 1)
        with suppress(asyncio.CancelledError):
            await future


async def test_what_is_due_when_it_is_closed_is_written() -> None:
    disk = SimDisk()
    async with opened(disk) as desk:
        tasks = await desk.accept(100)
        desk.end(*tasks)
    found = Desk(disk)
    assert found.register.counts()["done"] == 100
    assert found.register.life == 2
    await found.journal.close(1.0)
    with pytest.raises(JournalFailed):
        await found.accept()


async def test_a_life_that_begins_is_written_down() -> None:
    disk = SimDisk()
    for life in (1, 2, 3):
        async with opened(disk) as desk:
            assert desk.register.life == life
            if life == 1:
                await desk.accept()
            else:
                assert desk.register.tasks[1].attempts == life - 1
                desk.journal.begin()


async def test_without_a_store_the_same_is_kept_in_memory(tmp_path: Path) -> None:
    landed: list[Change] = []
    loop = asyncio.get_running_loop()
    register, journal, _ = open_journal(
        None, is_synced=False, loop=loop, landed=lambda change, _more: landed.append(change), on_event=print
    )
    draft = register.draft([ADD], 1.0)
    accepting = journal.accept(draft)
    assert not accepting.done()
    await accepting
    journal.end([draft.tasks[0].end("done", 1.0, value=b"1")])
    await until(lambda: not register.open)
    await journal.request("compacted")
    await journal.close(1.0)
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_has_one_writer_and_holds_the_newest_files_after_a_compaction(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    facts: dict[str, Any] = {"is_synced": True, "loop": loop, "landed": lambda _change, _more: None, "on_event": print}
    register, journal, _ = open_journal(str(tmp_path / "j"), **facts)
    with pytest.raises(FolderInUse):
        open_journal(str(tmp_path / "j"), **facts)
    await journal.accept(register.draft([ADD] * 10, 1.0))
    assert journal._store is not None
    journal._store.log.roll()
    journal._store.compact()
    await journal.request("compacted")
    assert journal._store.manifest.generation == 1
    await journal.close(1.0)
    register, journal, _ = open_journal(str(tmp_path / "j"), **facts)
    assert register.counts()["open"] == 10
    await journal.close(1.0)


async def test_an_idle_journal_confirms_its_last_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONFIRM_S", 0.01)
    async with opened() as desk:
        await desk.accept()
        assert not desk.store.log.is_confirmed
        await until(lambda: desk.store.log.is_confirmed)


@pytest.mark.parametrize("is_synced", [True, False])
async def test_a_commit_waits_for_the_disk_where_it_shall(tmp_path: Path, is_synced: bool) -> None:
    register, journal, _ = open_journal(
        str(tmp_path), is_synced=is_synced, loop=asyncio.get_running_loop(), landed=lambda _change, _more: None, on_event=print
    )
    assert journal._store is not None
    before = journal._store.log.syncs
    for _ in range(3):
        await journal.accept(register.draft([ADD], 1.0))
    assert journal._store.log.syncs - before == (3 if is_synced else 0)
    await journal.close(1.0)
