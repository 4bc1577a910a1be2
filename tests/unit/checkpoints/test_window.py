"""Answers are kept from a session's mark on, each as it was given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints.frame import Part
from checkpoints.stamp import stamp
from checkpoints.steps import step_part
from checkpoints.window import ANSWERS, HORIZON, MARKS, TOLD, Window, answers_part, done_part, marks_part, told_part

ONE, TWO = b"session1", b"session2"


def folded(*parts: Part) -> Window:
    window = Window()
    for part in parts:
        window.fold(part)
    return window


def test_an_answer_is_found_by_its_session_number_and_position() -> None:
    window = folded(
        answers_part(ONE, 1, {"o": 0, "v": [5, None]}),
        answers_part(ONE, 1, {"p": [4, 2], "v": ["x", [1]]}),
        answers_part(TWO, 1, {"v": [7]}),
    )
    assert window.answers(ONE, 1) == {0: 5, 1: None, 4: "x", 2: [1]}
    assert window.answers(TWO, 1) == {0: 7}
    assert window.answers(ONE, 2) is None
    assert window.answers(b"nobody!!", 1) is None


def test_what_was_received_is_forgotten_and_does_not_come_back() -> None:
    window = folded(
        answers_part(ONE, 1, {"v": [1]}),
        answers_part(ONE, 2, {"v": [2]}),
        answers_part(TWO, 1, {"v": [3]}),
        marks_part({ONE: 2}),
        marks_part({ONE: 1}),
        answers_part(ONE, 1, {"v": [9]}),
    )
    assert [window.answers(ONE, number) for number in (1, 2)] == [None, {0: 2}]
    assert window.answers(TWO, 1) == {0: 3}
    assert window.marks == {ONE: 2}


def test_its_parts_make_the_same_window_again() -> None:
    window = folded(
        *(answers_part(session, number, {"o": number, "v": [number]}) for session in (ONE, TWO) for number in range(9)),
        answers_part(ONE, 8, {"o": 0, "v": ["more"]}),
        marks_part({ONE: 5, TWO: 2}),
    )
    again = folded(*window.parts())
    assert again.marks == window.marks
    for session in (ONE, TWO):
        for number in range(10):
            assert again.answers(session, number) == window.answers(session, number)
    assert list(again.parts()) == list(window.parts())
    assert list(Window().parts()) == []


def test_a_part_of_another_letter_is_none_of_its_business() -> None:
    assert list(folded(Part(b"S", b"?"), Part(b"x", b"")).parts()) == []


@pytest.mark.parametrize(
    "part",
    [
        Part(ANSWERS, b""),
        Part(ANSWERS, b"short"),
        Part(ANSWERS, bytes(15)),
        Part(MARKS, b""),
        Part(MARKS, b"{"),
        Part(MARKS, b"[]"),
        Part(MARKS, b"5"),
        Part(MARKS, b"null"),
        Part(MARKS, b'{"zz": 1}'),
        Part(MARKS, b'{"00": "1"}'),
        Part(MARKS, b'{"00": null}'),
        Part(MARKS, b'{"00": []}'),
    ],
)
def test_what_is_no_part_is_refused(part: Part) -> None:
    with pytest.raises(ValueError):
        Window().fold(part)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"{}",
        b'{"v": 5}',
        b'{"v": [1], "p": []}',
        b'{"v": [1], "p": [1, 2]}',
        b'{"v": [1], "p": 5}',
        b'{"v": [1], "o": "x"}',
        b'{"v": [1], "p": [[]]}',
    ],
)
def test_an_answer_that_cannot_be_read_is_refused_when_it_is_asked_for(said: bytes) -> None:
    """It is not looked into before: most answers are never asked for again."""
    window = folded(Part(ANSWERS, ONE + (1).to_bytes(8, "little") + said))
    with pytest.raises(ValueError):
        window.answers(ONE, 1)


def test_an_answer_that_json_cannot_hold_is_refused_before_it_is_one() -> None:
    columns: dict[str, Any] = {"v": [object()]}
    with pytest.raises(TypeError):
        answers_part(ONE, 1, columns)


# -- how long it is kept -----------------------------------------------------------------------------------------------

DAY_S = 86_400.0
NOW_S = 1_800_000_000.0


def at(hours: float) -> int:
    """A section's number that was given so many hours from now."""
    return stamp(NOW_S + 3600 * hours)


def bounded(window: Window, now_s: float = NOW_S, most: int = 1_000) -> list[Part]:
    """Look at the bounds, and keep what that says."""
    parts = window.bounds(now_s, keep_s=DAY_S, most=most)
    for part in parts:
        window.fold(part)
    return parts


def test_answers_and_marks_of_more_than_a_day_are_forgotten_and_none_of_their_numbers_is_run_again() -> None:
    window = folded(
        answers_part(ONE, at(-30), {"v": [1]}),
        answers_part(ONE, at(-25), {"v": [2]}),
        answers_part(ONE, at(-23), {"v": [3]}),
        marks_part({TWO: at(-26)}),
        answers_part(TWO, at(-24.5), {"v": [4]}),
    )
    (part,) = bounded(window)
    assert (part.letter, window.horizon) == (HORIZON, at(-24.5) + 1)
    assert [window.answers(ONE, at(hours)) for hours in (-30, -25, -23)] == [None, None, {0: 3}]
    assert window.marks == {}
    for session in (ONE, TWO, b"nobody!!"):
        assert [window.is_old(session, at(hours)) for hours in (-30, -26, -25, -24.5)] == [True] * 4
        assert not window.is_old(session, at(-1))
    assert bounded(window) == []


def test_nothing_is_forgotten_before_its_time_and_an_idle_clock_says_nothing() -> None:
    window = folded(answers_part(ONE, at(-23.9), {"v": [1]}), marks_part({ONE: at(-23.9)}))
    assert bounded(window) == []
    assert bounded(Window()) == []
    assert bounded(folded(answers_part(ONE, 7, {"v": [1]}), marks_part({TWO: 7}))) == []
    assert not window.is_old(TWO, at(-99))  # nothing of that time was ever kept here


def test_a_clock_that_was_wrong_for_a_while_locks_nobody_out() -> None:
    """The horizon is what was forgotten, and not what the clock says."""
    window = folded(answers_part(ONE, at(-1), {"v": [1]}))
    bounded(window, NOW_S + 9_999 * DAY_S)
    assert window.horizon == at(-1) + 1
    assert not window.is_old(ONE, at(0))


def test_past_the_number_the_oldest_are_forgotten_with_a_tenth_of_room() -> None:
    window = folded(*(answers_part(ONE if number % 2 else TWO, at(number / 100), {"v": [1, 2, 3, 4]}) for number in range(60)))
    assert bounded(window, most=240) == []
    window.fold(answers_part(ONE, at(1), {"v": [5]}))
    bounded(window, most=240)
    left = [number for number in range(60) if window.answers(ONE if number % 2 else TWO, at(number / 100))]
    assert left == [*range(7, 60)]
    assert window.answers(ONE, at(1)) == {0: 5}
    assert window.is_old(ONE, at(0.06))
    assert window.is_old(b"nobody!!", at(0.06))
    assert not window.is_old(ONE, at(0.07))


def test_marks_are_counted_too() -> None:
    window = folded(marks_part({number.to_bytes(8, "big"): at(number / 1000) for number in range(100)}))
    bounded(window, most=50)
    assert len(window.marks) == 45
    assert all(window.is_old(number.to_bytes(8, "big"), at(number / 1000) - 1) for number in range(100))


def test_numbers_that_say_nothing_of_their_time_go_by_their_sessions_mark_alone() -> None:
    """An accepted task that waits behind very many later ones is never refused, whatever else is forgotten."""
    window = folded(
        *(answers_part(ONE, number, {"v": [1]}) for number in range(2, 40)),
        marks_part({b"counting": 7}),
        *(answers_part(TWO, at(number / 100), {"v": [1]}) for number in range(40)),
    )
    bounded(window, NOW_S + 2 * DAY_S, most=30)
    assert (window.marks, window.horizon) == ({b"counting": 7}, at(0.39) + 1)
    assert not window.is_old(ONE, 1)
    assert [window.answers(ONE, number) for number in (1, 2, 39)] == [None, {0: 1}, {0: 1}]
    assert not window.is_old(b"nobody!!", 0)
    window.fold(marks_part({ONE: 30}))
    assert [window.answers(ONE, number) for number in (29, 30)] == [None, {0: 1}]


def test_steps_go_with_their_tasks_answers() -> None:
    window = folded(
        step_part(f"{ONE.hex()}-{at(-30) << 10}", 0, "x", None, [1]),
        step_part(f"{TWO.hex()}-{at(-3) << 10}", 0, "x", None, [1]),
        answers_part(ONE, at(-29), {"v": [1]}),
    )
    bounded(window)
    assert list(window.steps.tasks) == [f"{TWO.hex()}-{at(-3) << 10}"]


def test_a_message_that_is_larger_than_others_is_carried_over_in_a_part_of_its_own() -> None:
    rows = [[number, "a/1", "b/1", "put", "x" * 400_000, None, 0] for number in range(1, 8)]
    window = folded(told_part(9, rows), done_part([3]))
    parts = [part for part in window.parts() if part.letter == TOLD]
    assert len(parts) == 3
    again = folded(*parts)
    assert (again.told, again.last_told) == (window.told, 9)


SESSIONS = [b"session%d" % number for number in range(4)]
HISTORY = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 3), st.integers(0, 6)),
        st.tuples(st.just("again"), st.integers(0, 3), st.integers(0, 200)),
        st.tuples(st.just("receive"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.just(0), st.integers(1, 30)),
        st.tuples(st.just("restart"), st.integers(0, 1), st.just(0)),
    ),
    max_size=80,
)


@settings(max_examples=200)
@given(HISTORY, st.integers(3, 12))
def test_no_number_is_ever_run_twice_and_no_more_is_kept_than_may_be(history: list[tuple[str, int, int]], most: int) -> None:
    """Senders ask, ask again and are away, over days and restarts: each is answered, refused, or asks for the first time."""
    window, log = Window(), []
    now_s = NOW_S
    given: list[list[int]] = [[] for _ in SESSIONS]
    ran: set[tuple[int, int]] = set()

    def note(*parts: Part) -> None:
        for part in parts:
            log.append(part)
            window.fold(part)

    def ask(who: int, number: int) -> None:
        said = window.answers(SESSIONS[who], number)
        if said is not None:
            assert said == {0: number}
        elif not window.is_old(SESSIONS[who], number):
            assert (who, number) not in ran, "it was run twice"
            ran.add((who, number))
            note(answers_part(SESSIONS[who], number, {"v": [number]}))

    for what, who, count in history:
        if what == "ask":
            for _ in range(count):
                given[who].append(max(stamp(now_s), given[who][-1] + 2 if given[who] else 0))
                ask(who, given[who][-1])
        elif what == "again" and given[who]:
            ask(who, given[who][count % len(given[who])])
        elif what == "receive" and given[who]:
            note(marks_part({SESSIONS[who]: given[who][-1 - count % len(given[who])]}))
        elif what == "wait":
            now_s += 3600.0 * count
        elif what == "restart":
            again = folded(*(window.parts() if who else log))
            assert (again.marks, again.horizon) == (window.marks, window.horizon)
            window = again
        note(*window.bounds(now_s, keep_s=DAY_S, most=most))
        kept = [number for who, numbers in enumerate(given) for number in numbers if window.answers(SESSIONS[who], number)]
        assert len(kept) + len(window.marks) <= most
        assert all(number >= stamp(now_s - DAY_S) for number in [*kept, *window.marks.values()])
