"""A sprint: what it does when, and that it stands after a restore where its ledger ends."""

from __future__ import annotations

import pytest

from sprints.errors import SprintOver
from sprints.spec import ITEMS_OUT_AN_AGENT, PHASES
from sprints.sprint import Sprint
from tests.support.backlogs import Played, backlog_of, item

ALL = [(0, phase) for phase in PHASES]


def test_a_sprint_plans_sends_checks_ships_and_ends() -> None:
    played = Played(backlog_of(item("a"), item("b")))
    assert [event["e"] for event in played.ledger] == ["sprint", "phase", "planned", "phase", "dispatched"]
    assert played.out == ["a", "b"]
    assert played.answer("a") == ["Check"]
    assert played.judge("done", "a") == ["receipt"]
    assert played.answer("b") == ["Check", "phase"]  # nothing is left to send, so the time of the checks has come
    assert played.judge("done", "b") == ["receipt", "phase", "Ship"]
    assert played.to_ship == ["a", "b"]
    assert played.ship() == ["shipped", "ended", "End"]
    assert played.phases() == ALL
    assert played.told("ended")[0]["counts"] == {
        "done": 2, "failed": 0, "unproven": 0, "expired": 0, "cancelled": 0, "planned": 2, "carried": 0, "shipped": 2,
    }  # fmt: skip


def test_an_event_is_told_before_what_follows_from_it() -> None:
    played = Played(backlog_of(item("a")))
    assert played.answer("a") == ["Check", "phase"]
    assert played.judge("done", "a").index("phase") < 2
    fresh = Played(backlog_of(item("a"), item("b", "a")))
    assert fresh.finish("a") == ["Check", "receipt", "dispatched", "Dispatch"]


def test_an_item_leaves_once_what_it_waits_for_is_done_and_nobody_else_is_waited_for() -> None:
    played = Played(backlog_of(item("slow"), item("a"), item("b", "a"), item("c", "b")))
    assert played.out == ["slow", "a"]
    played.answer("a")
    assert played.out == ["slow"]  # an answer is no proof
    played.judge("done", "a")
    assert played.out == ["slow", "b"]
    played.finish("b")
    assert played.out == ["slow", "c"]


@pytest.mark.parametrize("verdict", ["failed", "unproven", "expired", "cancelled"])
def test_who_waits_for_what_was_not_done_is_carried(verdict: str) -> None:
    played = Played(backlog_of(item("a"), item("b", "a"), item("c", "b")))
    played.finish("a", verdict=verdict)
    assert played.is_ended
    assert played.to_ship is None
    (carried,) = played.told("carried")
    assert (carried["items"], carried["why"]) == (["b", "c"], "what it waits for was not done")
    assert [name for name, _ in played.sent] == ["a"]


def test_the_time_of_exec_is_up_and_what_was_sent_may_come_until_the_checks_end() -> None:
    played = Played(backlog_of(item("a"), item("b", "a")))
    assert played.sprint.due_s == played.now_s + 720
    assert played.after(720) == ["phase"]
    assert played.sprint.phase == "test"
    assert played.finish("a") == ["Check", "receipt", "carried", "phase", "Ship"]  # b is not sent any more
    assert played.told("carried")[0]["why"] == "the time was up before it was sent"


def test_nothing_is_sent_once_the_time_of_exec_is_up_whoever_notices_it_first() -> None:
    played = Played(backlog_of(item("a"), item("b", "a")))
    played.answer("a")
    played.now_s += 721
    assert "dispatched" not in played.judge("done", "a")
    assert played.sprint.phase == "ship"


def test_what_is_out_at_the_end_of_the_last_checks_is_taken_back_and_carried() -> None:
    played = Played(backlog_of(item("a"), item("b")))
    played.finish("a")
    played.after(720)
    assert played.after(60) == ["carried", "Recall", "phase", "Ship"]
    assert played.recalled == ["b"]
    assert played.finish("b") == []  # too late: it is the next sprint's
    played.ship()
    assert played.told("ended")[0]["counts"]["carried"] == 1


def test_an_item_that_is_answered_and_not_checked_in_time_is_carried() -> None:
    played = Played(backlog_of(item("a")))
    played.answer("a")
    assert played.after(60) == ["carried", "Recall", "phase", "ended", "End"]
    assert played.told("carried")[0]["why"] == "the time was up before it was checked"
    assert played.judge("done", "a") == []


def test_each_wave_runs_all_steps_and_takes_over_what_the_one_before_left() -> None:
    played = Played(backlog_of(*(item(f"t{at}") for at in range(10)), shape="waves"))
    assert played.told("planned")[0] == {"e": "planned", "s": 0.0, "wave": 0, "items": ["t0", "t1"], "carried_in": []}
    played.finish("t0")
    played.after(180)
    assert played.sprint.phase == "test"
    played.after(60)
    assert played.to_ship == ["t0"]
    played.ship()
    assert played.told("planned")[1]["carried_in"] == ["t1"]
    assert played.out == ["t1", "t2", "t3", "t4", "t5", "t6", "t7"]
    assert [name for name, _ in played.sent].count("t1") == 1  # it is still out, not sent again
    played.finish(*played.out)
    assert played.to_ship == ["t1", "t2", "t3", "t4", "t5", "t6", "t7"]
    while not played.is_ended:
        played.ship()
        played.finish(*played.out)
    assert played.phases() == [(wave, phase) for wave in range(4) for phase in PHASES]


def test_no_more_is_out_than_keeps_the_agents_busy_and_the_first_ones_go_first() -> None:
    names = [f"t{at:03}" for at in range(100)]
    played = Played(backlog_of(*map(item, names), agents=10))
    most = 10 * ITEMS_OUT_AN_AGENT
    assert played.out == names[:most]
    played.answer(*names[:3])
    assert played.out == names[3 : most + 3]


def test_a_pause_sends_nothing_and_stops_the_time_of_the_phase() -> None:
    played = Played(backlog_of(item("a"), item("b", "a")))
    played.after(100)
    assert played.take(played.sprint.pause(played.now_s)) == ["paused"]
    assert played.sprint.due_s is None
    assert played.finish("a") == ["Check", "receipt"]
    assert played.after(10_000) == []
    assert played.take(played.sprint.resume(played.now_s)) == ["resumed", "dispatched", "Dispatch"]
    assert played.sprint.due_s == played.now_s + 620
    assert played.take(played.sprint.resume(played.now_s)) == []


def test_an_abort_takes_back_what_is_out_and_ends() -> None:
    played = Played(backlog_of(item("a"), item("b", "a")))
    told = played.take(played.sprint.abort("enough", played.now_s))
    assert told == ["aborted", "carried", "carried", "Recall", "ended", "End"]
    assert played.recalled == ["a"]
    assert {event["why"] for event in played.told("carried")} == {"the sprint was aborted"}
    assert played.sprint.due_s is None


def test_an_abort_while_a_release_is_made_waits_for_what_became_of_it() -> None:
    played = Played(backlog_of(item("a")))
    played.finish("a")
    assert played.take(played.sprint.abort("enough", played.now_s)) == ["aborted", "HurryShip"]
    assert played.after(1_000) == []
    assert played.ship() == ["shipped", "ended", "End"]


def test_a_paused_sprint_can_be_aborted() -> None:
    played = Played(backlog_of(item("a")))
    played.take(played.sprint.pause(played.now_s))
    played.take(played.sprint.abort("enough", played.now_s))
    assert played.is_ended


def test_a_sprint_that_has_ended_takes_no_orders() -> None:
    played = Played(backlog_of(item("a")))
    played.take(played.sprint.abort("enough", played.now_s))
    for order in (played.sprint.pause, played.sprint.resume, lambda now_s: played.sprint.abort("again", now_s)):
        with pytest.raises(SprintOver, match="sp-20261121-001 has ended"):
            order(played.now_s)
    assert played.after(1_000) == []


def test_a_release_is_hurried_at_its_time_and_never_cut() -> None:
    played = Played(backlog_of(item("a")))
    played.finish("a")
    assert played.after(60) == ["HurryShip"]
    assert played.sprint.due_s is None
    assert played.after(1_000) == []
    assert played.ship("the hook took too long") == ["not_shipped", "ended", "End"]
    assert played.told("ended")[0]["counts"]["shipped"] == 0


def test_what_a_wave_could_not_ship_the_next_one_ships_with_its_own() -> None:
    played = Played(backlog_of(*(item(f"t{at}") for at in range(10)), shape="waves"))
    played.finish("t0", "t1")
    played.ship("the hook failed")
    played.finish(*played.out)
    assert played.to_ship == [f"t{at}" for at in range(8)]


def test_nothing_done_is_no_release() -> None:
    played = Played(backlog_of(item("a")))
    played.finish("a", verdict="unproven")
    assert played.is_ended
    assert played.phases() == ALL
    assert played.told("shipped") == played.told("not_shipped") == []


def test_a_clock_that_goes_back_is_no_time_at_all() -> None:
    played = Played(backlog_of(item("a"), item("b")))
    played.after(700)
    due_s = played.sprint.due_s
    assert played.after(-5_000) == []
    assert played.sprint.due_s == due_s
    played.finish("a")
    assert played.told("receipt")[0]["s"] == 700
    assert played.after(5_000) == []
    assert played.after(20) == ["phase"]
    assert [event["s"] for event in played.ledger] == sorted(event["s"] for event in played.ledger)


def test_what_comes_twice_or_from_nowhere_is_dropped() -> None:
    played = Played(backlog_of(item("a"), item("b")))
    assert played.answer("nobody") == []
    assert played.finish("a") == ["Check", "receipt"]
    assert played.finish("a", verdict="failed") == []
    assert played.ship() == []
    assert played.ship("nothing was asked for") == []


def test_what_was_done_in_an_earlier_sprint_holds_nobody_up() -> None:
    played = Played(backlog_of(item("a"), item("b", "a")), done=["a"])
    assert played.out == ["b"]


def test_a_restored_sprint_goes_on_in_its_phase_with_the_time_that_was_left() -> None:
    played = Played(backlog_of(item("a"), item("b"), item("c", "a")))
    played.after(500)
    played.finish("a")
    told = list(played.ledger)
    assert played.kill() == ["Dispatch"]
    assert played.ledger == told
    assert played.sent[-2:] == [("b", True), ("c", True)]
    assert played.sprint.due_s == played.now_s + 220
    assert played.sprint.id == "sp-20261121-001"


def test_a_restored_pause_stays_one() -> None:
    played = Played(backlog_of(item("a")))
    played.after(20)
    played.take(played.sprint.pause(played.now_s))
    played.after(5_000)
    assert played.kill() == ["Dispatch"]
    assert played.sprint.is_paused
    played.after(5_000)
    played.take(played.sprint.resume(played.now_s))
    assert played.sprint.due_s == played.now_s + 700


@pytest.mark.parametrize("written", range(1, 12))
def test_a_sprint_that_is_killed_behind_any_event_does_what_it_would_have_done(written: int) -> None:
    played = Played(backlog_of(item("a"), item("b", "a")))
    while not played.is_ended and len(played.ledger) < written:
        _step(played)
    del played.ledger[written:]
    played.kill()
    while not played.is_ended:
        _step(played)
    assert played.phases() == ALL
    assert [event["items"] for event in played.told("dispatched")] == [["a"], ["b"]]
    assert [event["item"] for event in played.told("receipt")] == ["a", "b"]
    assert len(played.told("shipped")) == len(played.told("ended")) == 1


def _step(played: Played) -> None:
    if played.out:
        played.answer(played.out[0])
    elif played.to_judge:
        played.judge("done", played.to_judge[0])
    else:
        played.ship()


def test_a_restored_abort_is_carried_through() -> None:
    played = Played(backlog_of(item("a")))
    played.take(played.sprint.abort("enough", played.now_s))
    del played.ledger[-2:]
    assert played.ledger[-1]["e"] == "aborted"
    assert played.kill() == ["carried", "Recall", "ended", "End"]


def test_events_of_others_in_a_ledger_change_nothing() -> None:
    backlog = backlog_of(item("a"))
    played = Played(backlog)
    played.ledger.append({"e": "rolled_back", "s": 1.0, "from": "0002", "to": "0001", "n": 9, "at": 1.0})
    played.kill()
    assert played.sprint.phase == "exec"
    assert isinstance(played.sprint, Sprint)


def test_a_sprint_that_was_killed_behind_its_last_event_says_again_that_it_has_ended() -> None:
    played = Played(backlog_of(item("a")))
    played.take(played.sprint.abort("enough", played.now_s))
    told = list(played.ledger)
    assert played.kill() == ["End"]
    assert played.ledger == told
