"""What tasks say of how far they are leaves at once, then a few times a second, and is bounded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pools import progress as module
from pools.job import Waiting
from pools.progress import PROGRESS_S, Progress
from tests.support.clocks import Clock


class Rig:
    """What a worker's tasks say, with a clock by hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.said: list[list[list[float]]] = []
        self.progress = Progress(self, self.clock.s, self.clock.later)

    def send(self, letter: str, data: Any) -> None:
        """Keep a message."""
        assert (letter, data["verb"]) == ("s", "progress")
        self.said.append(data["tasks"])

    def note(self, number: int, position: int, fraction: float, places: list[int] | None = None) -> None:
        """A task says how far it is."""
        job = SimpleNamespace(number=number, places=places)
        self.progress.note(Waiting(cast(Any, job), position, None, None), fraction)


def test_the_first_word_leaves_at_once_and_the_newest_of_the_others_together_a_little_later() -> None:
    rig = Rig()
    rig.note(7, 0, 0.25)
    assert rig.said == [[[7, 0, 0.25]]]
    for fraction in (0.5, 0.75, 0.7):
        rig.note(7, 0, fraction)
    rig.note(9, 3, 0.1)
    rig.clock.pass_s(PROGRESS_S * 0.9)
    assert len(rig.said) == 1
    rig.clock.pass_s(PROGRESS_S * 0.11)
    assert rig.said[1:] == [[[7, 0, 0.7], [9, 3, 0.1]]]
    rig.note(7, 0, 0.9)
    assert len(rig.said) == 2
    rig.clock.now_ns += int(PROGRESS_S * 1.1e9)
    rig.note(7, 0, 1.0)  # the loop has not turned: it is told all the same
    assert rig.said[2:] == [[[7, 0, 1.0]]]
    rig.clock.pass_s(1)
    assert len(rig.said) == 3  # there was nothing more to tell


def test_a_part_of_a_section_is_told_by_its_place_in_the_whole_and_a_task_of_an_agent_not_at_all() -> None:
    rig = Rig()
    rig.note(7, 1, 0.5, places=[4, 6])
    assert rig.said == [[[7, 6, 0.5]]]
    for number in (0, 8):
        rig.clock.pass_s(1)
        rig.note(number, 0, 0.5)
    assert len(rig.said) == 1


def test_more_tasks_than_go_into_a_message_are_those_that_said_it_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROGRESS_TASKS", 3)
    rig = Rig()
    rig.note(1, 0, 0.0)
    for position in range(5):
        rig.note(3, position, 0.5)
    rig.note(3, 2, 0.6)
    rig.clock.pass_s(1)
    assert rig.said[1] == [[3, 3, 0.5], [3, 4, 0.5], [3, 2, 0.6]]
