"""The record of each sick agent: what was found, what was tried, what it is now; bounded, and kept where something is."""

from __future__ import annotations

from typing import Any

from pools.healing import Finding, Healing
from pools.quarantine import ENTRIES, FINDINGS, Quarantine


class Setup:
    """A quarantine with what it kept, newest last, as copies."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, dict[str, Any]]] = []
        self.quarantine = Quarantine(lambda agent, entry: self.kept.append((agent, dict(entry))))
        self.healing = Healing()

    def note(self, what: str = "hung", agent: str = "a/1", at_s: float = 100.0, stack: str = "", status: str = "trial") -> Any:
        finding = Finding(what, agent, "do", "3.1", f"cause at {at_s:g}", stack, "p1")
        entry = self.quarantine.note(finding, self.healing.judge(finding, at_s), at_s)
        if status:
            self.quarantine.settle(agent, status)
        return entry


def test_a_record_says_what_was_found_and_what_was_tried() -> None:
    setup = Setup()
    entry = setup.note(stack="File a.py, line 1")
    assert entry == {
        "agent": "a/1",
        "since_s": 100.0,
        "status": "trial",
        "severity": 5,
        "level": "replace",
        "cause": "cause at 100",
        "method": "do",
        "task": "3.1",
        "worker": "p1",
        "stack": "File a.py, line 1",
        "findings": [
            {
                "ts": 100.0,
                "what": "hung",
                "method": "do",
                "task": "3.1",
                "cause": "cause at 100",
                "severity": 5,
                "level": "replace",
            }
        ],
        "fixes": [
            {"fix": "fail the task", "outcome": "applied", "ts": 100.0},
            {"fix": "back to the last good record", "outcome": "applied", "ts": 100.0},
            {"fix": "raise a limit", "outcome": "parked: give do @task(max_run_s=...) if it needs the time", "ts": 100.0},
        ],
    }
    assert setup.quarantine.listed() == [entry]
    assert setup.quarantine.get("a/1") is entry
    assert setup.quarantine.get("a/2") is None


def test_each_mend_says_whether_it_was_applied_or_parked() -> None:
    for what in ("hung", "killed", "leaked", "relapsed", "unreadable"):
        fixes = Setup().note(what)["fixes"]
        assert fixes
        assert all(fix["outcome"] == "applied" or fix["outcome"].startswith("parked: ") for fix in fixes)


def test_further_findings_are_added_to_the_record_and_each_mend_stands_there_once() -> None:
    setup = Setup()
    setup.note("hung", at_s=100.0, stack="where it hung")
    entry = setup.note("killed", at_s=200.0)
    assert (entry["since_s"], entry["cause"], entry["severity"]) == (100.0, "cause at 200", 7)
    assert [one["what"] for one in entry["findings"]] == ["hung", "killed"]
    assert [fix["fix"] for fix in entry["fixes"]] == ["fail the task", "back to the last good record", "raise a limit"]
    assert entry["stack"] == "where it hung"  # the newest that there is


def test_the_newest_findings_are_kept() -> None:
    setup = Setup()
    for number in range(FINDINGS + 3):
        entry = setup.note(at_s=float(number))
    assert [one["ts"] for one in entry["findings"]] == [float(number) for number in range(3, FINDINGS + 3)]


def test_an_agent_that_was_well_again_begins_a_new_record() -> None:
    for status in ("released", "recovered"):
        setup = Setup()
        setup.note(at_s=100.0, stack="old")
        setup.quarantine.settle("a/1", status)
        entry = setup.note(at_s=200.0)
        assert (entry["since_s"], len(entry["findings"]), entry["stack"]) == (200.0, 1, "")
        assert len(setup.quarantine.listed()) == 1


def test_the_sick_are_those_on_trial_or_parked() -> None:
    setup = Setup()
    for status in ("trial", "parked", "recovered", "released"):
        setup.note(agent=f"a/{status}", status=status)
    assert [entry["agent"] for entry in setup.quarantine.sick()] == ["a/trial", "a/parked"]
    assert len(setup.quarantine.listed()) == 4


def test_a_record_is_kept_once_it_says_what_the_agent_is() -> None:
    setup = Setup()
    setup.note(status="")
    assert setup.kept == []
    setup.quarantine.settle("a/1", "trial")
    setup.quarantine.settle("a/1", "recovered")
    setup.quarantine.settle("a/unknown", "recovered")
    assert [(agent, entry["status"]) for agent, entry in setup.kept] == [("a/1", "trial"), ("a/1", "recovered")]


def test_what_was_kept_is_taken_up_in_its_order() -> None:
    before = Setup()
    for number in (3, 1, 2):
        before.note(agent=f"a/{number}", at_s=float(number))
    after = Setup()
    after.quarantine.restore(reversed(before.kept))
    assert [entry["agent"] for entry in after.quarantine.listed()] == ["a/1", "a/2", "a/3"]
    assert after.quarantine.get("a/3") == before.quarantine.get("a/3")


def test_the_oldest_that_are_well_make_room_before_the_sick() -> None:
    setup = Setup()
    for number in range(ENTRIES):
        setup.note(agent=f"a/{number}", status="recovered" if number in (5, 7) else "trial")
    setup.note(agent="a/new")
    assert len(setup.quarantine.listed()) == ENTRIES
    assert setup.quarantine.get("a/5") is None
    assert setup.quarantine.get("a/7") is not None
    setup.note(agent="b/new")
    setup.note(agent="c/new")
    assert len(setup.quarantine.listed()) == ENTRIES
    assert setup.quarantine.get("a/0") is None


def test_a_finding_of_an_agent_on_record_makes_nobody_go() -> None:
    setup = Setup()
    for number in range(ENTRIES):
        setup.note(agent=f"a/{number}")
    setup.note(agent="a/9")
    assert len(setup.quarantine.listed()) == ENTRIES


def test_no_more_is_taken_up_than_may_be_on_record() -> None:
    setup = Setup()
    entry = setup.note()
    setup.quarantine.restore(
        (f"b/{number}", {**entry, "agent": f"b/{number}", "since_s": number}) for number in range(2 * ENTRIES)
    )
    assert len(setup.quarantine.listed()) <= ENTRIES + 1
    assert setup.quarantine.get(f"b/{2 * ENTRIES - 1}") is not None
    assert setup.quarantine.get("b/0") is None
