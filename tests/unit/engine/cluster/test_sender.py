"""Where a task goes: the queue of its kind, the node of its agent, or the engine here."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from engine.cluster.access import FabricAway
from engine.cluster.destination import HERE, where
from engine.cluster.placement import place
from engine.cluster.records import RECORD_BYTES, TaskEnvelope, encode
from engine.cluster.sender import Sender
from engine.cluster.subjects import Subjects
from engine.submission import submission_of
from pools.errors import BadArgument
from tests.unit.engine.cluster.test_selection import member

NODES = ("n1", "n2", "n3")
SUBJECT = "c.task.queue.any.counter"


def goes(task: dict[str, Any], *, is_away: bool = False, here: str = "", members: Any = None, capability: str = "any") -> str:
    kinds = frozenset({"counter"}) if here else frozenset()
    known = {"n2": member("n2", 0, 10)} if members is None else members
    return where(
        submission_of(task), Subjects("c"), NODES, known, is_away=is_away, node=here, kinds=kinds, capability=capability
    )


KIND = {"kind": "counter", "method": "get"}
AGENT = {"agent": "counter/17", "method": "get"}
HOME = place("counter/17", NODES) or ""
OTHER = next(node for node in NODES if node != HOME)


def test_a_kind_has_a_queue_for_each_capability() -> None:
    assert goes(KIND) == "c.task.queue.any.counter"
    assert goes(KIND, capability="gpu") == "c.task.queue.gpu.counter"


def test_an_agent_is_asked_on_its_node_also_while_that_is_not_heard() -> None:
    assert goes(AGENT) == goes(AGENT, members={}) == goes(AGENT, here=HOME) == f"c.task.assign.{HOME}"


def test_a_task_for_a_kind_is_done_here_only_where_no_other_has_room() -> None:
    assert goes(KIND, here="n1") == "c.task.queue.any.counter"
    assert goes(KIND, here="n1", members={"n2": member("n2", 10, 10, state="busy")}) == HERE
    assert goes(KIND, here="n1", members={}) == HERE
    assert goes(KIND, members={}) == "c.task.queue.any.counter"
    assert goes(KIND, here="n1", members={}, capability="gpu") == "c.task.queue.gpu.counter"
    assert goes({"kind": "other", "method": "get"}, here="n1", members={}) == "c.task.queue.any.other"


def test_without_the_fabric_what_can_be_done_here_is() -> None:
    assert goes(KIND, is_away=True, here="n1") == HERE
    assert goes(AGENT, is_away=True, here=HOME) == HERE
    with pytest.raises(FabricAway, match=f"counter/17 lives on {HOME}, and the fabric is away"):
        goes(AGENT, is_away=True, here=OTHER)
    with pytest.raises(FabricAway, match="no engine here does tasks of counter"):
        goes(KIND, is_away=True)


async def test_a_task_that_waits_for_others_is_refused() -> None:
    class Nobody:
        is_connected = False

        def jetstream(self, timeout: float) -> None:
            return None

    nobody: Any = Nobody()
    sender = Sender(nobody, "c", NODES)
    with pytest.raises(BadArgument, match="cannot wait for others"):
        await sender.send([{"kind": "counter", "method": "get", "after": ["x"]}])
    assert await sender.run([]) == []


async def test_tasks_that_are_too_much_for_one_envelope_together_travel_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    class Somebody:
        is_connected = True

        def jetstream(self, timeout: float) -> None:
            return None

    somebody: Any = Somebody()
    sender = Sender(somebody, "c", NODES)
    sent: list[int] = []

    async def insist(_subject: str, envelope: TaskEnvelope) -> None:
        encode(envelope)
        sent.append(len(envelope.rows))

    monkeypatch.setattr(sender, "_insist", insist)
    sizes = (600_000, 600_000, 10, RECORD_BYTES)
    calls = [sender.send([("counter/17", "add", "x" * size)]) for size in sizes]
    kept = await asyncio.gather(*calls)
    assert sent == [1, 1, 1]
    assert [each[0].done() for each in kept] == [False, False, False, True]
    failure = kept[3][0].result().error
    assert failure is not None
    assert (failure.type, "cannot travel" in failure.message) == ("BadArgument", True)
    await asyncio.gather(*(sender.send([("counter/17", "add", 1)]) for _ in range(3)))
    assert sent == [1, 1, 1, 3]
    sent.clear()
    answers = await sender.send([("counter/17", "add", "x" * size) for size in (*[50_000] * 30, RECORD_BYTES, 5)])
    assert sum(sent) == 31
    assert [at for at, each in enumerate(answers) if each.done()] == [30]


async def test_a_sender_ends_although_a_wait_swallows_that_it_was_cancelled() -> None:
    class Nobody:
        is_connected = False

        def jetstream(self, timeout: float) -> None:
            return None

    async def stubborn() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    nobody: Any = Nobody()
    sender = Sender(nobody, "c", NODES)
    sender._begin(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(sender.__aexit__(None, None, None), 30)


async def test_many_tasks_for_a_kind_are_dealt_in_several_envelopes_for_each_node(monkeypatch: pytest.MonkeyPatch) -> None:
    class Somebody:
        is_connected = True

        def jetstream(self, timeout: float) -> None:
            return None

    somebody: Any = Somebody()
    sender = Sender(somebody, "c", NODES)
    sent: list[int] = []

    async def insist(_subject: str, envelope: TaskEnvelope) -> None:
        sent.append(len(envelope.rows))

    monkeypatch.setattr(sender, "_insist", insist)
    monkeypatch.setattr(sender, "_spread", lambda subject: 4 if subject.startswith("c.task.queue") else 1)
    monkeypatch.setattr(sender, "_places", lambda given, _capability, **_: asyncio.sleep(0, {SUBJECT: [*range(len(given))]}))
    for tasks, wanted in ((200, [13] * 15 + [5]), (100, [10] * 10), (10_000, [100] * 100)):
        await sender.send([("counter", "add", 1)] * tasks)
        assert sorted(sent, reverse=True) == wanted
        sent.clear()
    await sender.send([("counter", "add", 1)] * 30, envelope_tasks=3)
    assert sent == [3] * 10
