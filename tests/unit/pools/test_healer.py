"""From a finding to an order: who is named, who is tried alone, who is parked, and who is let out again."""

from __future__ import annotations

import asyncio
from asyncio import Future
from typing import Any

import pytest

from pools.address import Key
from pools.errors import BadAddress, UnknownAgent, WorkerDied
from pools.events import Event
from pools.healer import Healer
from pools.healing import SEVERITIES, Finding
from pools.quarantine import Quarantine


class Setup:
    """A healer whose orders are kept; `worker` is their answer: a future, or None where no process runs."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.orders: list[tuple[str, str, Key, dict[str, Any]]] = []
        self.futures: list[Future[Any]] = []
        self.events: list[Event] = []
        self.is_away = is_away
        self.quarantine = Quarantine(lambda _agent, _entry: None)
        self.healer = Healer(self.quarantine, self._order, self.events.append)

    def _order(self, verb: str, kind: str, key: Key, facts: dict[str, Any]) -> Future[Any] | None:
        self.orders.append((verb, kind, key, facts))
        if self.is_away:
            return None
        future: Future[Any] = asyncio.get_running_loop().create_future()
        self.futures.append(future)
        return future

    def found(self, what: str, agent: str = "a/1", method: str = "do", cause: str = "as told") -> None:
        self.healer.found(Finding(what, agent, method, "3.1", cause, "", "p1"))

    def status(self, agent: str = "a/1") -> str | None:
        entry = self.quarantine.get(agent)
        return entry and entry["status"]

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]

    def told(self, kind: str = "a") -> list[dict[str, Any]]:
        """What a new process is told that has every agent of a kind."""
        return list(self.healer.orders(lambda owned, _key: owned == kind))


@pytest.mark.parametrize("what", ["hung", "leaked", "killed"])
async def test_who_held_up_others_is_named_and_tried_alone(what: str) -> None:
    setup = Setup()
    setup.found(what)
    assert setup.orders == [("apart", "a", 1, {"findings": 1, "reason": "as told"})]
    assert setup.status() == "trial"
    [event] = setup.events
    assert event.name == f"agent.{what}"
    assert event.text.startswith("a/1 do [3.1] ")
    assert f"as told; severity {SEVERITIES[what]}" in event.text
    assert setup.healer.counts == {what: 1}


async def test_each_further_finding_says_how_many_there_are() -> None:
    setup = Setup()
    for _ in range(3):
        setup.found("killed")
    assert [facts["findings"] for *_, facts in setup.orders] == [1, 2, 3]


async def test_who_is_parked_is_what_its_worker_says() -> None:
    setup = Setup()
    setup.found("killed")
    setup.found("parked", method="")
    assert setup.status() == "parked"
    assert setup.names == ["agent.killed", "agent.quarantined"]
    assert "engine agents quarantine release a/1" in setup.events[-1].text
    setup.found("parked", method="")  # when the next process is told
    assert setup.names.count("agent.quarantined") == 1
    assert setup.healer.counts == {"killed": 1, "parked": 2}


async def test_who_did_well_on_trial_is_recovered() -> None:
    setup = Setup()
    setup.found("hung")
    setup.found("recovered", method="", cause="3 tasks ended well")
    assert setup.status() == "recovered"
    assert setup.healer.mends == {"replaced": 0, "recovered": 1, "released": 0}
    assert setup.told() == []
    assert setup.events[-1][:3] == (
        "agent.recovered",
        "a/1 runs among the others again: 3 tasks ended well",
        setup.events[-1].time_s,
    )


async def test_an_error_is_named_and_nothing_more() -> None:
    setup = Setup()
    setup.found("raised", cause="ValueError: as told")
    assert setup.orders == []
    assert setup.quarantine.listed() == []
    [event] = setup.events
    assert event[:2] == ("agent.raised", "a/1 do [3.1] raised an error: ValueError: as told; severity 2, restart")
    assert setup.healer.counts == {"raised": 1}


async def test_who_failed_again_and_again_has_a_new_object_already() -> None:
    setup = Setup()
    setup.found("relapsed")
    assert (setup.orders, setup.status(), setup.names) == ([], "recovered", ["agent.relapsed"])
    assert setup.healer.mends == {"replaced": 1, "recovered": 0, "released": 0}


async def test_who_fails_again_and_again_on_trial_stays_there() -> None:
    setup = Setup()
    setup.found("hung")
    setup.found("relapsed")
    assert setup.status() == "trial"
    assert [order["verb"] for order in setup.told()] == ["apart"]


async def test_a_state_that_cannot_be_read_is_quarantined() -> None:
    setup = Setup()
    setup.found("unreadable")
    assert (setup.orders, setup.status()) == ([], "parked")
    assert "severity 9, quarantine" in setup.events[0].text


async def test_a_new_process_is_told_of_the_sick_among_its_agents() -> None:
    setup = Setup(is_away=True)
    for _ in range(2):
        setup.found("killed", "a/1")
    setup.found("hung", "a/name")
    setup.found("hung", "b/1")
    setup.found("relapsed", "a/3")
    assert setup.told() == [
        {"verb": "apart", "kind": "a", "key": 1, "findings": 2, "reason": "as told"},
        {"verb": "apart", "kind": "a", "key": "name", "findings": 1, "reason": "as told"},
    ]
    assert setup.told() == setup.told()


async def test_a_suspect_is_tried_by_the_next_process_only_and_not_accused() -> None:
    setup = Setup()
    setup.found("suspected", method="")
    assert (setup.orders, setup.quarantine.listed(), setup.healer.counts) == ([], [], {"suspected": 1})
    assert setup.names == ["agent.suspected"]
    assert setup.events[0].text == "a/1 [3.1] ran when p1 ended: as told"
    assert setup.told("b") == []
    assert setup.told() == [{"verb": "apart", "kind": "a", "key": 1, "findings": 0, "reason": "as told"}]
    assert setup.told() == []


async def test_a_suspected_task_that_its_sender_sends_again_is_enough() -> None:
    setup = Setup()
    setup.found("suspected")
    assert setup.names == ["agent.suspected"]
    assert setup.told() == []


async def test_who_is_released_is_as_the_others_and_begins_anew() -> None:
    setup = Setup()
    for _ in range(3):
        setup.found("killed")
    releasing = asyncio.ensure_future(setup.healer.release("a/1"))
    await asyncio.sleep(0)
    assert setup.orders[-1] == ("release", "a", 1, {})
    assert setup.status() == "trial"  # until its worker has done it
    setup.futures[-1].set_result(1)
    entry = await releasing
    assert (entry["agent"], entry["status"]) == ("a/1", "released")
    assert setup.healer.mends["released"] == 1
    assert setup.names[-1] == "agent.released"
    assert setup.told() == []
    setup.found("killed")
    assert setup.orders[-1][3]["findings"] == 1


async def test_who_is_released_while_its_worker_is_away_is_not_told_of_any_more() -> None:
    setup = Setup(is_away=True)
    setup.found("killed")
    assert (await setup.healer.release("a/1"))["status"] == "released"
    assert setup.told() == []


async def test_a_worker_that_dies_meanwhile_changes_nothing_of_a_release() -> None:
    setup = Setup()
    setup.found("killed")
    releasing = asyncio.ensure_future(setup.healer.release("a/1"))
    await asyncio.sleep(0)
    setup.futures[-1].set_exception(WorkerDied("gone"))
    assert (await releasing)["status"] == "released"


@pytest.mark.parametrize("status", [None, "recovered", "released"])
async def test_who_is_not_sick_cannot_be_released(status: str | None) -> None:
    setup = Setup(is_away=True)
    if status:
        setup.found("hung")
        setup.quarantine.settle("a/1", status)
    with pytest.raises(UnknownAgent, match="a/1 is not in quarantine; see: engine agents quarantine ls"):
        await setup.healer.release("a/1")
    assert setup.names.count("agent.released") == 0


async def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(BadAddress):
        await Setup().healer.release("nonsense")
