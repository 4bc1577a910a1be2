"""What a task puts on record is bounded, compared before it is set, and no state of anybody."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest

from checkpoints.waypoints import PRE_FAILOVER, Waypoints
from pools import logbook as floor
from pools.agent import Agent
from pools.errors import BadArgument, CheckpointConflict, CheckpointsFull, CheckpointTooLarge
from pools.kind import Kind
from pools.log import Log
from pools.logbook import Checkpoint, Logbook, kept_in
from pools.table import Table
from tests.support.disks import SimDisk
from tests.support.kept import Desk


class Pilgrim(Agent):
    """Has a field of each sort."""

    name: str = "?"
    stages: list[int] = []  # noqa: RUF012 - a default of the class, as users write it
    seen: Log[str]
    marks: Table[int]

    def go(self) -> None:
        """Do nothing."""


KIND = Kind(Pilgrim)


def book(**facts: Any) -> Logbook:
    return Logbook(wall_s=lambda: 12.3456, **facts)


def write(made: Logbook, agent: Agent, sort: str = "progress", expected: int | None = None, **facts: Any) -> int:
    return made.write(KIND, agent, sort, facts, task="0011-5", ordinal=3, expected=expected)


def read(made: Logbook, agent: Agent, sort: str | None = None) -> Checkpoint:
    found = made.newest(agent, sort)
    assert found is not None
    return Checkpoint.of(found)


def test_a_record_has_what_was_said_and_the_state_as_it_stands() -> None:
    made, agent = book(), KIND.make(5)
    agent.name, agent.stages = "ada", [1]
    agent.seen.append("x")
    agent.marks["m"] = 7
    facts = {"progress": 0.25, "partial_result": [None], "context": {"a": ()}, "metadata": "m"}
    assert write(made, agent, **facts) == 1
    agent.stages.append(2)
    state = {"name": "ada", "stages": [1], "seen": ["x"], "marks": {"m": 7}}
    assert read(made, agent) == Checkpoint(1, "progress", 12.346, "0011-5", 0.25, [None], {"a": []}, "m", state)
    assert orjson.dumps(read(made, agent).as_dict())
    KIND.rollback(agent)
    assert (agent.name, agent.stages, list(agent.seen), dict(agent.marks)) == ("?", [], [], {})
    assert read(made, agent).state == state


def test_revisions_grow_by_one_for_each_agent_over_all_sorts() -> None:
    made, agent, other = book(), KIND.make(1), KIND.make("1")
    assert [write(made, agent, sort) for sort in ("user", "progress", "milestone", "user")] == [1, 2, 3, 4]
    assert write(made, other) == 1


@pytest.mark.parametrize(("expected", "actual"), [(0, 2), (1, 2), (3, 2)])
def test_another_revision_than_expected_is_refused_with_nothing_changed(expected: int, actual: int) -> None:
    made, agent = book(), KIND.make(1)
    assert (write(made, agent, expected=0), write(made, agent, "user", expected=1, partial_result="x")) == (1, 2)
    with pytest.raises(CheckpointConflict, match=f"pilgrim/1 is at revision {actual}, not {expected}") as caught:
        write(made, agent, "user", expected=expected, partial_result="y")
    assert caught.value.actual == actual
    assert read(made, agent, "user").partial_result == "x"


@pytest.mark.parametrize("value", [math.nan, {1: 2}, object(), 2**70, "\ud800", [b"x"]])
def test_what_cannot_be_kept_is_refused_by_name(value: Any) -> None:
    made, agent = book(), KIND.make(1)
    with pytest.raises(BadArgument, match=r"checkpoint\.context"):
        write(made, agent, context=value)
    agent.name = value
    with pytest.raises(BadArgument, match="the state of pilgrim/1 cannot be recorded"):
        write(made, agent)
    assert made.newest(agent) is None


def test_one_record_and_all_of_a_worker_have_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    made, agents = book(), [KIND.make(key) for key in range(3)]
    monkeypatch.setattr(floor, "CHECKPOINT_BYTES", 1_000)
    monkeypatch.setattr(floor, "CHECKPOINTS_BYTES", 3_000)
    with pytest.raises(CheckpointTooLarge, match=r"would have 1,[0-9]{3} bytes"):
        write(made, agents[0], partial_result="x" * 1_000)
    for agent in agents[:2]:
        assert write(made, agent, partial_result="x" * 800) == 1
    with pytest.raises(CheckpointsFull, match="may have 3,000 bytes"):
        write(made, agents[2], partial_result="x" * 800)
    assert write(made, agents[0], partial_result="y" * 800) == 2, "one that replaces another takes no more room"
    made.forget("pilgrim", [1, 2])
    assert write(made, agents[2], partial_result="x" * 800) == 1


def test_what_the_engine_writes_has_what_the_task_said_last_and_its_revision() -> None:
    made, agent = book(), KIND.make(1)
    write(made, agent, "user", progress=0.5, partial_result=[1], context="c", metadata="m")
    agent.name = "later"
    made.replaced(KIND, agent, "memory", task="0011-5", method="go")
    last = read(made, agent)
    assert (last.revision, last.kind, last.task_id) == (1, PRE_FAILOVER, "0011-5")
    assert (last.progress, last.partial_result, last.context, last.state["name"]) == (0.5, [1], "c", "later")
    assert last.metadata == {"reason": "memory", "method": "go"}
    assert made.waypoints.newest("pilgrim", 1, PRE_FAILOVER).facts["o"] == 3  # type: ignore[union-attr]
    assert write(made, agent, expected=1) == 2, "who compares revisions sees none that no task has made"
    made.replaced(KIND, agent, "idle")
    last = read(made, agent)
    assert (last.revision, last.task_id, last.partial_result, last.metadata) == (2, "", None, {"reason": "idle"})


def test_what_another_task_said_is_not_carried_on() -> None:
    made, agent = book(), KIND.make(1)
    write(made, agent, partial_result=[1])
    made.replaced(KIND, agent, "memory", task="0011-6", method="go")
    assert (read(made, agent).partial_result, read(made, agent).task_id) == (None, "0011-6")


def test_what_the_engine_writes_leaves_half_of_the_room_and_says_once_that_it_is_full(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made = book()
    monkeypatch.setattr(floor, "CHECKPOINTS_BYTES", 4_000)
    for key in range(20):
        made.replaced(KIND, KIND.make(key), "r" * 100)
    assert 1_000 < made.waypoints.size_bytes <= 2_000
    assert capfd.readouterr().err.count("is not on record") == 1
    assert write(made, KIND.make("x"), partial_result="x" * 1_000) == 1


def test_removed_agents_leave_one_record_of_that_and_only_where_there_was_any() -> None:
    known = Waypoints()
    bodies: list[bytes] = []

    def keep(body: bytes) -> None:
        known.fold(body)
        bodies.append(body)

    made = Logbook(known, keep)
    write(made, KIND.make(1))
    made.forget("pilgrim", [2, 3])
    made.forget("other", [1])
    assert len(bodies) == 1
    made.forget("pilgrim", [1, 2])
    assert orjson.loads(bodies[1]) == {"k": "pilgrim", "i": [1], "x": True}
    assert made.newest(KIND.make(1)) is None


def test_in_a_fork_what_is_recorded_is_known_there_and_said() -> None:
    made, agent = book(), KIND.make(1)
    write(made, agent)
    said: list[bytes] = []
    far = made.far(said.append)
    assert write(far, agent, expected=1) == 2
    assert [orjson.loads(body)["n"] for body in said] == [2]
    assert write(far, agent, expected=2) == 3


async def test_where_state_is_kept_a_record_is_there_after_a_death() -> None:
    disk = SimDisk()
    desk = Desk(disk)
    agent = KIND.make(1)
    assert write(kept_in(desk.ledger), agent, "user", partial_result=5) == 1
    synced: list[int] = []
    assert kept_in(desk.ledger).when_synced(lambda: synced.append(1))
    desk.settle()
    assert synced == [1]
    assert write(kept_in(desk.ledger), agent, "user", partial_result=6) == 2
    desk.kill()  # what was not committed is lost
    desk = Desk(disk)
    assert read(kept_in(desk.ledger), agent).partial_result == 5
    assert write(kept_in(desk.ledger), agent, expected=1) == 2
    desk.close()
