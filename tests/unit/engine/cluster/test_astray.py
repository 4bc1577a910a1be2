"""A task whose agent is not here is done or sent on, once; a strange record of where it went is its own failure alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from engine.cluster.astray import Astray
from engine.cluster.intake import NOT_HERE, Intake
from engine.cluster.placement import place
from engine.cluster.plan import Plan, first_plan
from engine.cluster.records import BadRecord, Outcome, TaskEnvelope, encode, valid_id
from engine.cluster.streams import Streams
from engine.cluster.subjects import Subjects
from engine.errors import UnknownTask
from pools.address import Key

NODES = ("n1", "n2")
AWAY = next(f"counter/{key}" for key in range(100) if place(f"counter/{key}", NODES) == "n2")


class FakeContext:
    """The servers. moved: what is kept of where a task went; where it is not said, nothing is."""

    def __init__(self, moved: bytes | None = None) -> None:
        self.kept = moved
        self.sent: list[TaskEnvelope] = []

    async def get_last_msg(self, _stream: str, _subject: str) -> Any:
        from nats.js.errors import NotFoundError

        if self.kept is None:
            raise NotFoundError
        return SimpleNamespace(data=self.kept)

    async def publish(self, _subject: str, data: bytes, **_: Any) -> None:
        self.kept = data


class FakeStreams(Streams):
    """Streams whose envelopes are done at once, where they go."""

    def __init__(self, moved: bytes | None = None) -> None:
        self.subjects = Subjects("c")
        self.fake = FakeContext(moved)
        context: Any = self.fake
        self.context = context

    async def send(self, subject: str, envelope: TaskEnvelope, *, is_again: bool) -> None:
        assert (subject, is_again) == ("c.task.assign.n2", True)
        valid_id(envelope.id)
        self.fake.sent.append(envelope)

    async def recorded(self, _sender: str, id: str) -> dict[int, Outcome]:
        sent = [each for each in self.fake.sent if each.id == id]
        return {row: Outcome("there") for each in sent for row in range(len(each.rows))}


class FakeMover:
    """What is known of the plan; a plan that cannot be read is an error."""

    def __init__(self, plan: Plan | None = None) -> None:
        self.plan = plan or first_plan(NODES)
        self.error: Exception | None = None

    async def look(self, _within_s: float = 0.0) -> Plan:
        if self.error is not None:
            raise self.error
        return self.plan


class FakeLocal:
    """An engine. is_here: whether it has the agents that it is asked for; else it has none, and does nothing."""

    def __init__(self, *, is_here: bool = False) -> None:
        self.client = self
        self.is_here = is_here
        self.done: list[TaskEnvelope] = []

    async def task(self, name: str) -> None:
        raise UnknownTask(name)

    async def present_agents(self, _kind: str, keys: list[Key]) -> list[Key]:
        return keys if self.is_here else []

    async def do(self, envelope: TaskEnvelope, *_: Any, **__: Any) -> list[Outcome]:
        self.done.append(envelope)
        return [Outcome("here") if self.is_here else NOT_HERE for _ in envelope.rows]


def astray(streams: FakeStreams, mover: FakeMover | None = None, *, is_here: bool = False) -> Astray:
    local: Any = FakeLocal(is_here=is_here)
    there: Any = mover or FakeMover()
    return Astray("n1", streams, local, there)


def envelope(id: str, *addresses: str) -> TaskEnvelope:
    return TaskEnvelope("s" * 64, id, tuple([address, "get", None, None, None] for address in addresses))


@pytest.mark.parametrize("id", ["1", "x" * 63, "x" * 64, "a-" * 30])
async def test_a_task_is_sent_on_whatever_its_envelope_is_called(id: str) -> None:
    streams = FakeStreams()
    gone = {1: NOT_HERE, 2: NOT_HERE}
    assert await astray(streams).outcomes(envelope(id, "counter", AWAY, AWAY), gone, gone) == dict.fromkeys(
        (1, 2), Outcome("there")
    )
    assert [len(each.rows) for each in streams.fake.sent] == [2]
    assert orjson.loads(streams.fake.kept or b"") == ["n2", [1, 2]]


async def test_until_a_step_has_begun_an_agent_is_asked_where_it_was_whoever_is_in_its_new_place() -> None:
    mine = next(f"counter/{key}" for key in range(100) if place(f"counter/{key}", NODES) == "n1")
    goes, comes = first_plan(NODES).with_drained("n1").next({}), first_plan(NODES).with_drained("n2").next({})
    streams = FakeStreams()
    found = await astray(streams, FakeMover(goes), is_here=True).outcomes(envelope("7", mine), {0: NOT_HERE}, [0])
    assert (found, streams.fake.sent) == ({0: Outcome("here")}, [])
    found = await astray(streams, FakeMover(comes), is_here=True).outcomes(envelope("7", AWAY), {0: NOT_HERE}, [0])
    assert (found, len(streams.fake.sent)) == ({0: Outcome("there")}, 1)
    streams = FakeStreams()
    found = await astray(streams, FakeMover(comes.begun(2)), is_here=True).outcomes(envelope("7", AWAY), {0: NOT_HERE}, [0])
    assert (found, streams.fake.sent) == ({0: Outcome("here")}, [])


STRANGE = [
    b"5", b"null", b"", b'{"a":1,"b":2}', b'["n2",5]', b'["n2",[]]', b'["n2",[null]]', b'["n2",[99]]', b'["n2",[0]]',
    b'["n 2",[1]]', b'[[],[1]]', b'["n2",[1],1]', b"\xff",
]  # fmt: skip


@pytest.mark.parametrize("kept", STRANGE)
async def test_where_a_task_went_that_cannot_be_read_is_its_failure(kept: bytes) -> None:
    streams = FakeStreams(kept)
    found = await astray(streams).outcomes(envelope("7", "counter", AWAY), {1: NOT_HERE}, [1])
    assert found.keys() == {1}
    assert found[1].error is not None
    assert found[1].error.type == "NoWay"
    assert streams.fake.sent == []


async def test_an_envelope_that_cannot_be_done_now_comes_again_is_told_of_once_and_ends_nothing() -> None:
    said: list[str] = []
    again: list[float] = []

    async def nak(delay: float) -> None:
        again.append(delay)

    async def read() -> None:
        return

    def message(delivered: int) -> Any:
        data = encode(envelope("7", AWAY))
        metadata = SimpleNamespace(num_delivered=delivered)
        subject = "c.task.assign.n1"
        return SimpleNamespace(data=data, headers=None, subject=subject, metadata=metadata, nak=nak, is_acked=False)

    streams, mover = FakeStreams(), FakeMover()
    fake: Any = streams
    fake.recording = lambda *_: SimpleNamespace(outcomes={}, nodes={}, read=read)
    mover.error = BadRecord("this is no plan")
    nats: Any = None
    local: Any = FakeLocal()
    intake = Intake(nats, streams, local, "n1", "x", 100, 30.0, said.append)
    intake.astray = astray(streams, mover)
    for delivered in (1, 2, 100):
        await intake.answer(message(delivered))
    assert again == [1.0, 2.0, 30.0]
    assert len(said) == 1
    assert "this is no plan" in said[0]
    assert intake.running == 0
