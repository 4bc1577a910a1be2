"""How bad a finding is, and what is done: below 3 restart, below 7 replace, else quarantine; the same again is worse."""

from __future__ import annotations

import pytest

from pools.healing import AGAIN_S, COUNTED, COUNTED_S, QUARANTINE, REMEMBERED, REPLACE, RESTART, SEVERITIES, Finding, Healing


def finding(what: str, agent: str = "a/1", method: str = "do", task: str = "1.0") -> Finding:
    return Finding(what, agent, method, task, "as told", "", "p1")


@pytest.mark.parametrize(
    ("what", "severity", "level"),
    [("hung", 5, REPLACE), ("leaked", 6, REPLACE), ("killed", 7, QUARANTINE), ("unreadable", 9, QUARANTINE)],
)
def test_each_finding_has_its_severity_and_level(what: str, severity: int, level: str) -> None:
    assert Healing().judge(finding(what), 0.0) == (severity, level, 1)


def test_an_error_is_answered_by_taking_the_task_back() -> None:
    healing = Healing()
    assert {healing.judge(finding("raised"), 0.0) for _ in range(9)} == {(SEVERITIES["raised"], RESTART, 0)}


def test_errors_do_not_add_up_to_a_trial() -> None:
    """An agent that raised or failed again and again, and hangs once, has hung once."""
    healing = Healing()
    for what in ("raised", "relapsed", "relapsed"):
        healing.judge(finding(what), 0.0)
    assert healing.judge(finding("hung"), 1.0) == (5, REPLACE, 1)


def test_the_same_three_times_in_a_minute_is_worse() -> None:
    healing = Healing()
    seen = [healing.judge(finding("hung"), at_s) for at_s in (0.0, 30.0, AGAIN_S)]
    assert [(one.severity, one.level) for one in seen] == [(5, REPLACE), (5, REPLACE), (7, QUARANTINE)]


def test_the_same_more_slowly_is_not() -> None:
    healing = Healing()
    assert {healing.judge(finding("hung"), at_s).severity for at_s in (0.0, 31.0, 61.0, 92.0)} == {5}


def test_other_findings_between_do_not_count_as_the_same() -> None:
    healing = Healing()
    seen = [
        healing.judge(finding(what), float(at_s)).severity for at_s, what in enumerate(["hung", "leaked", "hung", "leaked"])
    ]
    assert seen == [5, 6, 5, 6]


def test_failing_again_and_again_is_no_worse_than_that() -> None:
    """It is the third of three failures already."""
    healing = Healing()
    assert {healing.judge(finding("relapsed"), float(at_s)) for at_s in range(9)} == {(4, REPLACE, 0)}


def test_no_severity_is_above_nine() -> None:
    healing = Healing()
    assert [healing.judge(finding("unreadable"), 0.0).severity for _ in range(4)] == [9] * 4
    assert [healing.judge(finding("killed", "a/2"), 0.0).severity for _ in range(4)] == [7, 7, 9, 9]


def test_findings_count_for_ten_minutes_and_up_to_a_number() -> None:
    healing = Healing()
    assert [healing.judge(finding("hung"), at_s).findings for at_s in (0.0, COUNTED_S, COUNTED_S + 0.1)] == [1, 2, 2]
    assert [healing.judge(finding("hung", "a/2"), 0.0).findings for _ in range(COUNTED + 5)][-1] == COUNTED


def test_agents_are_judged_each_by_itself() -> None:
    healing = Healing()
    for _ in range(3):
        healing.judge(finding("killed"), 0.0)
    assert healing.judge(finding("killed", "a/2"), 0.0) == (7, QUARANTINE, 1)


def test_an_agent_that_is_well_begins_anew() -> None:
    healing = Healing()
    for _ in range(2):
        healing.judge(finding("killed"), 0.0)
    healing.well("a/1")
    healing.well("a/unknown")
    assert healing.judge(finding("killed"), 0.0).findings == 1


def test_no_more_agents_are_remembered_than_may_be_and_the_longest_quiet_is_forgotten() -> None:
    healing = Healing()
    healing.judge(finding("hung", "a/0"), 0.0)
    healing.judge(finding("hung", "a/1"), 0.0)
    healing.judge(finding("hung", "a/0"), 1.0)
    for number in range(2, REMEMBERED + 1):
        healing.judge(finding("hung", f"a/{number}"), 2.0)
    assert healing.judge(finding("hung", "a/0"), 3.0).findings == 3
    assert healing.judge(finding("hung", "a/1"), 3.0).findings == 1


def test_what_ran_is_said_as_far_as_it_is_known() -> None:
    assert finding("hung").ran == "a/1 do [1.0]"
    assert finding("hung", method="").ran == "a/1 [1.0]"
    assert finding("hung", method="", task="").ran == "a/1"
