"""Envelopes that come to a node: which are taken, and what becomes of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cluster import intake as module
from engine.cluster import local as local_module
from engine.cluster.intake import Intake
from engine.cluster.records import Outcome, encode
from engine.cluster.supplies import InputMissing, Unsupplied
from engine.errors import IntakeFull, JournalFailed
from engine.submission import Submission
from pools.errors import LinkClosed, Overloaded, UnknownKind
from tests.support.doers import FakeClient, envelope, local
from tests.support.processes import until


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
            is_acked=False,
            ack_sync=lambda _lease_s: self._say("done"),
        )

    async def _say(self, what: str) -> None:
        self.said.append(what)

    async def have(self, reference: str) -> None:
        assert not self.client.accepted, "its tasks have begun"
        self.had.append(reference)
        if self._says:
            raise self._says.pop(0)

    async def answered(self, known: dict[int, Outcome] | None = None, *, is_anyones: bool = False) -> list[str]:
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
        self.intake = intake
        intake.kinds = frozenset(("counter", "till"))
        await intake.answer(self._message, is_anyones=is_anyones)
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
            is_acked=False,
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


class Stuck(FakeClient):
    """An engine that accepts, and writes down no end before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()

    async def result(self, id: str, wait_s: float) -> Any:
        await self.may.wait()
        return "late"


class Leased:
    """An envelope with a lease; `said` is what the server heard of it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_acked = False
        self.data = encode(envelope("counter"))
        self.headers = None
        self.subject = "c.task.queue.any.counter"
        self.metadata = SimpleNamespace(num_delivered=1)

    async def in_progress(self) -> None:
        self.said.append("goes on")

    async def nak(self, delay: float | None = None) -> None:
        assert not self.is_acked
        self.is_acked = True
        self.said.append("again")

    async def ack_sync(self, _timeout_s: float) -> None:
        assert not self.is_acked
        self.is_acked = True
        self.said.append("done")


@pytest.mark.parametrize("is_anyones", [True, False])
async def test_what_the_engine_has_and_cannot_keep_is_offered_to_others_and_recorded_when_it_can(
    monkeypatch: pytest.MonkeyPatch, is_anyones: bool
) -> None:
    monkeypatch.setattr(local_module, "KEEPS_S", 0.01)
    monkeypatch.setattr(module, "FULL_S", 0.05)
    recorded: list[Any] = []

    async def add(result: Any) -> int:
        recorded.extend(result.outcomes)
        return 1

    async def published(*_: Any) -> None:
        return None

    subjects = SimpleNamespace(build=lambda *parts: ".".join(parts))
    recording = SimpleNamespace(outcomes={}, nodes={}, add=add)
    streams: Any = SimpleNamespace(subjects=subjects, recording=lambda *_: recording)
    nats: Any = SimpleNamespace(publish=published)
    client, message, told = Stuck(), Leased(), []
    intake = Intake(nats, streams, local(client), "n1", "x", 100, 0.15, told.append)
    handed: Any = message
    answering = asyncio.ensure_future(intake.answer(handed, is_anyones=is_anyones))
    await until(lambda: "goes on" in message.said)
    assert not await intake._rests()
    client.stands = {"journal": {"changes": "full"}, "workers": {"full": 0, "stopped": 0}}
    heard = len(message.said)
    await asyncio.sleep(0.3)
    if is_anyones:
        assert message.said[-1] == "again"
        assert message.said.count("again") == 1
        assert await intake._rests(), "it would take more for kinds"
    else:
        assert len(message.said) > heard
        assert set(message.said) == {"goes on"}
        assert not await intake._rests()
    assert not recorded
    client.stands = {"journal": {"changes": "taken"}, "workers": {"full": 0, "stopped": 0}}
    client.may.set()
    await asyncio.wait_for(answering, 30)
    assert [outcome.value for outcome in recorded] == ["late"]
    assert message.said[-1] == ("again" if is_anyones else "done")
    assert told == ["superseded: another node was first with 1 tasks of s.7"]
    await asyncio.sleep(0.1)
    assert not await intake._rests()


@pytest.mark.parametrize("error", [IntakeFull("full"), JournalFailed("failed")])
async def test_an_engine_that_accepts_nothing_is_given_nothing_for_kinds(error: Exception) -> None:
    client = FakeClient(error)
    client.stands = {"journal": {"changes": "full"}, "workers": {"full": 0, "stopped": 0}}
    ashore = Ashore()
    ashore.client = client
    assert await ashore.answered() == ["again in 1"]
    assert await ashore.intake._rests()


async def test_an_engine_that_is_only_busy_is_given_more() -> None:
    ashore = Ashore()
    ashore.client = FakeClient(Overloaded("late", retry_after_s=0.2))
    assert await ashore.answered() == ["again in 0.2"]
    assert not await ashore.intake._rests()


async def test_a_task_for_a_kind_whose_agents_have_gone_to_other_nodes_is_theirs() -> None:
    ashore = Ashore()
    ashore.client = FakeClient(UnknownKind("no agents of kind 'counter' were spawned"))
    assert await ashore.answered(is_anyones=True) == ["again in 1"]
    assert not ashore.recorded
    assert ashore.intake.kinds == {"till"}, "it would be asked for again before it is looked whether there are some"
    assert not await ashore.intake._rests()
