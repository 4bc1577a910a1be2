"""What a ledger tells is counted as it stands there, whether the sprint is over or still runs."""

from __future__ import annotations

import pytest

from sprints.chronicle import Span, chronicle_of
from tests.support.ledgers import told_of


def test_steps_receipts_and_releases_are_told_with_their_times() -> None:
    told = told_of(
        [
            {"verdict": "done", "ran_s": 2.0, "artifacts": [{"path": "a"}]},
            {"verdict": "failed", "error": {"type": "ValueError"}},
        ],
        planned=["t0", "t1", "t2"],
        carried={"the time was up": ["t2"]},
        more=[
            {"e": "shipped", "s": 60.0, "release": "0001", "manifest_sha256": "x", "items": ["t0"]},
            {"e": "not_shipped", "s": 61.0, "why": "the disk is full"},
            {"e": "rolled_back", "s": 62.0, "from": "0001", "to": "0000"},
        ],
    )
    assert (told.id, told.agents, told.workers, told.seconds, told.is_over) == ("sp-20261121-001", 10, 2, 101.0, True)
    assert told.spans[1] == Span(0, "exec", 720.0, 1.0, 101.0)
    assert [receipt.verdict for receipt in told.receipts] == ["done", "failed"]
    assert (told.receipts[0].artifacts, told.receipts[1].error) == (1, "ValueError")
    assert (told.left, told.carried) == (1, {"the time was up": ["t2"]})
    assert (told.releases, told.not_shipped, told.rolled_back) == ([("0001", 1)], ["the disk is full"], "0000")
    assert told.verdicts == {"done": 1, "failed": 1}


def test_a_pause_is_no_time_of_exec() -> None:
    told = told_of(more=[{"e": "paused", "s": 10.0}, {"e": "resumed", "s": 40.0}], exec_s=100)
    assert (told.paused_s, told.exec_s, told.seconds) == (30.0, 70.0, 101.0)


def test_a_sprint_that_still_runs_is_told_up_to_its_newest_event() -> None:
    events = [
        {"e": "sprint", "s": 0, "at": 5.0, "id": "x", "agents": 1},
        {"e": "phase", "s": 0, "wave": 0, "phase": "exec", "planned_s": 9},
        {"e": "dispatched", "s": 3.5, "items": ["a"]},
        {"e": "of a later version", "s": 4},
    ]
    told = chronicle_of(events)
    assert (told.exec_s, told.is_over, told.began_s, told.workers) == (4.0, False, 5.0, 1)


def test_of_nothing_nothing_is_told() -> None:
    told = chronicle_of([])
    assert (told.id, told.agents, told.seconds, told.exec_s, told.left, told.spans) == ("", 0, 0.0, 0.0, 0, [])


@pytest.mark.parametrize("error", ["ValueError: no", {"type": "ValueError", "message": "no"}])
def test_the_type_of_an_error_is_read_in_both_forms(error: object) -> None:
    assert told_of([{"verdict": "failed", "error": error}]).receipts[0].error == "ValueError"


def test_a_pause_that_has_not_ended_is_told_and_its_time_is_none_of_exec() -> None:
    begun = [
        {"e": "sprint", "s": 0, "at": 5.0, "id": "x", "agents": 1},
        {"e": "phase", "s": 0, "wave": 0, "phase": "exec", "planned_s": 9},
        {"e": "paused", "s": 2.0},
    ]
    assert chronicle_of(begun).pause == 2.0
    aborted = chronicle_of([*begun, {"e": "aborted", "s": 5.0, "why": "so"}, {"e": "ended", "s": 5.0, "counts": {}}])
    assert (aborted.paused_s, aborted.exec_s) == (3.0, 2.0)
    assert chronicle_of([*begun, {"e": "resumed", "s": 3.0}]).pause is None


def test_the_time_of_who_was_done_before_ends_with_its_last_item_in_each_wave() -> None:
    events = [
        {"e": "phase", "s": 0.0, "wave": 0, "phase": "exec", "planned_s": 100.0},
        {"e": "paused", "s": 10.0},
        {"e": "resumed", "s": 15.0},
        {"e": "phase", "s": 100.0, "wave": 0, "phase": "test", "planned_s": 10.0},
        {"e": "phase", "s": 110.0, "wave": 1, "phase": "exec", "planned_s": 100.0},
        {"e": "phase", "s": 150.0, "wave": 1, "phase": "test", "planned_s": 10.0},
    ]
    told = chronicle_of(events)
    assert [told.exec_until_s(ends) for ends in ([], [40.0], [105.0], [12.0], [40.0, 130.0], [130.0], [155.0])] == [
        *(0.0, 35.0, 95.0, 10.0),
        *(35.0 + 20.0, 20.0, 40.0),
    ]
