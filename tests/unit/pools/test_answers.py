"""Answers go back in as few frames as hold them, or are handed on as copies; none is lost for the size of another."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pools.answers import ChannelAnswers, LocalAnswers, PlacedAnswers, RecordedAnswers, SessionAnswers, copied
from pools.counter import Counter
from pools.errors import Failure, FrameTooLarge
from pools.kind import Kind
from pools.message import RESULT, encode
from tests.support.kept import Desk
from tests.support.wires import Sink


class Narrow:
    """A channel whose frames hold so many bytes; keeps each answer by section and position."""

    def __init__(self, holds_bytes: int = 1_000_000) -> None:
        self.messages: list[list[dict[str, Any]]] = []
        self.kept: dict[tuple[int, int], Any] = {}
        self._holds_bytes = holds_bytes

    def send(self, letter: str, data: Any) -> None:
        """Take one message, read as a link reads it."""
        if len(encode(letter, data, 0)) > self._holds_bytes:
            raise FrameTooLarge("too large for this wire")
        assert letter == RESULT
        self.messages.append(data)
        for section in data:
            first = section.get("o", 0)
            positions = section.get("i", range(first, first + len(section["v"])))
            failed = {error[0]: Failure(*error[1:]) for error in section.get("e", ())}
            assert set(failed) <= set(range(len(section["v"])))
            for index, (position, value) in enumerate(zip(positions, section["v"], strict=True)):
                assert (section["n"], position) not in self.kept
                assert index not in failed or value is None
                self.kept[section["n"], position] = failed.get(index, value)


def answers_over(holds_bytes: int = 1_000_000) -> tuple[ChannelAnswers, Narrow]:
    wire = Narrow(holds_bytes)
    return ChannelAnswers(wire), wire  # type: ignore[arg-type]


def test_answers_wait_for_the_flush_and_share_a_message() -> None:
    answers, wire = answers_over()
    answers.answer(1, 0, [5, 6], [])
    answers.answer(3, 2, [7], [])
    answers.answer_at(5, [4, 1], [8, None], [[1, "ValueError", "as told", None]])
    assert wire.messages == []
    answers.flush()
    assert wire.messages == [
        [
            {"n": 1, "v": [5, 6]},
            {"n": 3, "v": [7], "o": 2},
            {"n": 5, "i": [4, 1], "v": [8, None], "e": [[1, "ValueError", "as told", None]]},
        ]
    ]
    answers.flush()
    assert len(wire.messages) == 1


def test_sections_too_large_together_go_one_by_one() -> None:
    answers, wire = answers_over(300)
    for number in (1, 3, 5):
        answers.answer(number, 0, ["x" * 200], [])
    answers.flush()
    assert wire.kept == {(number, 0): "x" * 200 for number in (1, 3, 5)}
    assert len(wire.messages) == 3


@pytest.mark.parametrize("way", ["from the first", "from the middle", "at positions"])
def test_a_section_too_large_is_halved_and_each_value_and_failure_keeps_its_place(way: str, chance: Random) -> None:
    for count in (2, 3, 17, 40):
        answers, wire = answers_over(400)
        failed = chance.sample(range(count), count // 3)
        results = [None if index in failed else "x" * chance.randrange(200) for index in range(count)]
        errors = [[index, "ValueError", f"of {index}", None] for index in failed]
        positions = list(range(count))
        if way == "from the first":
            answers.answer(1, 0, list(results), errors)
        elif way == "from the middle":
            positions = list(range(7, 7 + count))
            answers.answer(1, 7, list(results), errors)
        else:
            chance.shuffle(positions)
            answers.answer_at(1, positions, list(results), errors)
        answers.flush()
        wanted = [Failure("ValueError", f"of {index}") if index in failed else value for index, value in enumerate(results)]
        assert wire.kept == {(1, position): value for position, value in zip(positions, wanted, strict=True)}


@pytest.mark.parametrize("first", [0, 9])
def test_a_value_too_large_for_any_frame_fails_alone(first: int) -> None:
    answers, wire = answers_over(400)
    answers.answer(1, first, ["a", "x" * 1_000, "c"], [])
    answers.answer_at(3, [6], ["x" * 1_000], [])
    answers.flush()
    assert {place: value for place, value in wire.kept.items() if isinstance(value, str)} == {
        (1, first): "a",
        (1, first + 2): "c",
    }
    assert [wire.kept[place].type for place in ((1, first + 1), (3, 6))] == ["BadReply", "BadReply"]


def test_answers_in_the_same_worker_come_at_once_under_their_tokens() -> None:
    sink = Sink()
    answers = LocalAnswers(sink, list("abcde"))
    answers.answer(0, 1, [1, 2], [])
    answers.answer_at(0, [4, 0], [None, 0], [[0, "ValueError", "as told", None]])
    assert sink.answers == {"b": 1, "c": 2, "e": Failure("ValueError", "as told"), "a": 0}
    answers.flush()
    assert sink.order == ["b", "c", "e", "a"]


def test_what_is_handed_on_in_the_same_worker_is_a_copy() -> None:
    sink = Sink()
    mine: dict[str, Any] = {"list": [1]}
    LocalAnswers(sink, ["a", "b"]).answer(0, 0, [mine, 5], [])
    mine["list"].append(2)
    assert sink.answers == {"a": {"list": [1]}, "b": 5}


@pytest.mark.parametrize("column", [[1, "x", None, True], [], (1, 2)])
def test_values_with_nothing_inside_need_no_copy(column: Any) -> None:
    assert copied(column) is column


def test_a_copy_is_what_another_process_would_get() -> None:
    column = [[1], {"a": [None]}, 1.5, (1, 2)]
    assert copied(column) == [[1], {"a": [None]}, 1.5, [1, 2]]
    assert copied(column)[0] is not column[0]


# -- answers that are recorded -----------------------------------------------------------------------------------------

ERROR = [1, "ValueError", "as told", None]
CLIENT = b"\x07client7"


class Recording:
    """Answers over a ledger; each of them is to a task that has changed something."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.recorded = RecordedAnswers(self.desk.ledger, self.desk.ledger)

    def change(self) -> Recording:
        """A task has changed something."""
        self.desk.ledger.changed(Kind(Counter), {1: 5})
        return self

    def left(self) -> list[dict[str, Any]]:
        """The sections that have left."""
        return [section for sections in self.desk.replies() for section in sections]

    def known(self, *numbers: int) -> list[Any]:
        """What the next process knows of these sections."""
        self.desk.settle()
        self.desk.close()
        self.desk = Desk(self.desk.disk)
        return [self.desk.ledger.answers(number) for number in numbers]


def test_a_recorded_answer_leaves_when_it_is_on_the_disk() -> None:
    made = Recording().change()
    made.recorded.answer(1, 0, [5, 6], [])
    made.recorded.flush()
    assert made.left() == []
    made.desk.settle()
    assert made.left() == [{"n": 1, "v": [5, 6]}]
    made.desk.close()


def test_an_answer_that_records_nothing_leaves_at_the_flush() -> None:
    made = Recording()
    made.recorded.answer(1, 0, [5, 6], [])
    assert made.left() == []
    made.recorded.flush()
    assert made.left() == [{"n": 1, "v": [5, 6]}]
    assert made.known(1) == [None]
    made.desk.close()


def test_answers_are_known_by_their_places_and_failures_are_not_answers() -> None:
    made = Recording()
    made.change().recorded.answer(1, 0, [5, 6], [])
    made.change().recorded.answer(1, 7, [8], [])
    made.change().recorded.answer(3, 4, [5, None, 7], [ERROR])
    made.change().recorded.answer_at(5, [9, 2, 4], ["a", None, "c"], [ERROR])
    made.recorded.flush()
    assert made.known(1, 3, 5) == [{0: 5, 1: 6, 7: 8}, {4: 5, 6: 7}, {9: "a", 4: "c"}]
    made.desk.close()


def test_a_clients_answers_are_known_by_its_own_numbers_and_leave_in_the_places_of_the_section() -> None:
    made = Recording().change()
    numbers = [(3 << 10) + 1, 4 << 10, 5 << 10]
    answers = SessionAnswers(made.recorded, made.desk.ledger, CLIENT, numbers)
    answers.answer(1, 0, ["a", None], [ERROR])
    made.change()
    answers.answer_at(1, [2], ["c"], [])
    answers.flush()
    assert made.left() == []
    made.desk.settle()
    assert made.left() == [{"n": 1, "v": ["a", None], "e": [ERROR]}, {"n": 1, "i": [2], "v": ["c"]}]
    assert made.desk.ledger.known_as(CLIENT, numbers) == {0: "a", 2: "c"}
    assert made.known(1) == [None]
    assert made.desk.ledger.known_as(CLIENT, numbers) == {0: "a", 2: "c"}
    made.desk.close()


def test_answers_to_a_part_have_the_places_of_the_whole() -> None:
    made = Recording()
    answers = PlacedAnswers(made.recorded, [2, 5, 9, 11])
    made.change()
    answers.answer(1, 1, ["five", None], [ERROR])
    made.change()
    answers.answer_at(1, [3, 0], ["eleven", "two"], [])
    answers.flush()
    made.desk.settle()
    assert made.left() == [
        {"n": 1, "i": [5, 9], "v": ["five", None], "e": [ERROR]},
        {"n": 1, "i": [11, 2], "v": ["eleven", "two"]},
    ]
    assert made.known(1) == [{5: "five", 11: "eleven", 2: "two"}]
    made.desk.close()


def test_a_part_of_a_clients_section_is_known_by_its_numbers() -> None:
    made = Recording().change()
    session = SessionAnswers(made.recorded, made.desk.ledger, CLIENT, {2: 7 << 10, 5: 8 << 10})
    answers = PlacedAnswers(session, [2, 5])
    answers.answer(1, 0, ["two", "five"], [])
    answers.flush()
    made.desk.settle()
    assert made.left() == [{"n": 1, "i": [2, 5], "v": ["two", "five"]}]
    assert made.desk.ledger.known_as(CLIENT, [7 << 10, 8 << 10]) == {0: "two", 1: "five"}
    made.desk.close()
