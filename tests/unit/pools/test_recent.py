"""What is remembered of the last tasks, whatever form their answers came in, and no more of it than is allowed."""

from __future__ import annotations

from typing import Any

from pools.recent import ANSWERS, TASKS, Past, Recent


def section(keys: list[Any], methods: Any = "add") -> dict[str, Any]:
    return {"n": 1, "k": "counter", "i": keys, "m": methods}


def test_the_last_tasks_of_an_agent_are_told_newest_first() -> None:
    recent = Recent()
    recent.note(section([1, 2, 1]), {"v": [5, 6, 7]}, 0.25, 10.0)
    recent.note(section([1]), {"v": [None], "e": [[0, "ValueError", "no", None]]}, 0.5, 11.0)
    assert recent.of("counter", 1, 10) == [
        Past(11.0, 0.5, "add", "ValueError: no"),
        Past(10.0, 0.25, "add", None),
        Past(10.0, 0.25, "add", None),
    ]
    assert len(recent.of("counter", 1, 2)) == 2
    assert recent.of("counter", 3, 10) == []
    assert recent.of("other", 1, 10) == []


def test_methods_and_errors_belong_to_the_places_that_an_answer_names() -> None:
    recent = Recent()
    sent = section([1, 2, 3, 4], [["add", "get"], [0, 1, 0, 1]])
    recent.note(sent, {"v": [None, 1], "i": [3, 0], "e": [[0, "KeyError", "x", None]]}, 0.1, 1.0)
    recent.note(sent, {"v": [8, None], "o": 1, "e": [[1, "KeyError", "y", None]]}, 0.1, 2.0)
    told = {key: [(past.method, past.error) for past in recent.of("counter", key, 5)] for key in (1, 2, 3, 4)}
    assert told == {
        1: [("add", None)],
        2: [("get", None)],
        3: [("add", "KeyError: y")],
        4: [("get", "KeyError: x")],
    }


def test_only_so_many_tasks_and_answers_are_remembered() -> None:
    recent = Recent()
    recent.note(section(["old"]), {"v": [0]}, 0.1, 0.0)
    for number in range(TASKS // 1_024):
        recent.note(section([number] * 1_024), {"v": [0] * 1_024}, 0.1, 1.0)
    assert recent.of("counter", "old", 1) == []
    assert len(recent.of("counter", 0, 2_000)) == 1_024
    for _ in range(ANSWERS):
        recent.note(section(["new"]), {"v": [0]}, 0.1, 2.0)
    assert recent.of("counter", 5, 1) == []
    assert len(recent.of("counter", "new", ANSWERS + 5)) == ANSWERS
    assert recent._tasks == ANSWERS


def test_an_answer_larger_than_all_that_is_remembered_is_remembered_alone() -> None:
    recent = Recent()
    recent.note(section([1]), {"v": [0]}, 0.1, 0.0)
    recent.note(section([2] * (TASKS + 1)), {"v": [0] * (TASKS + 1)}, 0.1, 1.0)
    assert recent.of("counter", 1, 1) == []
    assert len(recent.of("counter", 2, 3)) == 3
