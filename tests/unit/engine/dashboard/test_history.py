"""The figures of the last minutes, as columns of a curve."""

from __future__ import annotations

from engine.dashboard.history import GAP_S, POINTS, SPEED, History


def document(time_s: float, complete: int | None = 0, **resources: float) -> dict[str, object]:
    return {"time_s": time_s, "tasks": {"complete": complete, "failed": 0, "queue": 3}, "resources": resources}


def test_a_speed_is_what_ended_between_two_looks() -> None:
    history = History()
    for second in range(11):
        history.add(document(100.0 + second, 50 * second))
    assert history.speeds(110.0, 10, 10.0) == [50.0] * 10


def test_what_is_counted_anew_after_a_restart_is_no_speed_below_zero() -> None:
    history = History()
    for second, complete in enumerate([900, 1_000, 10, 20]):
        history.add(document(100.0 + second, complete))
    assert [value for value in history.speeds(103.0, 4, 4.0) if value is not None] == [100.0, 100.0, 10.0]


def test_a_time_in_which_nobody_looked_is_a_gap() -> None:
    history = History()
    history.add(document(101.0, 0, cpu=0.5))
    history.add(document(200.0, 1_000, cpu=0.7))
    columns = history.values("cpu", 200.0, 100, 100.0)
    assert columns[0] == 0.5
    assert columns[50] is None
    assert columns[-1] == 0.7
    assert all(value is None for value in history.speeds(200.0, 100, 100.0))


def test_points_stand_in_the_order_of_their_time_whenever_they_came() -> None:
    history = History()
    for second in (5, 1, 3, 3, 2, 4):
        history.add(document(float(second), second))
    assert [point.time_s for point in history.within(4.0, 2.0)] == [2.0, 3.0, 4.0]
    assert len(history) == 5


def test_what_is_kept_is_bounded_and_the_oldest_goes() -> None:
    history = History()
    for second in range(POINTS + 10):
        history.add(document(float(second)))
    assert len(history) == POINTS
    assert history.within(9.0, 100.0) == []


def test_what_is_not_known_has_no_column() -> None:
    history = History()
    history.add({"time_s": 100.0})
    assert history.values("cpu", 100.0, 3, 3.0) == [None, None, None]


def test_a_curve_ends_with_what_was_seen_last() -> None:
    history = History()
    for second in range(20):
        history.add(document(100.0 + second, 50 * second, cpu=0.9 if second < 19 else 0.1))
    assert history.curve("cpu", 119.2, 10)[-1] == history.newest("cpu", 119.2) == 0.1
    assert history.curve(SPEED, 119.2, 10)[-1] == history.newest(SPEED, 119.2) == 50.0


def test_nothing_is_newest_where_nobody_has_looked_lately() -> None:
    history = History()
    assert history.newest("cpu", 100.0) is None
    for second in range(20):
        history.add(document(100.0 + second, 50 * second, cpu=0.9))
    assert history.newest("cpu", 119.0 + GAP_S / 2) == 0.9
    assert history.newest(SPEED, 119.0 + GAP_S / 2) == 50.0
    assert history.newest("cpu", 120.0 + GAP_S) is None
    assert history.newest(SPEED, 120.0 + GAP_S) is None
