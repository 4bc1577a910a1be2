"""The trial says what the counts say: a lift where there is one beyond chance, and `no lift` in every other case."""

from __future__ import annotations

from random import Random

import orjson
import pytest

from pools.trial import NO_LIFT, Trial, is_control, p_value


def trial(treated: tuple[int, int], control: tuple[int, int]) -> Trial:
    """Tasks and failures of each group."""
    made = Trial()
    made.ended(*treated, is_treated=True)
    made.ended(*control, is_treated=False)
    return made


def test_fewer_failures_than_the_control_group_are_a_lift() -> None:
    found = trial((1_000, 50), (100, 90))
    assert found.has_lift
    assert found.lift == pytest.approx(1 - 0.05 / 0.9)
    assert found.p < 1e-6
    assert found.verdict == "94% fewer failures among risky tasks"


@pytest.mark.parametrize(
    ("treated", "control"),
    [
        ((0, 0), (0, 0)),
        ((1_000, 500), (50, 25)),
        ((1_000, 700), (50, 25)),  # more failures
        ((1_000, 480), (50, 26)),  # fewer, as chance has it
        ((1_000, 0), (10, 10)),  # too few to compare with
        ((0, 0), (1_000, 900)),
        ((1_000, 0), (1_000, 0)),
        ((1_000, 1_000), (1_000, 1_000)),
    ],
)
def test_no_lift_is_said_in_these_words(treated: tuple[int, int], control: tuple[int, int]) -> None:
    found = trial(treated, control)
    assert found.verdict == NO_LIFT == "no lift"
    assert found.report()["verdict"] == "no lift"


def test_chance_alone_hardly_ever_looks_like_a_lift() -> None:
    rng = Random(11)
    lifts = sum(
        trial((950, sum(rng.random() < 0.8 for _ in range(950))), (50, sum(rng.random() < 0.8 for _ in range(50)))).has_lift
        for _ in range(300)
    )
    assert lifts <= 6  # 0.5 % of them are expected


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ((30, 100, 45, 100), 0.0285),
        ((50, 100, 50, 100), 1.0),
        ((90, 100, 10, 100), 0.0),
        ((1, 0, 1, 1), 1.0),
        ((0, 5, 0, 5), 1.0),
    ],
)
def test_the_p_value_is_that_of_two_proportions(groups: tuple[int, int, int, int], expected: float) -> None:
    """30 and 45 of 100: z is 2.191, as any table of the normal distribution has it."""
    assert p_value(*groups) == pytest.approx(expected, abs=1e-4)


def test_the_control_group_is_the_share_that_was_asked_for_and_does_not_depend_on_the_order() -> None:
    chosen = [number for number in range(100_000) if is_control(3, number, 0.05)]
    assert len(chosen) == pytest.approx(5_000, rel=0.05)
    assert chosen == [number for number in reversed(range(100_000)) if is_control(3, number, 0.05)][::-1]
    halves = sum(number < 50_000 for number in chosen)
    assert halves == pytest.approx(2_500, rel=0.08)
    assert sum(number % 2 for number in chosen) == pytest.approx(2_500, rel=0.08)


def test_another_seed_chooses_others() -> None:
    one = {number for number in range(10_000) if is_control(1, number, 0.05)}
    other = {number for number in range(10_000) if is_control(2, number, 0.05)}
    assert one
    assert other
    assert len(one & other) < 60


def test_none_and_all_are_shares_too() -> None:
    assert not any(is_control(0, number, 0.0) for number in range(10_000))
    assert all(is_control(0, number, 1.0) for number in range(10_000))


def test_the_calibration_error_is_the_distance_between_forecast_and_what_came() -> None:
    found = Trial()
    assert found.ece is None
    found.forecast(0.85, 100, 85)
    assert found.ece == pytest.approx(0)
    found.forecast(0.1, 100, 30)
    assert found.ece == pytest.approx(0.1)
    found.forecast(1.0, 100, 0)
    assert found.ece == pytest.approx(0.4)


def test_over_and_under_in_different_bins_do_not_make_up_for_each_other() -> None:
    found = Trial()
    found.forecast(0.25, 100, 45)
    found.forecast(0.75, 100, 55)
    assert found.ece == pytest.approx(0.2)


def test_a_report_is_json() -> None:
    found = trial((100, 1), (50, 40))
    found.forecast(0.5, 10, 5)
    report = found.report()
    assert orjson.loads(orjson.dumps(report)) == report
    assert report["treated"] == {"tasks": 100, "failed": 1, "rate": 0.01}
    assert report["bins"] == [{"tasks": 10, "forecast": 0.5, "failed": 0.5}]
