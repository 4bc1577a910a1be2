"""What a worker tells of its agents: all of one, without waking it, and never more than a few screens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from checkpoints.errors import CheckpointError
from pools.agent import Agent
from pools.counter import Counter
from pools.errors import BadArgument
from pools.log import Log
from pools.logbook import Logbook
from pools.looks import FIELD_BYTES, MAILBOX, STATE_BYTES, Looks
from tests.support.agents import Waiter
from tests.support.rigs import Rig


class Shelf(Agent):
    label: str = "new"
    items: list[str]
    notes: Log[str]

    def put(self, text: str, times: int = 1) -> int:
        self.items.extend([text] * times)
        self.notes.append(text)
        self.label = text[:5]
        return len(self.items)

    def spoil(self) -> None:
        self.label = "spoilt"
        raise ValueError("spoilt")


def looks_at(rig: Rig) -> Looks:
    return Looks(rig.kinds, rig.executor._ward, rig.office.logbook, lambda task: task, rig.clock.ns)


def look(rig: Rig, kind: str, key: Any) -> dict[str, Any]:
    told = looks_at(rig).agent({"kind": kind, "key": key})
    assert told is not None
    return told


def asleep(rig: Rig, kind: str) -> None:
    residents = rig.kinds[kind]
    residents.sweep()
    residents.sweep()
    while residents.doze(100):
        pass


async def test_one_that_was_never_asked_has_its_first_values_and_stays_as_it_was() -> None:
    rig = Rig(Shelf)
    told = look(rig, "shelf", 3)
    assert told["state"] == {"label": "new", "items": [], "notes": []}
    assert (told["status"], told["running"], told["mailbox"]) == ("dormant", None, [])
    assert rig.kinds["shelf"].made == 0


async def test_one_with_a_state_is_told_awake_and_asleep_and_not_woken() -> None:
    for made, kind, method, argument, state in (
        (Counter, "counter", "add", 5, {"total": 5}),
        (Shelf, "shelf", "put", ["tools"], {"label": "tools", "items": ["tools"], "notes": ["tools"]}),
    ):
        rig = Rig(made)
        rig.run(kind, (1, method, argument))
        assert (look(rig, kind, 1)["status"], look(rig, kind, 1)["state"]) == ("idle", state)
        asleep(rig, kind)
        woken = rig.kinds[kind].made
        assert (look(rig, kind, 1)["status"], look(rig, kind, 1)["state"]) == ("asleep", state)
        assert rig.kinds[kind].made == woken


async def test_what_runs_and_what_waits_is_told_with_where_it_came_from() -> None:
    rig = Rig(Waiter)
    number = rig.accept("waiter", (1, "forever"), (1, "seen"), (2, "seen"), (1, "wait", 0.5))
    rig.clock.pass_s(2.5)
    await rig.settle()
    told = look(rig, "waiter", 1)
    assert (told["status"], told["waiting"]) == ("run", 2)
    assert {**told["running"], "name": ""} == {
        "method": "forever", "section": number, "position": 0, "for_s": 2.5, "is_alone": False, "name": "",
    }  # fmt: skip
    assert told["mailbox"] == [
        {"method": "seen", "section": number, "position": 1},
        {"method": "wait", "section": number, "position": 3},
    ]
    assert told["state"] == {"count": 1}  # how far the task has come


async def test_what_went_wrong_is_counted_and_told() -> None:
    rig = Rig(Shelf)
    rig.run("shelf", (1, "spoil"), (1, "spoil"), (2, "put", ["a"]))
    told = look(rig, "shelf", 1)
    assert told["restarts"] == 2
    assert [one["error"] for one in told["failures"]] == ["ValueError: spoilt"] * 2
    assert told["state"]["label"] == "new"
    assert looks_at(rig).agents({"kind": "shelf", "keys": [1, 2, 3]}) == [["idle", 0, 2], ["idle", 0, 0], ["dormant", 0, 0]]


async def test_large_fields_are_named_with_their_size_alone() -> None:
    rig = Rig(Shelf)
    rig.run("shelf", (1, "put", ["x" * 100, FIELD_BYTES // 100 + 2]))
    told = look(rig, "shelf", 1)
    assert list(told["state"]) == ["label", "notes"]
    assert told["omitted"]["items"] > FIELD_BYTES
    assert STATE_BYTES > FIELD_BYTES


async def test_a_long_mailbox_is_told_in_part() -> None:
    rig = Rig(Waiter)
    rig.accept("waiter", (1, "forever"), *((1, "seen"),) * (MAILBOX + 20))
    await rig.settle()
    told = look(rig, "waiter", 1)
    assert (len(told["mailbox"]), told["waiting"]) == (MAILBOX, MAILBOX + 20)


async def test_a_state_that_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(Counter)

    def damaged(_key: Any) -> Any:
        raise CheckpointError("block 7 is damaged")

    monkeypatch.setattr(rig.kinds["counter"], "state", damaged)
    told = look(rig, "counter", 1)
    assert (told["state"], told["unreadable"]) == (None, "block 7 is damaged")


async def test_checkpoints_are_told_newest_first_without_the_state_in_them() -> None:
    rig = Rig(Counter)
    rig.run("counter", (1, "add", 5))
    residents = rig.kinds["counter"]
    agent = residents.object_of(1)
    assert agent is not None
    for at in range(3):
        facts = {"progress": at / 4, "partial_result": "x" * (2_000 if at == 2 else 3), "context": None, "metadata": None}
        rig.office.logbook.write(residents.kind, agent, "milestone", facts, task="t", ordinal=at)
    told = look(rig, "counter", 1)["checkpoints"]
    shown = [(one["revision"], one["progress"], one["partial_result"]) for one in told]
    assert shown == [(3, 0.5, None), (2, 0.25, "xxx"), (1, 0.0, "xxx")]
    assert all("state" not in one for one in told)


async def test_of_a_kind_that_is_not_here_nothing_is_known() -> None:
    rig = Rig(Counter)
    assert looks_at(rig).agent({"kind": "other", "key": 1}) is None
    assert looks_at(rig).agents({"kind": "other", "keys": [1, 2]}) == [["unknown", 0, 0]] * 2


async def test_candidates_are_looked_for_aside_and_what_cannot_be_looked_for_is_refused_at_once() -> None:
    rig = Rig(Counter)
    rig.run("counter", (1, "add", 5))
    order = {"kind": None, "filter": "", "statuses": ["idle"], "sort": None, "most": 10, "is_descending": False}
    assert await looks_at(rig).candidates(order) == {"count": 1, "rows": [[0, "counter", 1, "idle", 0, 0]]}
    with pytest.raises(BadArgument):
        looks_at(rig).candidates(order | {"filter": "("})
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert isinstance(rig.office.logbook, Logbook)
