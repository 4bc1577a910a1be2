"""What was sent and not answered is sent again in its old places; a death is charged to the task that ran."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pools import again as module
from pools.again import ANSWERED, Again, Flight
from pools.errors import Failure
from tests.support.clocks import Clock
from tests.support.wires import Sink, Wire

GONE = Failure("WorkerDied", "it died", None)


class Setup:
    """Flights that were sent over a wire which is lost, and the wire that follows."""

    def __init__(self, *counts: int, **columns: Any) -> None:
        self.sink = Sink()
        self.flights: dict[int, Flight] = {}
        for at, count in enumerate(counts):
            self.fly(1 + 2 * at, count, **columns)
        self.clock = Clock()
        self.again = Again(self.flights, self.clock.later)
        self.wire = Wire()

    def fly(self, number: int, count: int, **columns: Any) -> None:
        section = {"n": number, "k": "counter", "i": [f"{number}.{place}" for place in range(count)], "m": "add"} | columns
        flight = Flight(self.sink, [(number, place) for place in range(count)], 0.0, section)
        flight.sent = orjson.dumps(section)
        self.flights[number] = flight

    def answer(self, number: int, *places: int) -> None:
        flight = self.flights[number]
        flight.sink.answered(flight.answer(places), ["done"] * len(places), ())
        if not flight.left:
            del self.flights[number]
        self.again.go_on()

    def lose(self, running: tuple[int, int] | None = None) -> int:
        """The wire is lost, and the next one is there."""
        given_up = self.again.detach(running, GONE)
        self.wire = Wire()
        self.again.attach(self.wire)
        return given_up

    @property
    def sent(self) -> list[tuple[int, list[str]]]:
        return [(section["n"], section["i"]) for section in self.wire.sections]


def test_a_section_without_any_answer_is_sent_again_as_it_was_and_says_so() -> None:
    setup = Setup(3, a=[1, 2, 3], c="session", q=[7, 8, 9], w=1)
    setup.lose()
    assert setup.wire.sections == [orjson.loads(setup.flights[1].sent) | {"r": 1}]
    assert "p" not in setup.wire.sections[0]


def test_a_section_with_some_answers_is_sent_again_without_those_and_with_the_old_places() -> None:
    columns = {"a": [10, 11, 12, 13], "q": [70, 71, 72, 73], "c": "session", "m": [["add", "get"], [0, 1, 1, 0]]}
    setup = Setup(4, **columns)
    setup.answer(1, 2, 0)
    setup.lose()
    (section,) = setup.wire.sections
    assert (section["p"], section["i"], section["a"], section["q"]) == ([1, 3], ["1.1", "1.3"], [11, 13], [71, 73])
    assert [section["m"][0][code] for code in section["m"][1]] == ["get", "add"]
    assert (section["n"], section["k"], section["c"]) == (1, "counter", "session")


def test_one_method_for_all_stays_one() -> None:
    setup = Setup(3)
    setup.answer(1, 1)
    setup.lose()
    assert setup.wire.sections == [{"n": 1, "k": "counter", "i": ["1.0", "1.2"], "m": "add", "p": [0, 2], "r": 1}]


def test_what_is_sent_again_goes_many_sections_a_message() -> None:
    setup = Setup(*[1] * (2 * module.AT_ONCE + 1))
    setup.lose()
    assert [len(data) for _, data in setup.wire.sent] == [module.AT_ONCE, module.AT_ONCE, 1]
    assert [number for number, _ in setup.sent] == sorted(setup.flights)


def test_nothing_is_sent_where_nothing_is_open() -> None:
    setup = Setup()
    setup.lose()
    assert setup.wire.sent == []


# -- the task that ran -------------------------------------------------------------------------------------------------


def test_the_task_that_ran_is_sent_last_and_alone() -> None:
    setup = Setup(3, 2)
    assert setup.lose(running=(1, 1)) == 0
    assert setup.sent == [(1, ["1.0", "1.2"]), (3, ["3.0", "3.1"])]
    assert setup.again.is_waiting
    setup.answer(1, 0, 2)
    setup.answer(3, 0)
    assert len(setup.sent) == 2
    setup.answer(3, 1)
    assert setup.sent[2:] == [(1, ["1.1"])]
    assert setup.wire.sections[2]["p"] == [1]
    setup.answer(1, 1)
    assert not setup.again.is_waiting
    assert setup.flights == {}


def test_a_task_alone_in_its_section_waits_for_the_others_too() -> None:
    setup = Setup(1, 1)
    setup.lose(running=(1, 0))
    assert setup.sent == [(3, ["3.0"])]
    setup.answer(3, 0)
    assert setup.sent == [(3, ["3.0"]), (1, ["1.0"])]


def test_a_task_that_is_all_there_is_goes_at_once() -> None:
    setup = Setup(1)
    setup.lose(running=(1, 0))
    assert setup.sent == [(1, ["1.0"])]


def test_the_place_of_the_task_that_ran_is_its_place_in_what_was_sent_last() -> None:
    setup = Setup(4)
    setup.answer(1, 0, 2)
    setup.lose()
    assert setup.sent == [(1, ["1.1", "1.3"])]
    setup.lose(running=(1, 1))
    assert setup.sent == [(1, ["1.1"])]
    setup.answer(1, 1)
    assert setup.sent == [(1, ["1.1"]), (1, ["1.3"])]


def test_a_task_that_ends_every_process_fails_in_the_end_and_its_neighbours_do_not() -> None:
    setup = Setup(3)
    setup.lose(running=(1, 1))
    setup.answer(1, 0, 2)
    for _ in range(module.DEATHS - 2):
        assert setup.lose(running=(1, 0)) == 0
        assert setup.wire.sections[-1]["x"] == [0]
    assert setup.lose(running=(1, 0)) == 1
    assert setup.sink.answers == {(1, 0): "done", (1, 2): "done", (1, 1): GONE}
    assert setup.flights == {}
    assert setup.wire.sent == []


def test_a_suspect_is_charged_again_only_if_it_ran() -> None:
    setup = Setup(3)
    setup.lose(running=(1, 1))
    assert setup.lose() == 0
    assert setup.sent == [(1, ["1.0", "1.2"])]
    setup.answer(1, 0, 2)
    assert setup.sent[1:] == [(1, ["1.1"])]
    setup.answer(1, 1)
    assert setup.sink.failed_with("WorkerDied") == set()


def test_several_suspects_go_one_after_the_other() -> None:
    setup = Setup(3, 2)
    setup.lose(running=(1, 1))
    setup.lose(running=(3, 0))
    assert setup.sent == [(1, ["1.0", "1.2"]), (3, ["3.1"])]
    setup.answer(1, 0, 2)
    setup.answer(3, 1)
    assert setup.sent[2:] == [(1, ["1.1"])]
    setup.again.go_on()
    assert len(setup.sent) == 3
    setup.answer(1, 1)
    assert setup.sent[3:] == [(3, ["3.0"])]
    setup.answer(3, 0)
    assert not setup.again.is_waiting


def test_suspects_wait_no_longer_for_those_that_have_no_answer_for_a_while() -> None:
    # Given tasks that end their processes, beside one that goes on waiting
    setup = Setup(1, 2)
    setup.lose(running=(3, 0))
    setup.lose(running=(3, 0))
    assert setup.sent == [(1, ["1.0"])]
    setup.lose(running=(3, 0))
    assert setup.sent == [(1, ["1.0"])]
    # When it has had its time
    setup.clock.pass_s(module.PATIENCE_S)
    # Then each suspect has gone alone, once, and only over the channel that there is
    assert setup.sent == [(1, ["1.0"]), (3, ["3.0"]), (3, ["3.1"])]
    assert [section["x"] for section in setup.wire.sections[1:]] == [[0], [0]]
    setup.answer(3, 0)
    setup.answer(1, 0)
    setup.clock.pass_s(10)
    assert len(setup.sent) == 3


def test_a_suspect_that_was_answered_is_none_any_more() -> None:
    setup = Setup(2)
    setup.lose(running=(1, 0))
    setup.answer(1, 0)  # by the process before: its answer was on its way
    setup.answer(1, 1)
    assert not setup.again.is_waiting
    assert setup.sent == [(1, ["1.1"])]


def test_a_suspect_waits_for_what_was_sent_again_and_not_for_what_is_new() -> None:
    setup = Setup(2)
    setup.lose(running=(1, 0))
    setup.fly(99, 5)
    setup.answer(1, 1)
    assert setup.sent[1:] == [(1, ["1.0"])]


@pytest.mark.parametrize("running", [(7, 0), (1, 3), (1, 99), (3, 1), (0, 0), (2**63, 2**63)])
def test_a_task_that_is_none_of_these_or_has_its_answer_is_charged_nothing(running: tuple[int, int]) -> None:
    setup = Setup(3, 2)
    setup.answer(3, 1)
    for _ in range(3):
        assert setup.lose(running=running) == 0
    assert not setup.again.is_waiting
    assert setup.sent == [(1, ["1.0", "1.1", "1.2"]), (3, ["3.0"])]


def test_without_a_wire_a_suspect_goes_nowhere() -> None:
    setup = Setup(2)
    setup.lose(running=(1, 0))
    setup.again.detach(None, GONE)
    before = len(setup.wire.sent)
    setup.answer(1, 1)
    assert len(setup.wire.sent) == before


# -- giving up ---------------------------------------------------------------------------------------------------------


def test_what_no_process_survives_fails_in_the_end_though_nobody_knows_which_task_it_was() -> None:
    setup = Setup(3)
    setup.answer(1, 1)
    for _ in range(module.TRIES):
        assert setup.lose() == 0
    assert setup.sent == [(1, ["1.0", "1.2"])]
    setup.fly(3, 1)
    assert setup.lose() == 2
    assert setup.sink.answers == {(1, 1): "done", (1, 0): GONE, (1, 2): GONE}
    assert list(setup.flights) == [3]
    assert setup.sent == [(3, ["3.0"])]


def test_a_section_is_given_up_once_though_its_suspect_is_too() -> None:
    setup = Setup(2)
    for number in range(module.TRIES):
        setup.lose(running=(1, 0) if number == 0 else None)
    setup.answer(1, 1)
    assert setup.lose(running=(1, 0)) == 1
    assert setup.sink.answers == {(1, 1): "done", (1, 0): GONE}
    assert setup.flights == {}


# -- flights -----------------------------------------------------------------------------------------------------------


def test_a_flight_gives_each_token_once() -> None:
    flight = Flight(Sink(), ("a", "b", "c"), 0.0, {})
    assert flight.answer([2, 0]) == ["c", "a"]
    assert list(flight.tokens) == [ANSWERED, "b", ANSWERED]
    assert flight.left == 1


def test_what_was_taken_back_before_the_death_is_not_sent_again() -> None:
    """Whoever took it back may have sent it anew by then, under the same number: it would be done twice."""
    setup = Setup(3, 2)
    setup.flights[1].unwanted.update((0, 2))
    setup.flights[3].unwanted.update((0, 1))
    setup.answer(1, 0)
    assert setup.lose() == 3
    assert setup.sent == [(1, ["1.1"])]
    assert setup.sink.failed_with("TaskCancelled") == {(1, 2), (3, 0), (3, 1)}
    assert list(setup.flights) == [1]
