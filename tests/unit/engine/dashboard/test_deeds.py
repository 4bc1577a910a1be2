"""What can be done with what: by its state, with words that say what will happen, and verbs that the engine knows."""

from __future__ import annotations

from typing import Any

from engine.dashboard.deeds import (
    agent_deeds,
    breaker_deeds,
    engine_deeds,
    letter_deeds,
    letters_deed,
    named,
    pool_deeds,
    sprint_deeds,
    task_deeds,
    whole_deeds,
)
from tests.support.sources import OVERVIEW, sprint


def titles(deeds: Any) -> list[str]:
    return [deed.title for deed in deeds]


def task(state: str, **facts: Any) -> dict[str, Any]:
    return {"id": "a-1", "name": None, "state": state, "agent": "scout/1", "method": "visit", **facts}


def test_a_pool_is_paused_or_resumed_as_it_stands() -> None:
    (pause,) = pool_deeds({"name": "p1", "state": "up", "workers": 3})
    assert (pause.title, pause.verb, dict(pause.facts)) == ("Pause pool p1", "pause-pool", {"pool": "p1"})
    assert "3 workers" in pause.will
    assert pause.done({"state": "paused", "open": 1}) == "pool p1 is paused; 1 task open"
    (resume,) = pool_deeds({"name": "p1", "state": "paused", "open": 7})
    assert (resume.title, resume.verb) == ("Resume pool p1", "resume-pool")
    assert "7 tasks" in resume.will


def test_a_breaker_is_held_either_way_or_decides() -> None:
    deeds = list(breaker_deeds("p2"))
    assert [deed.facts["action"] for deed in deeds] == ["open", "close", "auto"]
    assert {deed.verb for deed in deeds} == {"force-breaker"}
    told = [{"pool": "p2", "kind": kind, "state": "open", "mode": mode} for kind, mode in ((None, "open"), ("scout", "auto"))]
    assert deeds[0].done(told) == "pool p2 is open (open), scout is open (auto)"


def test_what_can_be_done_with_a_task_follows_from_its_state() -> None:
    for state in ("queued", "waiting", "running"):
        assert titles(task_deeds(task(state))) == ["Cancel task a-1"]
    for state in ("failed", "cancelled", "expired"):
        assert titles(task_deeds(task(state))) == ["Retry task a-1"]
    assert titles(task_deeds(task("done"))) == []
    assert titles(task_deeds(task("failed", requeued_as="a-9"))) == []
    assert titles(letter_deeds(task("failed", name="crawl"))) == ["Retry task crawl", "Drop dead letter crawl"]
    assert [deed.is_grave for deed in letter_deeds(task("failed"))] == [False, True]
    (cancel,) = task_deeds(task("running"))
    assert (cancel.verb, cancel.is_grave, dict(cancel.facts)) == ("cancel-task", True, {"task": "a-1"})


def test_all_dead_letters_are_tried_again_where_there_are_any() -> None:
    assert titles(letters_deed(0)) == []
    (every,) = letters_deed(3)
    assert (every.title, dict(every.facts)) == ("Retry all 3 dead letters", {"tasks": None, "all": True})


def test_who_is_in_quarantine_or_on_trial_can_be_released() -> None:
    agent: dict[str, Any] = {"agent": "scout/1", "status": "idle", "quarantine": None}
    assert titles(agent_deeds(agent)) == []
    assert titles(agent_deeds(agent | {"quarantine": {"status": "recovered"}})) == []
    for sick in ({"quarantine": {"status": "trial"}}, {"quarantine": {"status": "parked"}}, {"status": "quarantined"}):
        assert titles(agent_deeds(agent | sick)) == ["Release scout/1 from quarantine"]


def test_a_sprint_that_runs_is_paused_or_aborted_and_one_that_shipped_rolled_back() -> None:
    runs = sprint(3, now={"left_s": 4.0}, releases=[])
    assert titles(sprint_deeds(runs)) == [f"Pause sprint {runs['id']}", f"Abort sprint {runs['id']}"]
    assert titles(sprint_deeds(runs | {"now": {"is_paused": True}}))[0] == f"Resume sprint {runs['id']}"
    assert titles(sprint_deeds(sprint(2))) == [f"Roll back sprint {sprint(2)['id']}"]
    assert titles(sprint_deeds(sprint(1, rolled_back="x"))) == []
    assert titles(sprint_deeds(sprint(1, releases=[]))) == []


def test_the_whole_engine_can_be_stopped_which_is_grave() -> None:
    deeds = {deed.verb: deed for deed in engine_deeds()}
    assert deeds["stop"].is_grave
    assert deeds["stop"].done({"agents": 5_000}) == "the engine ends; it had 5,000 agents"
    assert deeds["rollback-deploy"].done({"outcome": "back", "phase": "idle"}) == "deploy: back"


def test_everything_about_pools_is_there_from_everywhere() -> None:
    every = titles(whole_deeds(OVERVIEW))
    assert every[:5] == [
        "Pause pool p1",
        "Hold the breaker of pool p1 open",
        "Hold the breaker of pool p1 closed",
        "Let the breaker of pool p1 decide",
        "Pause pool p2",
    ]
    assert titles(whole_deeds(None)) == titles(engine_deeds())


def test_deeds_are_found_by_the_first_word() -> None:
    deeds = list(letter_deeds(task("failed")))
    assert titles(named(deeds, "Drop")) == ["Drop dead letter a-1"]
    assert titles(named(deeds, "Pause Retry")) == ["Retry task a-1"]
    assert named(deeds, "Ret") == []


def test_names_that_command_a_terminal_are_cleaned() -> None:
    (pause,) = pool_deeds({"name": "p\x1b[31m1", "state": "up"})
    assert "\x1b" not in pause.title
    assert pause.facts == {"pool": "p\x1b[31m1"}
