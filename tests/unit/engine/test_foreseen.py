"""The choice for each task, from what was learned of those before; agents and time are made up, the rest is real."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from engine import foreseen as module
from engine.foreseen import AWAY, CLEAR_OUTCOMES, FRESH_S, KNOWN, Case, Foreseen, Judged
from pools.errors import BadArgument, CircuitOpen, Failure
from pools.spec import ForesightSpec
from tests.support.grounds import Plain

BROKEN = Failure("ValueError", "no")
PAIR = ("scout", "fetch")


class Rig:
    """Four agents, of which the first fails."""

    def __init__(self, *, control: float = 0.0, **ground: Any) -> None:
        self.now_s = 0.0
        self.ground = Plain(**ground)
        self.foreseen = Foreseen(ForesightSpec(control=control), self.ground, lambda: self.now_s, seed=5)

    def send(self, count: int, argument: Any = None, is_bad: Any = lambda judged, _argument: judged.key == 0) -> list[Judged]:
        """Judge tasks one after the other, each of which ends at once."""
        sent = []
        for _ in range(count):
            judged = self.foreseen.judge(*PAIR, argument)
            self.foreseen.learn(judged.case, 1, [BROKEN] if is_bad(judged, argument) else [])
            self.now_s += FRESH_S
            sent.append(judged)
        return sent


def test_a_task_goes_where_it_would_while_nothing_is_known() -> None:
    rig = Rig()
    assert [judged.key for judged in rig.send(8)] == [0, 1, 2, 3] * 2
    assert rig.foreseen.trial.risky == 0


def test_a_task_for_a_bad_place_goes_to_specialists_in_turn() -> None:
    rig = Rig()
    rig.send(200)
    later = Counter(judged.key for judged in rig.send(300))
    assert later[0] == 0
    assert min(later[1], later[2], later[3]) > 80
    trial = rig.foreseen.trial
    assert trial.actions == {"assign_to_specialist": trial.risky - trial.helpless}
    assert trial.report()["treated"]["failed"] == 0


def test_the_control_group_goes_where_it_would_whatever_its_risk() -> None:
    rig = Rig(control=1.0)
    rig.send(200)
    assert Counter(judged.key for judged in rig.send(400))[0] == 100
    trial = rig.foreseen.trial
    assert trial.actions == {}
    assert trial.report()["treated"]["tasks"] == 0
    assert trial.report()["control"]["rate"] == 1.0


def test_both_groups_together_show_the_lift() -> None:
    rig = Rig(control=0.2)
    rig.send(3_000)
    trial = rig.foreseen.trial
    assert trial.verdict == "100% fewer failures among risky tasks"
    groups = trial.report()["treated"]["tasks"] + trial.report()["control"]["tasks"]
    assert trial.risky == groups + trial.helpless
    assert trial.helpless < 10
    assert trial.report()["control"]["tasks"] == pytest.approx(trial.risky * 0.2, rel=0.35)


def test_the_group_of_a_task_is_that_of_its_number() -> None:
    rig = Rig(control=0.5)
    rig.send(200)
    groups = {}
    for number in list(range(20)) * 4:
        judged = rig.foreseen.judge(*PAIR, None, number=number)
        if judged.case.is_treated is not None:
            assert groups.setdefault(number, judged.case.is_treated) == judged.case.is_treated
    assert set(groups.values()) == {True, False}


def test_a_place_that_is_well_again_is_found_by_the_control_group() -> None:
    rig = Rig(control=0.2)
    rig.send(200)
    rig.send(6_000, is_bad=lambda *_: False)
    assert Counter(judged.key for judged in rig.send(400, is_bad=lambda *_: False))[0] == 100


def test_a_risk_without_a_remedy_is_in_neither_group() -> None:
    rig = Rig(control=0.5)
    rig.send(300, is_bad=lambda *_: True)
    trial = rig.foreseen.trial
    assert trial.risky == trial.helpless > 200
    assert trial.report()["treated"]["tasks"] == trial.report()["control"]["tasks"] == 0
    assert trial.verdict == "no lift"


def test_a_specialist_with_too_much_to_do_or_none_is_passed_over() -> None:
    rig = Rig(count=2)
    rig.send(200)
    waiting = [rig.foreseen.judge(*PAIR, None) for _ in range(2 * AWAY + 20)]
    assigned = [judged for judged in waiting if judged.case.place]
    assert len(assigned) == AWAY
    assert all(judged.key == 1 for judged in assigned)
    for judged in assigned:
        rig.foreseen.learn(judged.case, 1, [])
    assert any(judged.case.place for judged in rig.send(2))
    rig.ground.gone = {"scout/1"}
    assert not any(judged.case.place for judged in rig.send(20))


def too_large(_judged: Judged, argument: Any) -> bool:
    return len(argument[0]) > 64


def learned_sizes(rig: Rig) -> None:
    for _ in range(30):
        for size in (10, 60, 200, 800):
            rig.send(1, [[0] * size], too_large)


def test_what_is_too_large_is_split_and_small_ones_are_not() -> None:
    rig = Rig(can_split=True)
    learned_sizes(rig)
    assert rig.foreseen.judge(*PAIR, [[0] * 500]).is_split
    assert not rig.foreseen.judge(*PAIR, [[0] * 50]).is_split
    assert {risk.name for risk in rig.foreseen.judge(*PAIR, [[0] * 500]).risks} == {"high_error_rate", "resource_exhaustion"}


def test_what_cannot_be_split_is_not() -> None:
    rig = Rig(can_split=False)
    learned_sizes(rig)
    assert not rig.foreseen.judge(*PAIR, [[0] * 500]).is_split
    rig.ground.splits = True
    assert not rig.foreseen.judge(*PAIR, [[0] * 500], is_part=True).is_split
    assert not rig.foreseen.judge(*PAIR, [[0] * 500], may_split=False).is_split
    assert rig.foreseen.judge(*PAIR, [[0] * 500]).is_split


def test_the_end_of_a_task_in_parts_says_nothing_of_one_that_runs_as_it_is() -> None:
    rig = Rig(can_split=True)
    learned_sizes(rig)
    record = rig.foreseen.history.record(PAIR)
    assert record is not None
    before = record.learned
    judged = rig.foreseen.judge(*PAIR, [[0] * 500])
    rig.foreseen.learn(judged.case, 1, [])
    assert record.learned == before
    assert judged.case.forecast is None


def test_a_need_that_is_not_met_is_a_risk_from_the_first_task_on() -> None:
    rig = Rig(can_split=True)
    rig.ground.room = {"mem_bytes": 10**6}
    assert not rig.foreseen.judge(*PAIR, None, need={"mem_bytes": 10**6}).is_split
    assert rig.foreseen.judge(*PAIR, None, need={"mem_bytes": 10**6 + 1}).is_split


def test_dependencies_come_first_and_a_cycle_of_them_is_refused() -> None:
    rig = Rig()
    judged = rig.foreseen.judge(
        *PAIR, None, after=["b"], state_of=lambda _task: "queued", after_of={"b": ["a"], "a": []}.__getitem__
    )
    assert judged.first == ("a", "b")
    with pytest.raises(BadArgument, match="a → a"):
        rig.foreseen.judge(*PAIR, None, after=["a"], state_of=lambda _task: "queued", after_of=lambda _task: ["a"])


def test_nothing_is_forecast_before_something_is_known() -> None:
    rig = Rig()
    first = rig.send(KNOWN)
    assert all(judged.case.forecast is None for judged in first)
    assert rig.foreseen.trial.ece is None
    assert all(judged.case.forecast is not None for judged in rig.send(KNOWN)[-4:])


def test_forecasts_are_those_of_the_place_that_was_chosen() -> None:
    rig = Rig(control=0.2)
    rig.send(2_000)
    ece = rig.foreseen.trial.ece
    assert ece is not None
    assert ece < 0.03


def test_tasks_of_which_nothing_fails_are_let_pass_until_something_does() -> None:
    rig = Rig()
    case = rig.foreseen.clear_case(PAIR, CLEAR_OUTCOMES)
    assert not rig.foreseen.is_clear(PAIR)
    rig.foreseen.learn(case, CLEAR_OUTCOMES, [])
    rig.now_s += FRESH_S
    assert rig.foreseen.is_clear(PAIR)
    case = rig.foreseen.clear_case(PAIR, 100)
    rig.foreseen.learn(case, 100, [BROKEN] * 20)
    rig.now_s += FRESH_S
    assert not rig.foreseen.is_clear(PAIR)


def test_who_asked_wrongly_says_nothing_of_the_place() -> None:
    rig = Rig()
    judged = rig.foreseen.judge(*PAIR, None)
    for wrong in ("BadArgument", "UnknownMethod", "UnknownAgent", "UnknownKind", "TaskCancelled"):
        rig.foreseen.learn(judged.case, 1, [Failure(wrong, "")])
    assert rig.foreseen.history.record(PAIR) is None
    rig.foreseen.learn(judged.case, 3, [Failure("BadArgument", ""), BROKEN])
    record = rig.foreseen.history.record(PAIR)
    assert record is not None
    assert record.whole(0.0) == pytest.approx((1, 2), rel=0.01)


def test_one_answer_of_many_tasks_is_taken_in_at_once() -> None:
    rig = Rig()
    one, two = Case(PAIR, ("scout/1", 0), None), Case(PAIR, ("scout/2", 0), None)
    rig.foreseen.learn_all([one, two, one, two, one], [(1, BROKEN), (2, BROKEN), (3, BROKEN)])
    record = rig.foreseen.history.record(PAIR)
    assert record is not None
    places = record.places(0.0)
    assert places["scout/1"] == pytest.approx((1, 3), rel=0.01)
    assert places["scout/2"] == pytest.approx((2, 2), rel=0.01)


def test_views_of_many_pairs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VIEWS", 10)
    rig = Rig()
    for number in range(100):
        rig.foreseen.judge("scout", f"m{number}", None)
    assert len(rig.foreseen._views) <= 10


def test_the_report_says_how_it_is_set() -> None:
    report = Rig(control=0.25).foreseen.report()
    assert (report["enabled"], report["threshold"], report["control_share"]) == (True, 0.7, 0.25)
    assert report["verdict"] == "no lift"


def test_of_a_batch_those_are_judged_of_which_something_is_to_be_done() -> None:
    now_s = 0.0
    foreseen = Foreseen(ForesightSpec(control=0.0), Plain(2), lambda: now_s)
    for _ in range(100):
        judged = foreseen.judge("scout", "fetch", 1)
        foreseen.learn(judged.case, 1, [Failure("ValueError", "")] if judged.key == 0 else [])
    now_s = FRESH_S
    assert [foreseen.judge("scout", "fetch", 1).key for _ in range(2)] == [1, 1]
    before = foreseen.trial.judged
    dealt = foreseen.deal(("scout", "fetch"), [1, 1, 1, 10**6])
    assert dealt is not None
    assert [(key, case is None) for key, case in dealt] == [(0, True), (1, False), (0, True), (1, False)]
    assert foreseen.trial.judged == before + 2
    again = foreseen.judge("scout", "fetch", 1, key=0)
    assert (again.key, again.case.is_treated) == (1, True)


def test_of_a_batch_at_agents_that_nobody_knows_all_of_one_spot_have_one_case() -> None:
    foreseen = Foreseen(ForesightSpec(), Plain(2), lambda: 0.0)
    dealt = foreseen.deal(("scout", "fetch"), [1, 1, 1, 1, 10**6])
    assert dealt is not None
    cases = [case for _, case in dealt]
    assert cases[0] is cases[2] is not cases[1] is cases[3]
    assert None not in cases
    assert foreseen.trial.judged == 5


def test_of_a_batch_those_that_are_too_large_are_judged() -> None:
    now_s = 0.0
    foreseen = Foreseen(ForesightSpec(), Plain(2, can_split=True), lambda: now_s)
    for size in [1, 10**6] * 200:
        case = foreseen.judge("scout", "fetch", size).case
        foreseen.learn(case, 1, [BROKEN] if size > 1 else [])
    now_s = FRESH_S
    dealt = foreseen.deal(("scout", "fetch"), [1, 10**6, 1, 10**7])
    assert dealt is not None
    assert [case is None for _, case in dealt] == [False, True, False, True]


def test_a_pair_is_clear_as_soon_as_enough_is_known_of_it() -> None:
    foreseen = Foreseen(ForesightSpec(), Plain(2), lambda: 0.0)
    pair = "scout", "fetch"
    for count in (20, CLEAR_OUTCOMES - 21):
        foreseen.learn(foreseen.judge(*pair, None).case, count, [])
    assert not foreseen.is_clear(pair)
    foreseen.learn(foreseen.judge(*pair, None).case, 1, [])
    assert foreseen.is_clear(pair)


@pytest.mark.parametrize("name", ["CircuitOpen", "Deadlock", "TooOld", "TaskCancelled", "BadArgument"])
def test_what_says_nothing_of_the_place_is_not_learned(name: str) -> None:
    foreseen = Foreseen(ForesightSpec(), Plain(2), lambda: 0.0)
    foreseen.learn(foreseen.judge("scout", "fetch", None).case, 2, [Failure(name, "")])
    record = foreseen.history.record(("scout", "fetch"))
    assert record is not None
    assert (record.learned, record.whole(0.0)[0]) == (1, 0)


def test_a_task_that_its_place_does_not_let_in_is_not_at_a_specialist() -> None:
    now_s, ground = 0.0, Plain(2)
    foreseen = Foreseen(ForesightSpec(control=0.0), ground, lambda: now_s)
    for _ in range(100):
        judged = foreseen.judge("scout", "fetch", 1)
        foreseen.learn(judged.case, 1, [Failure("ValueError", "")] if judged.key == 0 else [])
    now_s = FRESH_S
    ground.shut.add("scout/1")
    for _ in range(4):
        with pytest.raises(CircuitOpen):
            foreseen.judge("scout", "fetch", 1)
    assert not foreseen._away
