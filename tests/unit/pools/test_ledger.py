"""Nothing leaves before what it has seen is synced; what was recorded is known to the next process."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checkpoints.errors import DiskFull
from checkpoints.frame import Part
from checkpoints.store import open_store
from pools.agent import Agent
from pools.channel import Channel
from pools.counter import Counter
from pools.errors import FrameTooLarge, PoolError, StateUnreadable, StoreFull, StoreStopped
from pools.gauges import CELLS
from pools.kind import Kind
from pools.ledger import Ledger
from pools.log import Log
from pools.message import STATUS
from pools.opening import open_ledger
from pools.refusal import FULL, STOPPED, refusal_of
from pools.table import Table
from tests.support.disks import Fault, SimDisk
from tests.support.kept import ENGINE, Desk
from tests.support.stores import contents, open_at, set_part

CLIENT = b"\x07client7"
COUNTER = Kind(Counter)


class Page(Agent):
    title: str = "none"
    tags: list[Any]
    lines: Log[Any]
    notes: Table[Any]

    def touch(self) -> None: ...


PAGE = Kind(Page)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def say(desk: Desk, number: int) -> None:
    desk.ledger.send(STATUS, number)


def said(desk: Desk) -> list[Any]:
    return [message.data for message in desk.sent]


def stored(disk: SimDisk) -> dict[Any, Any]:
    """What a new process finds."""
    disk.kill()
    store = open_at(disk, shards=1)
    found = contents(store)
    store.close()
    return found


def reopened(desk: Desk, **facts: Any) -> Desk:
    """The next process on the same disk."""
    desk.close()
    return Desk(desk.disk, **facts)


# -- the gate ----------------------------------------------------------------------------------------------------------


def test_a_message_that_has_seen_nothing_new_leaves_at_once(desk: Desk) -> None:
    say(desk, 1)
    assert said(desk) == [1]
    desk.ledger.changed(COUNTER, {1: 5})
    desk.settle()
    say(desk, 2)
    assert said(desk) == [1, 2]


def test_a_message_leaves_when_what_was_recorded_before_it_is_on_the_disk(desk: Desk) -> None:
    logs: list[bytes] = []
    desk.on_leave = lambda _message: logs.append(desk.disk.durable_image()["data/w0/00000001.log"])
    desk.ledger.changed(COUNTER, {"somebody": 5})
    say(desk, 1)
    assert desk.written()
    assert logs == []
    desk.tell()
    (log,) = logs
    assert b"somebody" in log


def test_a_commit_is_made_by_a_thread_of_its_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers never waits for the disk."""
    seen: list[int] = []
    commit = desk.store.commit

    def noted(parts: Sequence[Part], count: int) -> int:
        seen.append(threading.get_ident())
        return commit(parts, count)

    monkeypatch.setattr(desk.store, "commit", noted)
    desk.ledger.arrived([5])
    desk.settle()
    assert len(seen) == 1
    assert threading.get_ident() not in seen


@pytest.mark.parametrize("is_flushed", [True, False])
def test_nothing_leaves_while_the_commit_is_not_made(desk: Desk, is_flushed: bool) -> None:
    desk.ledger.changed(COUNTER, {1: 5})
    say(desk, 1)
    if is_flushed:
        desk.ledger.flush()
    desk.turns.run()
    assert said(desk) == []
    assert desk.land()
    assert said(desk) == [1]
    assert desk.gated.commits == 1


def test_messages_keep_their_order_over_commits(desk: Desk) -> None:
    desk.ledger.changed(COUNTER, {1: 1})
    say(desk, 1)
    desk.ledger.flush()
    say(desk, 2)
    desk.ledger.changed(COUNTER, {1: 2})
    say(desk, 3)
    desk.ledger.flush()
    say(desk, 4)
    assert said(desk) == []
    desk.land()
    assert said(desk) == [1, 2]
    say(desk, 5)
    desk.land()
    assert said(desk) == [1, 2, 3, 4, 5]
    assert desk.is_idle


def test_what_is_recorded_while_a_commit_is_under_way_is_one_commit_after_it(desk: Desk) -> None:
    for total in range(1, 20):
        desk.ledger.changed(COUNTER, {total: total})
        desk.ledger.flush()
    desk.settle()
    assert desk.gated.commits == 2
    desk.kill()
    assert stored(desk.disk) == {("counter", key): {"total": key} for key in range(1, 20)}


def test_what_nobody_flushes_is_committed_at_the_end_of_the_turn(desk: Desk) -> None:
    desk.ledger.changed(COUNTER, {1: 5})
    desk.ledger.changed(COUNTER, {1: 6, 2: 7})
    assert desk.gated.commits == 0
    desk.settle()
    assert desk.gated.commits == 1
    desk.kill()
    assert stored(desk.disk) == {("counter", 1): {"total": 6}, ("counter", 2): {"total": 7}}


def test_a_message_too_large_for_a_frame_is_refused_at_once(desk: Desk) -> None:
    desk.ledger.changed(COUNTER, {1: 5})
    with pytest.raises(FrameTooLarge):
        desk.ledger.send(STATUS, os.urandom(9_000_000).hex())
    with pytest.raises(TypeError):
        desk.ledger.send(STATUS, {1})
    say(desk, 1)
    desk.settle()
    assert said(desk) == [1]


def test_a_commit_that_is_large_is_made_no_larger(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.ledger.BATCH_BYTES", 1_000)
    for number in range(1, 101):
        desk.ledger.changed(COUNTER, {number: number})
        desk.ledger.answered(2 * number + 1, {"o": 0, "v": [number]})
        say(desk, number)
        desk.ledger.flush()
    assert said(desk) == []
    desk.land()
    first = said(desk)
    assert 0 < len(first) < 50
    desk.settle()
    assert said(desk) == list(range(1, 101))
    assert 5 < desk.gated.commits < 30
    desk.kill()
    assert stored(desk.disk) == {("counter", key): {"total": key} for key in range(1, 101)}


def test_what_is_recorded_in_one_turn_is_divided_between_slices_and_never_within_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pools.ledger.BATCH_BYTES", 1_000)
    for number in range(10):
        desk.ledger.is_within = True
        desk.ledger.divide()
        desk.ledger.changed(COUNTER, dict.fromkeys(range(200), number))
        desk.ledger.divide()
        desk.ledger.answered(2 * number + 1, {"o": 0, "v": [number] * 200})
        desk.ledger.is_within = False
        desk.ledger.divide()
    desk.ledger.changed(COUNTER, {7: 99})
    for _ in range(3):
        assert desk.land()
    desk.kill()
    after = Desk(desk.disk)
    assert [after.ledger.answers(2 * at + 1) for at in range(3)] == [dict.fromkeys(range(200), at) for at in range(3)]
    assert after.ledger.answers(7) is None
    assert after.store.state("counter", 7) == {"total": 2}
    after.close()


def test_a_change_and_its_answer_are_one_commit_however_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a death between the two would have the task done twice."""
    monkeypatch.setattr("pools.ledger.BATCH_BYTES", 10)
    desk.ledger.changed(COUNTER, dict.fromkeys(range(100), 5))
    desk.ledger.changed(COUNTER, dict.fromkeys(range(100, 200), 6))
    desk.ledger.answered(1, {"o": 0, "v": [5] * 200})
    desk.ledger.changed(COUNTER, {1: 7})
    desk.ledger.answered_as(CLIENT, [(3 << 10, 7), (4 << 10, 8)])
    assert desk.land()
    desk.kill()
    after = Desk(desk.disk)
    assert after.ledger.answers(1) == dict.fromkeys(range(200), 5)
    assert after.ledger.known_as(CLIENT, [3 << 10, 4 << 10]) in ({}, {0: 7, 1: 8})
    assert after.store.state("counter", 1) == {"total": 7 if after.ledger.known_as(CLIENT, [3 << 10]) else 5}
    after.close()


def test_any_history_leaves_only_what_is_kept(chance: Random) -> None:
    """Each message tells the state that it has seen; a death at any time leaves no message ahead of the disk."""
    for _ in range(15):
        disk = SimDisk()
        desk = Desk(disk)
        total = told = 0
        left: list[int] = []
        desk.on_leave = lambda message, left=left: left.append(message.data)  # type: ignore[misc]
        for _ in range(chance.randrange(40)):
            act = chance.randrange(6)
            if act < 2:
                total += 1
                desk.ledger.changed(COUNTER, {1: total})
            elif act == 2:
                say(desk, total)
            elif act == 3:
                desk.ledger.flush()
            elif act == 4:
                desk.land()
            else:
                desk.turns.run()
        desk.kill()
        kept = stored(disk).get(("counter", 1), {"total": 0})["total"]
        told = max(left, default=0)
        assert told <= kept <= total
        assert left == sorted(left)


# -- what is recorded --------------------------------------------------------------------------------------------------


def commit(desk: Desk, agent: Any) -> None:
    """Keep what was done to an agent, as a task that ended does."""
    before, agent._committed = agent._committed, PAGE.commit(agent)
    desk.ledger.kept(PAGE, agent, before)


def test_the_first_record_of_an_agent_has_all_of_it_and_the_next_what_changed(desk: Desk) -> None:
    agent: Any = PAGE.make("a")
    commit(desk, agent)
    desk.settle()
    first = desk.store.log.segment_bytes
    agent.lines.extend(["x" * 1_000, "y" * 1_000])
    commit(desk, agent)
    desk.settle()
    second = desk.store.log.segment_bytes
    agent.lines.append("z")
    agent.tags.append(7)
    commit(desk, agent)
    desk.settle()
    third = desk.store.log.segment_bytes
    assert third - second < 500
    assert second - first < 2_500
    desk.kill()
    lines = ["x" * 1_000, "y" * 1_000, "z"]
    assert stored(desk.disk) == {("page", "a"): {"title": "none", "tags": [7], "lines": lines, "notes": {}}}


def test_an_agent_that_a_task_left_as_it_was_leaves_no_record(desk: Desk) -> None:
    agent: Any = PAGE.make("a")
    commit(desk, agent)
    assert desk.is_idle
    agent.notes["x"] = 1
    commit(desk, agent)
    desk.settle()
    commit(desk, agent)
    assert desk.is_idle
    desk.settle()
    assert desk.gated.commits == 1
    desk.kill()
    assert stored(desk.disk) == {("page", "a"): {"title": "none", "tags": [], "lines": [], "notes": {"x": 1}}}


@pytest.mark.parametrize("change", ["title", "tags", "lines", "notes"])
def test_the_first_change_of_an_agent_that_was_looked_at_before_is_recorded_with_everything(desk: Desk, change: str) -> None:
    agent: Any = PAGE.wake_from("a", ["title"], {"title": "kept"})
    for _ in range(2):
        commit(desk, agent)
        assert desk.is_idle
    wanted: dict[str, Any] = {"title": "kept", "tags": [], "lines": [], "notes": {}}
    if change == "title":
        agent.title = wanted["title"] = "new"
    elif change == "notes":
        agent.notes["x"] = wanted["notes"]["x"] = 1
    else:
        getattr(agent, change).append(1)
        wanted[change].append(1)
    commit(desk, agent)
    desk.settle()
    desk.kill()
    assert stored(desk.disk) == {("page", "a"): wanted}


def test_what_comes_back_is_what_the_fields_hold(desk: Desk) -> None:
    agent: Any = PAGE.make(3)
    for number in range(5):
        agent.tags.append({"deep": [number]})
        agent.title = f"title {number}"
        agent.lines.append([number])
        commit(desk, agent)
        if number % 2:
            desk.settle()
    desk.settle()
    desk.kill()
    assert stored(desk.disk)["page", 3] == {
        "title": "title 4",
        "tags": [{"deep": [number]} for number in range(5)],
        "lines": [[number] for number in range(5)],
        "notes": {},
    }


def test_a_record_of_a_table_has_the_entries_that_changed(desk: Desk) -> None:
    agent: Any = PAGE.make("a")
    wanted: dict[str, Any] = {f"n{number}": {"text": "x" * 100, "number": number} for number in range(500)}
    agent.notes.update(wanted)
    commit(desk, agent)
    desk.settle()
    for number in range(0, 500, 50):
        before = desk.store.log.segment_bytes
        agent.notes[f"n{number}"] = wanted[f"n{number}"] = ["changed", number]
        del agent.notes[f"n{number + 1}"], wanted[f"n{number + 1}"]
        commit(desk, agent)
        desk.settle()
        assert desk.store.log.segment_bytes - before < 300
    desk.kill()
    assert stored(desk.disk)["page", "a"]["notes"] == wanted


# -- answers that may be asked for again -------------------------------------------------------------------------------


def test_the_next_process_knows_the_answers_of_the_one_before(desk: Desk) -> None:
    desk.ledger.changed(COUNTER, {1: 5})
    desk.ledger.answered(7, {"o": 2, "v": [10, 11]})
    desk.ledger.changed(COUNTER, {2: 5})
    desk.ledger.answered(7, {"p": [9, 0], "v": ["x", None]})
    desk.settle()
    after = reopened(desk)
    assert after.ledger.answers(7) == {2: 10, 3: 11, 9: "x", 0: None}
    assert after.ledger.answers(9) is None
    after.close()


def test_answers_are_recorded_only_beside_a_change_of_the_same_commit(desk: Desk) -> None:
    """A task that changed nothing may be done again, and says what is true then."""
    desk.ledger.answered(1, {"o": 0, "v": [10]})
    desk.ledger.answered_as(CLIENT, [(1 << 10, 10)])
    assert desk.is_idle
    desk.ledger.changed(COUNTER, {1: 5})
    desk.ledger.answered(3, {"o": 0, "v": [10]})
    desk.ledger.answered(5, {"o": 0, "v": [10]})
    desk.settle()
    after = reopened(desk)
    assert [after.ledger.answers(number) for number in (1, 3, 5)] == [None, {0: 10}, {0: 10}]
    assert after.ledger.known_as(CLIENT, [1 << 10]) == {}
    after.close()


def test_sections_of_another_engine_are_others(desk: Desk) -> None:
    desk.ledger.changed(COUNTER, {1: 5})
    desk.ledger.answered(1, {"o": 0, "v": [10]})
    desk.settle()
    after = reopened(desk, session=b"engine2")
    assert after.ledger.answers(1) is None
    again = reopened(after, session=ENGINE)
    assert again.ledger.answers(1) == {0: 10}
    again.close()


def test_what_the_engine_has_received_is_forgotten_each_link_by_itself(desk: Desk) -> None:
    """Tasks from outside have odd numbers, those of agents even ones; each link counts what it has received."""
    for number in (1, 2, 3, 4, 5, 6):
        desk.ledger.changed(COUNTER, {1: number})
        desk.ledger.answered(number, {"o": 0, "v": [number]})
    desk.ledger.received(5)
    desk.ledger.changed(COUNTER, {1: 9})
    desk.settle()
    after = reopened(desk)
    assert [after.ledger.answers(number) for number in range(1, 7)] == [None, {0: 2}, None, {0: 4}, {0: 5}, {0: 6}]
    after.ledger.received(6)
    after.ledger.changed(COUNTER, {1: 10})
    after.settle()
    last = reopened(after)
    assert [last.ledger.answers(number) for number in range(1, 7)] == [None, None, None, None, {0: 5}, {0: 6}]
    last.close()


def numbers(*places: tuple[int, int]) -> list[int]:
    return [section << 10 | place for section, place in places]


def test_a_clients_own_numbers_are_known_at_once_and_to_the_next_process(desk: Desk) -> None:
    first, second, third, other = numbers((3, 0), (3, 7), (9, 1), (4, 0))
    desk.ledger.changed(COUNTER, {1: 5})
    desk.ledger.answered_as(CLIENT, [(first, "a"), (third, None), (second, [1])])
    asked = [other, second, third, first]
    assert desk.ledger.known_as(CLIENT, asked) == {1: [1], 2: None, 3: "a"}
    assert desk.ledger.known_as(b"\x08client8", asked) == {}
    desk.settle()
    after = reopened(desk, session=b"engine2")
    assert after.ledger.known_as(CLIENT, asked) == {1: [1], 2: None, 3: "a"}
    after.close()


def test_what_a_client_has_received_is_forgotten_here_and_in_the_next_process(desk: Desk) -> None:
    low, high = numbers((3, 0), (4, 0))
    desk.ledger.changed(COUNTER, {1: 5})
    desk.ledger.answered_as(CLIENT, [(low, 1), (high, 2)])
    desk.ledger.received_by(CLIENT, 4)
    desk.ledger.received_by(CLIENT, 2)
    assert desk.ledger.known_as(CLIENT, [low, high]) == {1: 2}
    desk.ledger.changed(COUNTER, {1: 6})
    desk.settle()
    after = reopened(desk)
    assert after.ledger.known_as(CLIENT, [low, high]) == {1: 2}
    after.close()


# -- messages that are on their way ------------------------------------------------------------------------------------


def open_messages(desk: Desk) -> list[list[Any]]:
    return list(desk.store.window.told.values())


def test_messages_that_were_told_and_did_not_arrive_are_open_in_the_next_process(desk: Desk) -> None:
    rows = [[number, "counter/1", "counter/2", "add", number, None, 0] for number in (1, 2, 3)]
    desk.ledger.told(3, rows)
    say(desk, 1)
    assert said(desk) == []
    desk.settle()
    assert said(desk) == [1]
    desk.ledger.arrived([2])
    desk.settle()
    after = reopened(desk)
    assert open_messages(after) == [rows[0], rows[2]]
    after.ledger.arrived([1, 3])
    after.settle()
    last = reopened(after)
    assert (open_messages(last), last.store.window.last_told) == ([], 3)
    last.close()


def test_a_message_is_in_the_record_of_the_task_that_sent_it(desk: Desk) -> None:
    desk.ledger.changed(COUNTER, {1: 5})
    desk.ledger.told(1, [[1, "counter/1", "counter/2", "add", 7, None, 0]])
    desk.ledger.answered(1, {"o": 0, "v": [5]})
    desk.settle()
    assert desk.gated.commits == 1
    after = reopened(desk)
    assert (after.ledger.answers(1), len(open_messages(after))) == ({0: 5}, 1)
    after.close()


# -- disks that are full, broken, or folded meanwhile ------------------------------------------------------------------


def test_a_full_disk_is_told_and_nothing_leaves_any_more(desk: Desk) -> None:
    desk.disk.faults.append(Fault(error=errno.ENOSPC, kinds=("write",), path=".log", is_lasting=True))
    desk.ledger.changed(COUNTER, {1: 5})
    say(desk, 1)
    desk.land()
    assert [type(error) for error in desk.broken] == [DiskFull]
    assert said(desk) == []
    desk.kill()
    desk.disk.faults = []
    assert stored(desk.disk) == {}


def refusing(disk: SimDisk, refused: PoolError | None = None) -> tuple[Desk, list[PoolError | None]]:
    """The process after one that met a full disk, and what it says becomes of that."""
    told: list[PoolError | None] = []
    store = open_at(disk, shards=1, is_dry=True)
    return Desk(disk, store=store, refused=refused or refusal_of(FULL, "as told"), told=told.append), told


def test_a_worker_without_room_takes_no_change_and_answers_everything_else() -> None:
    first = Desk()
    first.kill()
    desk, _ = refusing(first.disk)
    page = PAGE.make(1)
    before = page._committed
    page._committed = PAGE.commit(page)
    desk.ledger.kept(PAGE, page, before)
    assert page._committed is before, "its next record has all of it, as nothing was recorded"
    page.title = "new"
    page._committed = PAGE.commit(page)
    for change in (
        lambda: desk.ledger.changed(COUNTER, {1: 5}),
        lambda: desk.ledger.kept(PAGE, page, before),
        lambda: desk.ledger.told(1, [[1, "counter/1", "counter/2", "add", 1, None, 0]]),
        lambda: desk.ledger.sheet().__setitem__(1, 5),
        desk.ledger.check,
    ):
        with pytest.raises(StoreFull) as caught:
            change()
        assert caught.value.retry_after_s
    desk.ledger.arrived([7])  # it is recorded when there is room, and nothing waits for that
    say(desk, 1)
    assert said(desk) == [1]
    desk.kill()
    assert stored(desk.disk) == {}


@pytest.mark.parametrize("state", [FULL, STOPPED])
async def test_where_the_log_ends_is_told_also_while_nothing_can_be_written(state: int) -> None:
    first = Desk()
    first.ledger.changed(COUNTER, {1: 5})
    first.settle()
    end = first.store.end
    first.kill()
    desk, _ = refusing(first.disk, refusal_of(state, "as told"))
    held = [desk.ledger.hold(), desk.ledger.hold()]
    for _ in held:
        desk.tell()
    assert [await one for one in held] == [list(end)] * 2
    desk.ledger.go_on()
    desk.kill()


def test_with_room_again_the_same_process_takes_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.ledger.FULL_PAUSE_S", 0.001)
    asked: list[str] = []

    def has_room(folder: str) -> bool:
        asked.append(folder)
        if len(asked) == 3:
            first.disk.faults.append(Fault(error=errno.ENOSPC, kinds=("create",)))  # another was faster
        return len(asked) > 2

    monkeypatch.setattr("pools.ledger.has_room", has_room)
    first = Desk()
    first.ledger.told(7, [[7, "counter/1", "counter/2", "add", 1, None, 0]])
    first.settle()
    first.kill()
    desk, told = refusing(first.disk)
    desk.ledger.arrived([7])
    desk.tell()
    assert (told, desk.ledger.refused, len(asked)) == ([None], None, 4)
    desk.ledger.changed(COUNTER, {1: 5})
    desk.settle()
    desk.kill()
    assert stored(desk.disk) == {("counter", 1): {"total": 5}}
    assert open_at(desk.disk, shards=1).window.told == {}


def test_a_disk_that_fails_while_it_is_full_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.ledger.FULL_PAUSE_S", 0.001)
    first = Desk()
    monkeypatch.setattr("pools.ledger.has_room", lambda _folder: bool(first.disk.faults))
    first.kill()
    desk, told = refusing(first.disk)
    first.disk.faults = [Fault(error=errno.EIO, kinds=("sync",))]
    desk.tell()
    assert [type(one) for one in told] == [StoreStopped]
    with pytest.raises(StoreStopped):
        desk.ledger.check()
    desk.close()


@pytest.mark.parametrize(
    "fault", [Fault(error=errno.EIO, kinds=("sync",), path=".log"), Fault(error=errno.EIO, kinds=("write",), path=".log")]
)
def test_a_broken_disk_is_told_and_nothing_leaves_any_more(desk: Desk, fault: Fault) -> None:
    desk.disk.faults.append(fault)
    desk.ledger.changed(COUNTER, {1: 5})
    say(desk, 1)
    desk.land()
    assert len(desk.broken) == 1
    assert said(desk) == []


def test_the_last_commit_is_confirmed_when_nothing_follows_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.ledger.CONFIRM_S", 0.001)
    desk.ledger.changed(COUNTER, {1: 5})
    desk.settle()
    deadline_s = time.monotonic() + 10
    while not desk.store.log.is_confirmed:
        assert time.monotonic() < deadline_s


def real(folder: Path) -> Desk:
    return Desk(store=open_store(str(folder), shards=1, chance=os.urandom))


def test_after_a_compaction_states_are_found_in_the_new_snapshots(tmp_path: Path) -> None:
    desk = real(tmp_path / "w0")
    desk.ledger.changed(COUNTER, {1: 5, 2: 6})
    desk.settle()
    before = desk.store.manifest.generation
    desk.store.log.roll()
    desk.store.compact()
    assert desk.ledger.renew() == before + 1
    desk.close()


def test_a_compaction_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    desk = real(tmp_path / "w0")
    for manifest in (tmp_path / "w0").glob("MANIFEST*"):
        manifest.write_bytes(b"nothing of the kind")
    with pytest.raises(StateUnreadable, match="MANIFEST"):
        desk.ledger.renew()
    desk.close()


# -- the store of a worker ---------------------------------------------------------------------------------------------


async def opened(folder: Path, shards: int = 1) -> tuple[Ledger, dict[str, Any]]:
    kept = {"folder": str(folder), "session": ENGINE.hex(), "is_synced": True}
    channel = Channel(lambda _channel, _message: None, lambda _channel, _error: None, lambda: 0.0)
    cells = memoryview(bytearray(CELLS * 8)).cast("Q")
    return open_ledger(kept, shards, channel, asyncio.get_running_loop(), cells)


async def test_a_worker_is_told_what_stood_in_its_store(tmp_path: Path) -> None:
    ledger, found = await opened(tmp_path / "p" / "0")
    assert (found["records"], found["torn"], found["is_fallback"]) == (0, None, False)
    ledger.changed(COUNTER, {1: 5, 2: 6, 3: 7})
    ledger.flush()
    ledger.close()
    ledger, found = await opened(tmp_path / "p" / "0")
    assert (found["records"], found["torn"], found["is_fallback"]) == (3, None, False)
    assert found["stored_bytes"] > 0
    assert found["seconds"] >= 0
    ledger.close()


async def test_a_torn_tail_is_told_with_its_place(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "a"), shards=1, chance=os.urandom)
    store.commit([set_part(1, 5)], 1)
    whole_bytes = store.log.segment_bytes
    store.commit([set_part(2, 6)], 1)
    shutil.copytree(tmp_path / "a", tmp_path / "b")  # as a process that is killed now leaves it
    store.close()
    (log,) = (tmp_path / "b").glob("*.log")
    os.truncate(log, whole_bytes + 10)
    ledger, found = await opened(tmp_path / "b")
    assert found["torn"][0].endswith(log.name)
    assert found["torn"][1:] == [whole_bytes, 10]
    assert found["records"] == 1
    ledger.close()


async def test_a_store_waits_for_the_process_before_to_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_store(str(tmp_path), shards=1, chance=os.urandom)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            before.close()

    monkeypatch.setattr("pools.opening.time.sleep", pause)
    ledger, _ = await opened(tmp_path)
    assert len(pauses) == 3
    ledger.close()


async def test_a_store_that_another_process_keeps_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pools.opening.LET_GO_S", 0.0)
    other = open_store(str(tmp_path), shards=1, chance=os.urandom)
    with pytest.raises(StateUnreadable, match=rf"pid {os.getpid()}"):
        await opened(tmp_path)
    other.close()


async def test_another_number_of_shards_than_was_kept_is_an_error(tmp_path: Path) -> None:
    ledger, _ = await opened(tmp_path)
    ledger.close()
    with pytest.raises(StateUnreadable, match="has 1 shards, not 2"):
        await opened(tmp_path, shards=2)


async def test_a_damaged_store_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    ledger, _ = await opened(tmp_path)
    ledger.changed(COUNTER, {1: 5})
    ledger.flush()
    ledger.close()
    for manifest in tmp_path.glob("MANIFEST*"):
        manifest.write_bytes(b"nothing of the kind")
    with pytest.raises(StateUnreadable, match="MANIFEST"):
        await opened(tmp_path)
