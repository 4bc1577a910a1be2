"""An envelope handed to an engine: accepted once, each task told of by itself, whatever the engine says."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cluster.intake import Intake, Local
from engine.cluster.records import Outcome, TaskEnvelope, encode
from engine.cluster.supplies import InputMissing, Unsupplied
from engine.errors import IntakeFull, SubmitStopped, TaskOpen
from engine.submission import Submission
from pools.errors import LinkClosed, UnknownKind


class FakeClient:
    """An engine that knows the kind `counter`; `says` are raised by the next submissions, first to last."""

    def __init__(self, *says: Exception | None) -> None:
        self.says = list(says)
        self.accepted: Counter[Any] = Counter()
        self.asked: Counter[str] = Counter()

    async def submit(self, tasks: list[Submission]) -> list[str]:
        said = self.says.pop(0) if self.says else None
        if said is not None:
            raise said
        if any(task.address.partition("/")[0] != "counter" for task in tasks):
            raise UnknownKind("no such kind")
        self.accepted.update(task.name for task in tasks)
        return [f"id-{task.name}" for task in tasks]

    async def result(self, id: str, wait_s: float) -> Any:
        self.asked[id] += 1
        if self.asked[id] == 1:
            raise TaskOpen("not yet")
        return id.rpartition(".")[2]


def envelope(*addresses: str) -> TaskEnvelope:
    return TaskEnvelope("s", "7", tuple([address, "get", None, None, None] for address in addresses))


def local(client: FakeClient) -> Local:
    fake: Any = client
    return Local(fake)


async def test_each_task_is_accepted_under_its_own_name_and_answered_in_its_place() -> None:
    client = FakeClient()
    ended: list[int] = []
    outcomes = await local(client).do(envelope("counter", "counter/1"), lambda row, _outcome: ended.append(row))
    assert [outcome.value for outcome in outcomes] == ["0", "1"]
    assert client.accepted == {"s.7.0": 1, "s.7.1": 1}
    assert sorted(ended) == [0, 1]


async def test_tasks_that_the_engine_does_not_take_do_not_spoil_the_others() -> None:
    client = FakeClient()
    outcomes = await local(client).do(envelope("counter", "nobody", "counter/1", "BAD KIND", "other/1", "counter"))
    told = [outcome.value if outcome.error is None else outcome.error.type for outcome in outcomes]
    assert told == ["0", "UnknownKind", "2", "BadAddress", "UnknownKind", "5"]


async def test_an_engine_without_room_gives_the_envelope_back_whole() -> None:
    client = FakeClient(IntakeFull("full"))
    with pytest.raises(IntakeFull):
        await local(client).do(envelope("counter"))
    assert not client.accepted


async def test_an_envelope_that_is_accepted_in_part_is_not_given_back() -> None:
    client = FakeClient(SubmitStopped("some", ids=["x"], retry_after_s=0.1), IntakeFull("full"))
    [outcome] = await local(client).do(envelope("counter"))
    assert outcome.value == "0"


async def test_an_engine_that_is_gone_answers_nothing() -> None:
    with pytest.raises(LinkClosed):
        await local(FakeClient(LinkClosed("gone"))).do(envelope("counter"))


async def test_what_has_an_outcome_already_is_not_done_again_nor_told_of() -> None:
    client = FakeClient()
    told: list[tuple[int, object]] = []
    known = {1: Outcome("before")}
    outcomes = await local(client).do(envelope("counter", "counter/1", "counter"), lambda *each: told.append(each), known)
    assert [outcome.value for outcome in outcomes] == ["0", "before", "2"]
    assert client.accepted == {"s.7.0": 1, "s.7.2": 1}
    assert sorted(told) == [(0, Outcome("0")), (2, Outcome("2"))]


class LateQueue:
    """A queue whose first message comes at once; the others come to waits in the moment in which those are cancelled."""

    def __init__(self) -> None:
        self._is_first = True

    async def fetch(self, _batch: int, _wait_s: float) -> list[Any]:
        message = SimpleNamespace(data=encode(envelope("counter")), headers=None, metadata=SimpleNamespace(num_delivered=1))
        if self._is_first:
            self._is_first = False
            return [message]
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return [message]

    async def unsubscribe(self) -> None:
        """Nothing is asked any more."""


async def test_an_engine_that_goes_while_messages_come_is_told_of_as_that_and_nothing_else() -> None:
    queue = LateQueue()

    async def leased(*_: Any) -> float:
        return 30.0

    async def bound(*_: Any, **__: Any) -> LateQueue:
        return queue

    subjects = SimpleNamespace(tasks="c-tasks", build=lambda *parts: ".".join(parts))
    context, recording = SimpleNamespace(pull_subscribe_bind=bound), SimpleNamespace(outcomes={})
    streams: Any = SimpleNamespace(queue=leased, context=context, subjects=subjects, recording=lambda *_: recording)
    nats: Any = None
    intake = Intake(nats, streams, local(FakeClient(LinkClosed("gone"))), "n1", "x", 100, 30.0, lambda _line: None)
    with pytest.raises(BaseExceptionGroup) as raised:
        await asyncio.wait_for(intake.take("node-n1", "c.task.assign.n1"), 30)
    assert [type(each) for each in raised.value.exceptions] == [LinkClosed]


class Ashore:
    """One envelope that is answered. says: what is said to having what its tasks build on here."""

    def __init__(self, *says: Exception, delivered: int = 1, **headers: str) -> None:
        self.had: list[str] = []
        self.said: list[str] = []
        self.recorded: list[Any] = []
        self.client = FakeClient()
        self._says = list(says)
        self._message: Any = SimpleNamespace(
            data=encode(envelope("counter", "counter")),
            headers={name.replace("_", "-"): value for name, value in headers.items()} or None,
            subject="c.task.queue.any.counter",
            metadata=SimpleNamespace(num_delivered=delivered),
            nak=lambda delay: self._say(f"again in {delay:g}"),
            ack_sync=lambda _lease_s: self._say("done"),
        )

    async def _say(self, what: str) -> None:
        self.said.append(what)

    async def have(self, reference: str) -> None:
        assert not self.client.accepted, "its tasks have begun"
        self.had.append(reference)
        if self._says:
            raise self._says.pop(0)

    async def answered(self, known: dict[int, Outcome] | None = None) -> list[str]:
        """What becomes of it. known: what is recorded of it."""

        async def read() -> None:
            return None

        async def add(result: Any) -> int:
            self.recorded += result.outcomes
            return 0

        subjects = SimpleNamespace(build=lambda *parts: ".".join(parts))
        recording = SimpleNamespace(outcomes=known or {}, nodes={}, read=read, add=add)
        streams: Any = SimpleNamespace(subjects=subjects, recording=lambda *_: recording)
        nats: Any = None
        intake = Intake(nats, streams, local(self.client), "n1", "x", 100, 30.0, lambda _line: None)
        supplies: Any = self
        intake.supplies = supplies
        await intake.answer(self._message)
        assert intake.running == 0
        return self.said


async def test_what_tasks_build_on_is_there_before_they_begin() -> None:
    ashore = Ashore(Engine_Input="list")
    assert await ashore.answered() == ["done"]
    assert (ashore.had, len(ashore.client.accepted)) == (["list"], 2)
    ashore = Ashore(delivered=2)
    assert (await ashore.answered(), ashore.had) == (["done"], [])


async def test_tasks_whose_input_is_gone_fail_by_its_name_and_those_that_were_done_stay_so() -> None:
    ashore = Ashore(InputMissing("a, on which this task builds, is not to be had"), delivered=2, Engine_Input="list")
    assert await ashore.answered({0: Outcome("before")}) == ["done"]
    [outcome] = ashore.recorded
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.message) == ("InputMissing", "a, on which this task builds, is not to be had")
    assert not ashore.client.accepted
    done = Ashore(delivered=2, Engine_Input="list")
    assert (await done.answered({0: Outcome("a"), 1: Outcome("b")}), done.had) == (["done"], [])


async def test_a_node_that_cannot_take_the_input_gives_the_envelope_back() -> None:
    ashore = Ashore(Unsupplied("disk full"), Engine_Input="list")
    assert await ashore.answered() == ["again in 1"]
    assert not ashore.recorded
    assert not ashore.client.accepted


async def test_an_envelope_that_comes_again_while_it_is_done_waits_for_that() -> None:
    begun, go, said = asyncio.Event(), asyncio.Event(), []

    async def read() -> None:
        return None

    async def ended(what: str) -> None:
        said.append(what)

    def message(delivered: int) -> Any:
        return SimpleNamespace(
            data=encode(envelope("counter/1")),
            headers=None,
            subject="c.task.assign.n1",
            metadata=SimpleNamespace(num_delivered=delivered),
            nak=lambda delay: ended(f"{delivered} again"),
            ack_sync=lambda _lease_s: ended(f"{delivered} done"),
        )

    class Slow(FakeClient):
        async def submit(self, tasks: list[Submission]) -> list[str]:
            begun.set()
            await go.wait()
            return await super().submit(tasks)

    async def add(_result: Any) -> int:
        return 0

    client = Slow()
    subjects = SimpleNamespace(build=lambda *parts: ".".join(parts))
    streams: Any = SimpleNamespace(
        subjects=subjects, recording=lambda *_: SimpleNamespace(outcomes={}, nodes={}, read=read, add=add)
    )
    nats: Any = None
    intake = Intake(nats, streams, local(client), "n1", "x", 100, 30.0, lambda _line: None)
    first = asyncio.ensure_future(intake.answer(message(1)))
    await begun.wait()
    await intake.answer(message(2))
    assert said == ["2 again"]
    go.set()
    await asyncio.wait_for(first, 30)
    assert said == ["2 again", "1 done"]
    await intake.answer(message(3))
    assert said == ["2 again", "1 done", "3 done"]


async def test_what_comes_for_a_kind_when_all_room_is_taken_goes_back_at_once() -> None:
    said: list[str] = []

    class FullQueue:
        """A queue whose message was asked for while there was room."""

        async def fetch(self, _batch: int, _wait_s: float) -> list[Any]:
            intake.running = 5

            async def nak() -> None:
                said.append("back")
                intake.is_draining = True

            return [SimpleNamespace(nak=nak)]

        async def unsubscribe(self) -> None:
            """Nothing is asked any more."""

    async def leased(*_: Any) -> float:
        return 30.0

    async def bound(*_: Any, **__: Any) -> FullQueue:
        return FullQueue()

    streams: Any = SimpleNamespace(
        queue=leased, context=SimpleNamespace(pull_subscribe_bind=bound), subjects=SimpleNamespace(tasks="c-tasks")
    )
    nats: Any = None
    intake = Intake(nats, streams, local(FakeClient()), "n1", "x", 5, 30.0, lambda _line: None)
    intake.kinds = frozenset({"counter"})
    await asyncio.wait_for(intake.take("queue-any-counter", "c.task.queue.any.counter", "counter"), 30)
    assert said == ["back"]


async def test_a_deadline_that_was_over_when_a_task_came_ends_it_as_expired() -> None:
    rows: Any = (
        [*envelope("counter").rows[0][:5], {"deadline_at": 1.0}],
        [*envelope("counter").rows[0][:5], {"deadline_at": "x"}],
    )
    outcomes = await local(FakeClient()).do(TaskEnvelope("s", "7", rows))
    assert [outcome.error and outcome.error.type for outcome in outcomes] == ["TaskExpired", "BadArgument"]
