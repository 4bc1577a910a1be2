"""What is on its way is found task by task, and what is told of its end names whole sections where it can."""

from __future__ import annotations

from typing import Any

from pools.again import Flight
from pools.flights import Flights
from tests.support.wires import Sink


def flight(sink: Sink, *keys: Any, methods: Any = "get") -> Flight:
    return Flight(sink, [f"token {key}" for key in keys], 0.0, {"n": 0, "k": "counter", "i": list(keys), "m": methods})


def test_a_task_is_found_by_its_section_and_place() -> None:
    flights = Flights()
    flights[7] = flight(Sink(), 5, "x", methods=[["get", "add"], [0, 1]])
    assert flights.task(7, 0) == ("counter/5", "get")
    assert flights.task(7, 1) == ("counter/x", "add")
    assert flights.task(7, 2) is flights.task(9, 0) is None


def test_of_each_sender_the_tasks_without_an_answer_are_told_with_their_agents() -> None:
    flights, one, two = Flights(), Sink(), Sink()
    flights[7], flights[9] = flight(one, 5, 6, 7), flight(two, 8)
    flights[7].answer([1])
    mine = [("token 5", (7, 0), "counter/5"), ("token 7", (7, 2), "counter/7")]
    assert list(flights.tasks(one)) == mine
    assert list(flights.tasks()) == [*mine, ("token 8", (9, 0), "counter/8")]


def test_sections_that_are_meant_whole_are_told_together_and_the_others_task_by_task() -> None:
    flights = Flights()
    for number in (7, 9, 11, 13):
        flights[number] = flight(Sink(), 1, 2, 3)
    flights[9].answer([0])
    told = list(flights.cancels({7: [0, 1, 2], 9: [1, 2], 11: [2, 0], 13: []}))
    assert told == [
        {"sections": [7, 9]},
        {"sections": [11], "position": 2},
        {"sections": [11], "position": 0},
    ]
    assert list(flights.cancels({7: [0, 1, 2]})) == [{"sections": [7], "position": place} for place in range(3)]
