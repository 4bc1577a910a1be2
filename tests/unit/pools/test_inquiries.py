"""A question leaves with its number on the disk and is asked again under the same; its answer is recorded when it comes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pools.address import Key, parse
from pools.errors import Deadlock, PoolUnavailable, StoreFull, TaskFailed, UnknownKind
from pools.inquiries import Inquiries
from pools.link import Link
from pools.message import STATUS, TASK
from pools.numbers import Numbers
from pools.steps import Question, Steps
from tests.support.disks import SimDisk
from tests.support.kept import Desk
from tests.support.stores import open_at

TASK_NAME = "0011-2048"


class Near:
    """The way to agents of the same worker: keeps what it is offered."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.names: list[str] = []
        self.taken: list[Any] = []

    def offer(self, lanes: Any) -> None:
        """Take everything."""
        for lane in lanes:
            tokens, _, methods, arguments = lane.cut(len(lane))
            self.rows += zip(tokens, methods, arguments, strict=True)
            self.names += [lane.name_of(token) for token in tokens]

    def cancel_where(self, _sink: Any, is_meant: Any) -> None:
        """Note whose are taken back."""
        self.taken = [token.future for token, *_ in self.rows if is_meant(token)]


class Setup:
    """The questions of a task of a worker where agents `here/…` are, the others elsewhere."""

    def __init__(self, disk: SimDisk, *, is_full: bool = False) -> None:
        if is_full:
            self.desk = Desk(disk, store=open_at(disk, shards=1, is_dry=True), refused=StoreFull("as told"))
        else:
            self.desk = Desk(disk)
        self.up = Link(window=100, clock=lambda: 0.0, later=lambda _s, _f: None)
        self.up.attach(self.desk.ledger)
        self.near = Near()
        self.numbers = Numbers(self.desk.ledger, lambda: 0.0)
        loop = asyncio.get_running_loop()
        self.inquiries = Inquiries(self.desk.ledger, self.numbers, resolve=self._resolve, up=self.up, loop=loop)
        self.steps = Steps(TASK_NAME, self.desk.ledger)

    def _resolve(self, address: str) -> tuple[Any, str, Key]:
        kind, key = parse(address)
        if kind == "nobody":
            raise UnknownKind("nobody")
        return (self.near if kind == "here" else self.up), kind, key

    def ask(self, address: str, *arguments: Any) -> asyncio.Future[Any]:
        question = self.steps.ask(address, "add")
        return self.inquiries.ask(address, arguments, question) if isinstance(question, Question) else question

    async def settle(self, commits: int = 9) -> list[dict[str, Any]]:
        """Let everything go on; the sections that have left."""
        for _ in range(5):
            await asyncio.sleep(0)
        for _ in range(commits):
            self.desk.land()
        return [section for message in self.desk.sent if message.letter == TASK for section in message.data]


async def test_a_question_to_another_worker_leaves_once_its_number_is_on_the_disk() -> None:
    setup = Setup(SimDisk())
    setup.ask("far/1", 5)
    assert await setup.settle(commits=0) == []
    (section,) = await setup.settle()
    assert (section["k"], section["i"], section["a"], section["c"]) == ("far", [1], [5], setup.numbers.session)
    assert section["q"] == list(setup.desk.ledger.recall.steps.asked)
    assert section["cw"] <= section["q"][0] >> 10
    setup.desk.close()


async def test_it_is_asked_again_under_its_number_and_what_was_answered_is_not_asked_again() -> None:
    disk = SimDisk()
    setup = Setup(disk)
    first, _second = setup.ask("far/1", 5), setup.ask("far/2", 6)
    (section,) = await setup.settle()
    setup.up.take([{"n": section["n"], "i": [0], "v": [[7]]}])
    assert await first == [7]
    await setup.settle()
    setup.desk.kill()

    setup = Setup(disk)
    again, second = setup.ask("far/1", 5), setup.ask("far/2", 6)
    assert await again == [7]
    (later,) = await setup.settle()
    assert (later["i"], later["q"]) == ([2], [section["q"][1]])
    assert later["cw"] <= later["q"][0] >> 10
    setup.up.take([{"n": later["n"], "v": [8]}])
    assert await second == 8
    fresh = setup.ask("far/3", 1)
    (*_, newest) = await setup.settle()
    assert newest["q"][0] > max(section["q"])
    fresh.cancel()
    setup.desk.close()


async def test_a_failure_is_given_and_not_kept() -> None:
    disk = SimDisk()
    setup = Setup(disk)
    answer = setup.ask("far/1", 5)
    (section,) = await setup.settle()
    setup.up.take([{"n": section["n"], "v": [None], "e": [[0, "ValueError", "as told", None]]}])
    with pytest.raises(TaskFailed, match="as told"):
        await answer
    setup.desk.kill()
    setup = Setup(disk)
    answer = setup.ask("far/1", 5)
    (later,) = await setup.settle()
    assert later["q"] == section["q"]
    setup.up.detach(PoolUnavailable("gone"), drop_waiting=True)
    with pytest.raises(PoolUnavailable):
        await answer
    setup.desk.close()


async def test_within_a_worker_the_answer_is_recorded_and_the_task_has_a_name_that_stays() -> None:
    disk = SimDisk()
    setup = Setup(disk)
    answer = setup.ask("here/1", 5)
    await setup.settle()
    ((token, method, argument),) = setup.near.rows
    assert (method, argument, setup.near.names) == ("add", 5, [f"{TASK_NAME}.0"])
    assert setup.desk.ledger.recall.steps.tasks == {}
    setup.inquiries.answered([token], [9], [])
    assert await answer == 9
    await setup.settle()
    setup.desk.kill()
    setup = Setup(disk)
    assert await setup.ask("here/1", 5) == 9
    assert setup.near.rows == []
    setup.desk.close()


async def test_nobody_who_has_stopped_waiting_is_recorded_for() -> None:
    setup = Setup(SimDisk())
    cancelled, left = setup.ask("here/1", 5), setup.ask("here/2", 5)
    await setup.settle()
    cancelled.cancel()
    await asyncio.sleep(0)
    setup.steps.is_over = True
    setup.inquiries.answered([token for token, *_ in setup.near.rows], [1, 2], [])
    assert await left == 2
    assert setup.desk.ledger.recall.steps.tasks == {}
    setup.desk.close()


async def test_an_address_that_leads_nowhere_fails_the_question_alone() -> None:
    setup = Setup(SimDisk())
    with pytest.raises(UnknownKind):
        await setup.ask("nobody/1")
    setup.desk.close()


async def test_one_that_was_asked_elsewhere_and_lives_here_now_is_known_by_its_number() -> None:
    setup = Setup(SimDisk())
    ledger, session = setup.desk.ledger, bytes.fromhex(setup.numbers.session)
    ledger.recall.stepped(TASK_NAME, 0, ["here/1", "add"], 77)
    ledger.answered_as(session, [(77, 6)])
    assert await setup.ask("here/1", 5) == 6
    assert setup.near.rows == []
    setup.desk.close()


async def test_without_room_nothing_new_is_asked_of_another_worker_and_what_was_asked_is_asked_again() -> None:
    first = Setup(SimDisk())
    first.ask("far/1", 5)
    (section,) = await first.settle()
    first.desk.kill()
    setup = Setup(first.desk.disk, is_full=True)
    asked = setup.ask("far/1", 5)
    (again,) = await setup.settle()
    assert again["q"] == section["q"]
    with pytest.raises(StoreFull):
        await setup.ask("far/2", 6)
    setup.ask("here/1", 7)
    await setup.settle()
    assert len(setup.near.rows) == 1
    assert not asked.done()
    setup.desk.kill()


async def test_questions_are_taken_back_here_and_elsewhere_and_their_numbers_are_free_again() -> None:
    setup = Setup(SimDisk())
    near, far, kept = setup.ask("here/1", 1), setup.ask("far/1", 1), setup.ask("far/2", 2)
    [*_, section] = await setup.settle()
    for future in (near, far):
        future.set_exception(Deadlock("as told"))
    setup.inquiries.take_back({near, far})
    await setup.settle()
    assert setup.near.taken == [near]
    orders = [message.data for message in setup.desk.sent if message.letter == STATUS]
    assert orders == [{"verb": "cancel", "sections": [section["n"]], "position": 0}]
    setup.up.take([{"n": section["n"], "v": [None, 7], "e": [[0, "TaskCancelled", "", None]]}])
    assert await kept == 7
    assert setup.numbers._open == {}
    for future in (near, far):
        with pytest.raises(Deadlock):
            await future
