"""What a place's processes did is added up, whoever of them told it."""

from __future__ import annotations

from pools.podium import BEFORE, Podium


def test_a_later_report_replaces_the_one_before() -> None:
    podium = Podium()
    assert (podium.rows(), podium.counted, podium.done) == ({}, 0, 0)
    podium.hear({"rows": [["a", 1, 3]], "counted": 3, "done": 4})
    podium.hear({"rows": [["a", 1, 5], ["a", "x", 2]], "counted": 7, "done": 9})
    assert (podium.rows(), podium.counted, podium.done) == ({("a", 1): 5, ("a", "x"): 2}, 7, 9)


def test_another_process_adds_to_those_before() -> None:
    podium = Podium()
    podium.hear({"rows": [["a", 1, 5]], "counted": 5, "done": 9})
    podium.begin()
    assert (podium.rows(), podium.counted, podium.done) == ({("a", 1): 5}, 5, 9)
    podium.hear({"rows": [["a", 1, 2], ["b", 1, 1]], "counted": 3, "done": 3})
    podium.begin()
    podium.begin()
    assert (podium.rows(), podium.counted, podium.done) == ({("a", 1): 7, ("b", 1): 1}, 8, 12)


def test_no_more_are_remembered_than_may_be() -> None:
    podium = Podium()
    for life in range(20):
        podium.hear({"rows": [["a", life * 8 + at, life + 1] for at in range(8)], "counted": 0, "done": 0})
        podium.begin()
    assert len(podium.rows()) == BEFORE
    assert max(podium.rows().values()) == 20
