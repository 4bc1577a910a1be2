"""Answers are kept from a session's mark on, each as it was given."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints.frame import Part
from checkpoints.window import ANSWERS, MARKS, Window, answers_part, marks_part

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
