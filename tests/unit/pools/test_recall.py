"""Steps are recorded with their tasks' end, and what is kept is looked at from time to time and in a flood."""

from __future__ import annotations

from typing import Any

from checkpoints.frame import Part
from checkpoints.stamp import stamp
from checkpoints.window import HORIZON, Window, answers_part
from pools.recall import LOOK_S, Recall
from tests.support.clocks import Clock

NOW_S, DAY_S = 1_800_000_000, 86_400
SESSION = b"session1"


class Setup:
    """A memory over a window, and what it records."""

    def __init__(self, most: int = 100, **bounds: int) -> None:
        self.clock = Clock(NOW_S * 10**9)
        self.window = Window()
        self.noted: list[tuple[Part, int]] = []
        facts: dict[str, Any] = {"sessions": (b"even", b"odd"), "wall_s": self.clock.s, "most": most}
        self.recall = Recall(self.window, self._note, **facts, **bounds)

    def _note(self, part: Part, count: int) -> None:
        self.window.fold(part)
        self.noted.append((part, count))

    def answer(self, hours: float, count: int = 1) -> int:
        number = stamp(self.clock.s() + 3600 * hours)
        self.window.fold(answers_part(SESSION, number, {"v": [1] * count}))
        return number


def test_a_step_is_a_record_and_an_end_is_none_where_there_were_no_steps() -> None:
    setup = Setup()
    size_bytes = setup.recall.stepped("00-1", 0, "x", None, [1, 2])
    assert [(count, len(part.body)) for part, count in setup.noted] == [(1, size_bytes)]
    assert setup.recall.steps.of("00-1")[0].value == [1, 2]
    setup.recall.ended("00-2")
    assert len(setup.noted) == 1
    setup.recall.ended("00-1")
    assert (len(setup.noted), setup.recall.steps.tasks) == (2, {})


def test_what_the_engine_has_received_needs_no_steps() -> None:
    setup = Setup()
    odd, even = (f"{session.hex()}-{5 << 10}" for session in (b"odd", b"even"))
    for task in (odd, even):
        setup.recall.stepped(task, 0, "x", None, 1)
    setup.recall.received(7)
    assert list(setup.recall.steps.tasks) == [even]
    assert (setup.recall.session_of(5), setup.recall.session_of(6)) == (b"odd", b"even")


def test_the_bounds_are_looked_at_at_first_and_then_now_and_then() -> None:
    setup = Setup()
    old = setup.answer(-25)
    setup.recall.bound()
    assert [part.letter for part, _ in setup.noted] == [HORIZON]
    assert setup.recall.is_old(SESSION, old)
    setup.answer(-24.5)
    setup.clock.pass_s(LOOK_S - 1)
    setup.recall.bound()
    assert len(setup.noted) == 1
    setup.clock.pass_s(1)
    setup.recall.bound()
    assert len(setup.noted) == 2


def test_large_answers_of_clients_that_left_are_forgotten_and_none_that_is_young() -> None:
    setup = Setup(100_000, most_bytes=10_000)
    setup.recall.bound()
    numbers = []
    for _ in range(20):
        numbers.append(setup.answer(0, 500))  # some 1,000 bytes
        setup.recall.bound(500, 1_000)
        setup.clock.pass_s(60)
    kept = [number for number in numbers if setup.window.answers(SESSION, number)]
    assert 8 <= len(kept) <= 10
    assert kept == numbers[-len(kept) :]
    numbers = [setup.answer(at / 3600, 500) for at in range(50)]
    setup.clock.pass_s(60)
    setup.recall.bound(500, 50_000)
    assert [number for number in numbers if setup.window.answers(SESSION, number)] == numbers
    assert not any(setup.window.answers(SESSION, number) for number in kept[:3])


def test_a_flood_of_answers_is_looked_at_before_its_time() -> None:
    setup = Setup(most=100)
    setup.recall.bound()
    for number in range(30):
        setup.answer(number / 100, 5)
        setup.recall.bound(5)
        kept = sum(len(setup.window.answers(SESSION, stamp(NOW_S + 36 * at)) or ()) for at in range(30))
        assert kept <= 110
    assert setup.noted
