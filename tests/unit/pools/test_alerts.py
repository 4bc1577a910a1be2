"""A consumer that is alive and takes nothing is an alert, once, for as long as that lasts."""

from __future__ import annotations

from pools.alerts import AFTER_S, AGENT, QUEUE, Alerts, Held


def held(name: str = "counter/7", mark: int = 1, waiting: int = 3, what: str = AGENT) -> Held:
    return Held(what, name, "counter/7", "nap", "ab-1", waiting, mark)


def test_it_is_told_once_when_it_has_lasted_and_stands_until_something_is_taken() -> None:
    alerts = Alerts()
    assert alerts.look("p", [held()], 10.0) == []
    assert alerts.listed(10.0) == []
    assert alerts.look("p", [held(waiting=4)], 10.0 + AFTER_S - 0.1) == []
    [alert] = alerts.look("p", [held(waiting=5)], 10.0 + AFTER_S)
    assert alert.text == "agent counter/7 of p is alive and takes nothing: 5 tasks wait behind nap [ab-1]"
    assert alerts.look("p", [held()], 20.0 + AFTER_S) == []
    facts = {"what": "agent", "name": "counter/7", "worker": "p", "agent": "counter/7", "method": "nap", "task": "ab-1"}
    assert alerts.listed(20.0) == [{**facts, "waiting": 3, "for_s": 10.0}]
    assert alerts.look("p", [], 21.0 + AFTER_S) == []
    assert alerts.listed(30.0) == []


def test_one_that_takes_a_task_begins_anew() -> None:
    alerts = Alerts()
    alerts.look("p", [held(mark=1)], 0.0)
    assert alerts.look("p", [held(mark=2)], AFTER_S) == []
    assert alerts.look("p", [held(mark=2)], 2 * AFTER_S) != []


def test_workers_are_told_apart_and_the_oldest_stands_first() -> None:
    alerts = Alerts()
    alerts.look("p", [held("q", what=QUEUE)], 1.0)
    alerts.look("o", [held("counter/1"), held("counter/2")], 0.0)
    assert [alert.text.split(" is")[0] for alert in alerts.look("p", [held("q", what=QUEUE)], 99.0)] == ["queue q"]
    assert len(alerts.look("o", [held("counter/1"), held("counter/2")], 99.0)) == 2
    assert [alert["name"] for alert in alerts.listed(99.0)] == ["counter/1", "counter/2", "q"]
