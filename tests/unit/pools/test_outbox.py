"""A message is in its task's record, leaves after it, and is open until it has arrived; a full receiver holds it back."""

from __future__ import annotations

from typing import Any

import pytest

from pools.address import Key, parse
from pools.errors import Failure, StoreFull
from pools.message import STATUS
from pools.outbox import AGAIN_S, SPAWN_AGAIN_S, Outbox
from pools.spec import OUTBOX_MESSAGES
from tests.support.clocks import Clock
from tests.support.disks import SimDisk
from tests.support.kept import Desk

FULL = Failure("MailboxFull", "full", 0.1)
NOW_S = 1_800_000_000


class Way:
    """Keeps what it is offered: token, key, method and argument of each task."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.marks: list[int] = []

    def offer(self, lanes: Any) -> None:
        """Take everything."""
        for lane in lanes:
            self.marks.append(lane.mark)
            self.rows += zip(*lane.cut(len(lane)), strict=True)

    def take(self) -> list[tuple[Any, ...]]:
        """What was offered since."""
        taken, self.rows = self.rows, []
        return taken


class Setup:
    """The outbox of a worker where agents `here/…` are, the others elsewhere; loop and clock by hand."""

    def __init__(self, disk: SimDisk, clock: Clock | None = None) -> None:
        self.clock = clock or Clock(NOW_S * 10**9)
        self.desk = Desk(disk)
        self.near, self.far = Way(), Way()
        self.count = 0
        self.outbox = Outbox(
            self.desk.ledger,
            resolve=self._resolve,  # type: ignore[arg-type]
            up=self.far,  # type: ignore[arg-type]
            wire=self.desk.ledger,
            loop=self,  # type: ignore[arg-type]
            sent=self._sent,
            wall_s=self.clock.s,
        )

    def _sent(self) -> None:
        self.count += 1

    def _resolve(self, address: str) -> tuple[Any, str, Key]:
        kind, key = parse(address)
        return (self.near if kind == "here" else self.far), kind, key

    def call_soon(self, function: Any) -> None:
        """As a loop's."""
        self.desk.turns(function)

    def call_later(self, after_s: float, function: Any, *arguments: Any) -> None:
        """As a loop's."""
        self.clock.later(after_s, lambda: function(*arguments))

    def settle(self, seconds: float = 0.0) -> list[tuple[Any, ...]]:
        """Let time pass and everything be committed; what went elsewhere meanwhile."""
        self.clock.pass_s(seconds)
        self.desk.settle()
        return self.far.take()

    def spawns(self) -> list[dict[str, Any]]:
        """The spawns that left."""
        return [message.data for message in self.desk.sent if message.letter == STATUS and message.data["verb"] == "spawn"]

    def answer(self, rows: list[tuple[Any, ...]], *failures: tuple[int, Failure]) -> None:
        """Answer what was offered."""
        self.outbox.answered([row[0] for row in rows], [None] * len(rows), failures)


def tell(*numbers: int, address: str = "far/1") -> list[tuple[Any, ...]]:
    return [("tell", address, "add", number) for number in numbers]


def test_a_message_is_open_until_it_was_done_over_a_death_too() -> None:
    disk = SimDisk()
    setup = Setup(disk)
    setup.outbox.send("s/1", tell(5, 6))
    first = setup.settle()
    assert [row[1:] for row in first] == [(1, "add", 5), (1, "add", 6)]
    setup.answer(first[:1])
    setup.settle()
    setup.desk.kill()
    setup = Setup(disk)
    again = setup.settle(1)
    assert again == first[1:]
    setup.answer(again)
    setup.settle()
    setup.desk.kill()
    setup = Setup(disk)
    assert setup.settle(1) == []
    setup.desk.close()


@pytest.mark.parametrize("name", ["WorkerDied", "LinkClosed", "PoolFull", "PoolUnavailable"])
def test_what_may_have_been_taken_is_sent_again_under_its_number(name: str) -> None:
    setup = Setup(SimDisk())
    setup.outbox.send("s/1", tell(5))
    first = setup.settle()
    setup.answer(first, (0, Failure(name, "gone", 0.2)))
    assert setup.settle() == []
    assert setup.settle(AGAIN_S) == first
    setup.desk.close()


def test_what_failed_for_good_is_struck_off() -> None:
    setup = Setup(SimDisk())
    setup.outbox.send("s/1", tell(5))
    setup.answer(setup.settle(), (0, Failure("ValueError", "as told")))
    assert (setup.settle(60), setup.desk.store.window.told) == ([], {})
    setup.desk.close()


def test_a_full_receiver_is_sent_them_later_in_order_under_new_numbers_and_others_are_not_held_back() -> None:
    disk = SimDisk()
    setup = Setup(disk)
    setup.outbox.send("s/1", tell(1, 2, 3))
    first = setup.settle()
    setup.answer(first, (0, FULL), (1, FULL), (2, FULL))
    setup.outbox.send("s/2", [*tell(4), *tell(9, address="far/2")])
    other = setup.settle()
    assert [row[3] for row in other] == [9]
    setup.answer(other)
    seen = []
    for failures in ([(0, FULL)], [], [], []):
        tried = setup.settle(10)
        assert min([first[-1][0][0] + 1, *(row[0][0] for row in tried)]) > first[-1][0][0]
        setup.answer(tried, *failures)
        seen += [row[3] for row in tried]
    assert seen == [1, 1, 2, 3, 4]
    assert setup.settle(10) == []
    assert setup.desk.store.window.told == {}
    setup.desk.close()


def test_what_is_held_is_there_after_a_death_in_the_order_of_sending() -> None:
    disk = SimDisk()
    setup = Setup(disk)
    setup.outbox.send("s/1", tell(*range(20)))
    first = setup.settle()
    setup.answer(first, *((at, FULL) for at in range(20)))
    (tried,) = setup.settle(10)
    setup.answer([tried], (0, FULL))
    setup.settle(10)
    setup.desk.kill()
    setup = Setup(disk)
    again = setup.settle(1)
    assert sorted(row[3] for row in again) == list(range(20))
    setup.answer(again, *((at, FULL) for at in range(20)))
    seen = []
    while tried_now := setup.settle(10):
        setup.answer(tried_now)
        seen += [row[3] for row in tried_now]
    assert seen == list(range(20))
    setup.desk.close()


def test_the_mark_follows_what_is_held_since_that_has_new_numbers() -> None:
    setup = Setup(SimDisk())
    setup.outbox.send("s/1", tell(1, 2))
    setup.answer(setup.settle(), (0, FULL))
    setup.settle(3_600)
    assert setup.far.marks[-1] > setup.far.marks[0]
    setup.desk.close()


def test_an_agent_has_room_for_so_many_and_its_neighbours_too() -> None:
    disk = SimDisk()
    setup = Setup(disk)
    setup.outbox.send("s/1", tell(*range(90)))
    setup.outbox.send("s/1", [("timer", 99.0, "wake", None), ("spawn", "far", "x")])
    assert (setup.outbox.room("s/1"), setup.outbox.room("s/2")) == (OUTBOX_MESSAGES - 92, OUTBOX_MESSAGES)
    setup.answer(setup.settle()[:40])
    assert setup.outbox.room("s/1") == OUTBOX_MESSAGES - 52
    setup.settle()
    setup.desk.kill()
    setup = Setup(disk)
    assert setup.outbox.room("s/1") == OUTBOX_MESSAGES - 52
    setup.desk.close()


def test_large_messages_of_all_agents_have_so_many_bytes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.outbox.OUTBOX_TOTAL_BYTES", 10_000)
    disk = SimDisk()
    setup = Setup(disk)
    setup.outbox.send("s/1", tell(*range(1_000)))  # small ones are bounded by their number
    setup.outbox.send("s/1", [("tell", f"far/{n}", "add", "x" * 998) for n in range(9)])
    assert setup.outbox.room("s/2") == OUTBOX_MESSAGES
    setup.outbox.send("s/2", [("tell", "far/9", "add", "x" * 998)])
    assert (setup.outbox.room("s/1"), setup.outbox.room("s/2"), setup.outbox.room("s/3")) == (0, 0, 0)
    setup.settle()
    setup.desk.kill()
    setup = Setup(disk)  # as many are on their way in the next process
    assert setup.outbox.room("s/3") == 0
    offered = setup.settle(1.0)
    last = next(row for row in offered if row[3] == "x" * 998)
    setup.answer([last], (0, FULL))  # held, it has another number and counts once
    setup.settle(3_600)
    assert setup.outbox.room("s/3") == 0
    rest = [row for row in offered if row is not last]
    setup.answer(rest)
    assert setup.outbox.room("s/3") == OUTBOX_MESSAGES
    setup.desk.close()


def test_a_timer_keeps_its_time_and_never_runs_late_by_more_than_it_was_long() -> None:
    disk, clock = SimDisk(), Clock(NOW_S * 10**9)
    setup = Setup(disk, clock)
    setup.outbox.send("here/1", [("timer", 10.0, "wake", 7)])
    setup.settle(4)
    setup.desk.kill()
    setup = Setup(disk, clock)
    setup.settle(5)
    assert setup.near.take() == []
    setup.settle(2)
    assert [row[1:] for row in setup.near.take()] == [(1, "wake", 7)]
    setup.desk.close()


# -- agents that are made ----------------------------------------------------------------------------------------------


def test_a_spawn_is_repeated_until_it_is_confirmed_and_what_follows_it_waits() -> None:
    disk = SimDisk()
    setup = Setup(disk)
    setup.outbox.send("s/1", [*tell(1), ("spawn", "far", "x"), *tell(2)])
    setup.outbox.send("s/2", tell(3))
    assert [row[3] for row in setup.settle()] == [3]
    (spawn,) = setup.spawns()
    assert (spawn["kind"], spawn["key"]) == ("far", "x")
    setup.settle(SPAWN_AGAIN_S)
    assert setup.spawns() == [spawn, spawn]
    setup.desk.kill()
    setup = Setup(disk)
    assert [row[3] for row in setup.settle(1)] == [1, 3]
    assert setup.spawns() == [spawn]
    setup.outbox.spawned({"number": spawn["number"]})
    setup.outbox.spawned({"number": spawn["number"]})
    assert [row[3] for row in setup.settle()] == [2]
    setup.settle(10 * SPAWN_AGAIN_S)
    assert setup.spawns() == [spawn]
    setup.desk.close()


def test_one_that_was_sent_elsewhere_and_lives_here_now_is_known_by_its_number() -> None:
    disk = SimDisk()
    setup = Setup(disk)
    setup.outbox.send("s/1", tell(5, address="here/1"))
    setup.settle()
    ((token, *_),) = setup.near.take()
    session = setup.desk.store.manifest.store[:8]
    setup.desk.ledger.arrived([0])  # what it has changed
    setup.desk.ledger.answered_as(session, [(token[0], None)])
    setup.settle()
    setup.desk.kill()
    setup = Setup(disk)
    setup.settle(1)
    assert (setup.near.take(), setup.desk.store.window.told) == ([], {})
    setup.desk.close()


def test_a_timer_that_was_stopped_is_sent_no_more_wherever_it_waits() -> None:
    setup = Setup(SimDisk())
    setup.outbox.send("here/1", [("timer", 1.0, "add", 1), ("timer", 9.0, "add", 2), ("tell", "far/1", "add", 3)])
    setup.settle(1)
    (rung,) = setup.near.take()
    setup.answer([rung], (0, FULL))  # it is held
    setup.outbox.stop_timers(lambda address: address == "here/1")
    setup.settle(30)
    assert setup.near.take() == []
    assert [row[4] for row in setup.desk.store.window.told.values()] == [3]
    assert setup.outbox.room("here/1") == OUTBOX_MESSAGES - 1
    setup.outbox.send("s/1", tell(7, address="here/1"))
    setup.settle()
    assert [row[3] for row in setup.near.take()] == [7]  # nothing is in its way
    setup.desk.close()


def test_without_room_on_the_disk_what_a_full_receiver_did_not_take_waits_until_another_number_can_be_recorded() -> None:
    setup = Setup(SimDisk())
    setup.outbox.send("s/1", tell(5))
    first = setup.settle()
    setup.answer(first, (0, FULL))
    setup.desk.ledger.refused = StoreFull("as told")
    assert setup.settle(5) == []
    setup.desk.ledger.refused = None
    again = setup.settle(5)
    assert [row[1:] for row in again] == [(1, "add", 5)]
    assert again[0][0][0] > first[0][0][0]
    setup.desk.close()


def test_a_message_to_a_store_without_room_is_sent_again_and_to_one_that_stopped_by_the_next_engine() -> None:
    disk = SimDisk()
    setup = Setup(disk)
    setup.outbox.send("s/1", tell(5))
    first = setup.settle()
    setup.answer(first, (0, Failure("StoreFull", "no room", 1.0)))
    assert setup.settle(0.9) == []
    assert setup.settle(0.2) == first
    setup.answer(first, (0, Failure("StoreStopped", "no disk")))
    assert setup.settle(9_999) == []
    setup.desk.kill()
    assert Setup(disk).settle(1) == first


def test_a_timer_that_is_due_before_its_agent_is_known_here_waits_and_never_leaves_the_worker() -> None:
    setup = Setup(SimDisk())
    setup.outbox.send("here/1", [("timer", 1.0, "wake", 7)])
    setup.settle()
    way, setup.near = setup.near, setup.far  # the process has not been told of its agents yet
    assert setup.settle(1.5) == []
    setup.near = way
    assert setup.settle(0.2) == []
    assert [row[1:] for row in setup.near.take()] == [(1, "wake", 7)]
