"""What is wrong is said in a line each, the worst first; that all is well, only where nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from engine.alerts import EACH, WELL, alerts_of
from pools.events import Event


def stats(**more: Any) -> dict[str, Any]:
    return {"time_s": 100.0, "workers": {"full": 0, "stopped": 0}, "alerts": [], "healing": {"sick": 0}} | more


def worker(state: str = "running", restarts: int = 0, reason: str = "") -> dict[str, Any]:
    return {"worker": "p.0", "state": state, "restarts": restarts, "reason": reason}


def said(rates: dict[str, Any] | None = None, late: int = 0, sprint: Any = None, **more: Any) -> list[tuple[str, str]]:
    return [(one["level"], one["text"]) for one in alerts_of(stats(**more), rates or {}, sprint, late)]


def test_all_is_well_where_nothing_is_wrong() -> None:
    fine = {"workers": [worker()], "pools": [{"name": "p", "state": "up", "used": {"agents": 0.849}}], "breakers": []}
    assert alerts_of(stats(), fine, None, 0) == [WELL]
    assert said(rewind=None) == said(rewind={"state": "recording", "reason": ""}) == [("ok", "All systems operational")]


def test_the_next_sprint_is_news_and_not_trouble() -> None:
    assert said(sprint={"next_in_s": 512.9}) == [("ok", "All systems operational"), ("info", "Next sprint in 8:32")]
    assert said(sprint={"next_in_s": None}) == [("ok", "All systems operational")]


@pytest.mark.parametrize(
    ("rates", "more", "level", "text"),
    [
        ({"workers": [worker("down", 3, "exit status 1")]}, {}, "error", "Worker p.0 is down: exit status 1"),
        ({"workers": [worker("backoff")]}, {}, "warning", "Worker p.0 is being restarted"),
        ({"workers": [worker("starting", 1)]}, {}, "warning", "Worker p.0 is being restarted"),
        (
            {"pools": [{"name": "p3", "state": "up", "used": {"agents": 0.896, "tasks": 0.1}}]},
            {},
            "warning",
            "Pool p3 at 89% capacity (agents)",
        ),
        ({"pools": [{"name": "p3", "state": "down", "used": {"agents": 0.1}}]}, {}, "error", "Pool p3 is down"),
        (
            {"pools": [{"name": "p3", "state": "paused", "used": {"agents": 0.1}}]},
            {},
            "warning",
            "Pool p3 is paused: it begins no task from outside",
        ),
        (
            {"breakers": [{"name": "pool p1", "kind": "reader", "state": "open", "mode": "auto"}]},
            {},
            "warning",
            "Breaker of pool p1 for reader is open",
        ),
        (
            {},
            {"rewind": {"state": "stopped", "reason": "No space left on device"}},
            "warning",
            "Nothing is recorded: No space left on device",
        ),
        ({}, {"workers": {"full": 2, "stopped": 0}}, "error", "The disk is full: 2 workers take no changes"),
        (
            {},
            {"journal": {"changes": "full", "reason": "no room"}},
            "error",
            "The disk is full: no detached tasks are accepted, and the ends of those that were wait",
        ),
        (
            {},
            {"journal": {"changes": "stopped", "reason": "no sync"}},
            "error",
            "A disk has failed: no detached tasks are accepted until the next start",
        ),
        (
            {},
            {"workers": {"full": 0, "stopped": 1}},
            "error",
            "A disk has failed: 1 worker takes no changes until the next start",
        ),
    ],
)
def test_each_trouble_has_its_line(rates: dict[str, Any], more: dict[str, Any], level: str, text: str) -> None:
    assert said(rates, **more) == [(level, text)]


def test_a_worker_that_begins_for_the_first_time_is_no_trouble() -> None:
    assert said({"workers": [worker("starting")]}) == [("ok", "All systems operational")]


def test_who_takes_nothing_is_told_with_since_when() -> None:
    held = {"what": "agent", "name": "a/1", "method": "wait", "waiting": 1_200, "for_s": 9.0}
    (alert,) = alerts_of(stats(alerts=[held]), {}, None, 0)
    assert alert == {
        "level": "warning",
        "text": "Agent a/1 is alive and takes nothing: 1,200 wait behind wait",
        "since_s": 91.0,
    }


def test_the_newest_in_quarantine_is_named_and_the_others_counted() -> None:
    sick = [
        {"agent": "a/1", "status": "trial", "cause": "x", "since_s": 5.0},
        {"agent": "a/2", "status": "parked", "cause": "it hung", "since_s": 6.0},
    ]
    (alert,) = alerts_of(stats(healing={"sick": 2}), {}, None, 0, sick)
    assert (alert["text"], alert["since_s"]) == ("a/2 is in quarantine (parked): it hung, and 1 more", 6.0)


def test_the_worst_is_first_and_many_of_a_sort_are_counted() -> None:
    rates = {"workers": [worker("backoff")] * (EACH + 3) + [worker("down")]}
    shown = said(rates, late=3)
    assert [level for level, _ in shown] == ["error", *["warning"] * (EACH + 1)]
    assert shown[0] == ("error", "4 more workers are down or being restarted")
    assert shown[-1] == ("warning", "3 tasks were not done in time in the last minute")


def test_a_worker_that_died_and_runs_again_is_told_of_for_a_minute() -> None:
    rates = {"workers": [worker(), {**worker("starting", 1), "worker": "p.1"}]}
    died = [
        Event("worker.died", "p.0: exit status 3", 39.0),
        Event("worker.died", "p.0: killed by signal 9", 97.5),
        Event("worker.died", "p.1: killed by signal 9", 98.0),
        Event("worker.ready", "p.0 is ready", 98.0),
    ]
    told = alerts_of(stats(), rates, None, 0, events=died)
    assert told == [
        {"level": "warning", "text": "Worker p.1 is being restarted"},
        {"level": "warning", "text": "Worker p.0 died and runs again: killed by signal 9", "since_s": 97.5},
    ]
    assert alerts_of(stats(time_s=200.0), {"workers": [worker()]}, None, 0, events=died) == [WELL]
