"""An envelope handed to an engine: accepted once, each task told of by itself, whatever the engine says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.cluster import local as module
from engine.cluster.records import Outcome, TaskEnvelope
from engine.errors import IntakeFull, SubmitStopped, TaskOpen
from pools.errors import AgentMoving, LinkClosed, UnknownKind
from tests.support.doers import FakeClient, envelope, local


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


async def test_what_others_can_do_is_given_back_by_an_engine_that_has_no_agents_for_it() -> None:
    client = FakeClient()
    with pytest.raises(UnknownKind):
        await local(client).do(envelope("till", "till"), kind="till")
    for addresses, kind in ((("till", "till"), ""), (("till", "till/1"), "till")):  # nobody else would do these
        outcomes = await local(client).do(envelope(*addresses), kind=kind)
        assert {outcome.error and outcome.error.type for outcome in outcomes} == {"UnknownKind"}
    assert not client.accepted


class Leaving(FakeClient):
    """Its counter/3, for which the first task was, goes to another engine. agent: whom the task was given to."""

    agent = "counter/3"

    async def result(self, id: str, wait_s: float) -> Any:
        if id == "id-s.7.0":
            raise AgentMoving("counter/3 is on its way to another engine")
        return id

    async def task(self, _id: str) -> dict[str, Any]:
        return {"agent": self.agent}


async def test_a_task_for_a_kind_whose_agent_goes_before_it_began_is_given_to_the_next() -> None:
    client = Leaving()
    outcomes = await local(client).do(envelope("counter", "counter"), kind="counter")
    assert [outcome.value for outcome in outcomes] == ["id-s.7_0_0.0", "id-s.7.1"]
    client = Leaving(None, UnknownKind("no agents of kind 'counter' were spawned"))  # there is no next one
    ended: list[int] = []
    with pytest.raises(UnknownKind):
        await local(client).do(envelope("counter", "counter"), lambda row, _outcome: ended.append(row), kind="counter")
    assert ended == [1]
    for agent, kind in (("counter/9", "counter"), ("counter/3", "")):  # it asked counter/3; nobody else would do it
        client = Leaving()
        client.agent = agent
        [failed, done] = await local(client).do(envelope("counter", "counter"), kind=kind)
        assert failed.error is not None
        assert (failed.error.type, done.value) == ("AgentMoving", "id-s.7.1")


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


async def test_a_deadline_that_was_over_when_a_task_came_ends_it_as_expired() -> None:
    rows: Any = (
        [*envelope("counter").rows[0][:5], {"deadline_at": 1.0}],
        [*envelope("counter").rows[0][:5], {"deadline_at": "x"}],
    )
    outcomes = await local(FakeClient()).do(TaskEnvelope("s", "7", rows))
    assert [outcome.error and outcome.error.type for outcome in outcomes] == ["TaskExpired", "BadArgument"]


async def test_an_end_that_too_many_wait_for_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.01)

    class Crowded(FakeClient):
        """As many wait as may, until three have asked; the task ends in between."""

        ended = 3

        async def result(self, id: str, wait_s: float) -> Any:
            self.asked[id] += 1
            if self.asked[id] > self.ended:
                return "done"
            if wait_s:
                raise IntakeFull("as many wait as may")
            raise TaskOpen("it has not ended")

    class Failed(FakeClient):
        async def result(self, id: str, wait_s: float) -> Any:
            self.asked[id] += 1
            raise IntakeFull("this is what the task failed with")

    for ended in (1, 2, 3, 6):
        crowded = Crowded()
        crowded.ended = ended
        assert await local(crowded).do(envelope("counter")) == (Outcome("done"),)
    failed = Failed()
    [outcome] = await local(failed).do(envelope("counter"))
    assert outcome.error is not None
    assert (outcome.error.type, failed.asked.total()) == ("IntakeFull", 2)


@pytest.mark.parametrize(
    ("changes", "full", "stopped", "keeps"),
    [
        ("taken", 0, 0, True),
        ("full", 0, 0, False),
        ("stopped", 0, 0, False),
        ("taken", 1, 0, False),
        ("taken", 0, 1, False),
    ],
)
async def test_an_engine_keeps_what_it_does_while_journal_and_workers_take_changes(
    changes: str, full: int, stopped: int, keeps: bool
) -> None:
    client = FakeClient()
    client.stands = {"journal": {"changes": changes}, "workers": {"full": full, "stopped": stopped}}
    doer = local(client)
    assert await doer.keeps() is keeps
    client.stands = {"journal": {"changes": "taken" if not keeps else "full"}, "workers": {"full": 0, "stopped": 0}}
    assert await doer.keeps() is keeps, "it was asked again at once"


async def test_an_engine_that_stands_still_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEPS_S", 0.05)

    class Still(FakeClient):
        is_still = False

        async def stats(self) -> dict[str, Any]:
            if self.is_still:
                await asyncio.Event().wait()
            return self.stands

    client = Still()
    doer = local(client)
    for changes in ("taken", "full"):
        client.stands, client.is_still = {"journal": {"changes": changes}, "workers": {"full": 0, "stopped": 0}}, False
        await asyncio.sleep(0.06)
        assert await doer.keeps() is (changes == "taken")
        client.is_still = True
        for _ in range(2):
            await asyncio.sleep(0.06)
            assert await asyncio.wait_for(doer.keeps(), 30) is (changes == "taken")
