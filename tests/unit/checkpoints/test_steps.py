"""Steps of open tasks are kept, each as it was recorded, until their task has ended or is asked for no more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.frame import Part
from checkpoints.stamp import STAMPED
from checkpoints.steps import STEP, OpenSteps, Step, ended_part, step_part

ONE, TWO = b"session1", b"session2"


def task(session: bytes, section: int, place: int = 0, behind: str = "") -> str:
    return f"{session.hex()}-{section << 10 | place}{behind}"


def folded(*parts: Part) -> OpenSteps:
    kept = OpenSteps()
    for part in parts:
        kept.fold(part)
    return kept


def shown(kept: OpenSteps) -> dict[str, dict[int, Any]]:
    return {name: {ordinal: _shown(step) for ordinal, step in steps.items()} for name, steps in kept.tasks.items()}


def _shown(step: Step) -> Any:
    return step.name, step.number, step.is_done, step.value if step.is_done else None


def test_a_step_is_found_by_task_and_ordinal_with_its_value_decoded_anew() -> None:
    mine = task(ONE, 5)
    kept = folded(step_part(mine, 0, "fetch", None, [{"a": [1]}]), step_part(mine, 2, "null", None, [None]))
    assert kept.of(mine)[0].value == {"a": [1]}
    assert kept.of(mine)[0].value is not kept.of(mine)[0].value
    assert (kept.of(mine)[2].name, kept.of(mine)[2].is_done, kept.of(mine)[2].value) == ("null", True, None)
    assert 1 not in kept.of(mine)
    assert kept.of(task(ONE, 6)) == {}


def test_a_question_is_open_until_it_has_its_answer_and_the_lowest_stands_first() -> None:
    mine, other = task(ONE, 5), task(TWO, 1)
    kept = folded(step_part(mine, 0, ["a/1", "add"], 70), step_part(other, 0, ["a/2", "add"], 71))
    assert kept.asked == {70: mine, 71: other}
    assert not kept.of(mine)[0].is_done
    assert kept.fold(step_part(mine, 0, ["a/1", "add"], 70, [9])) == 70
    assert (list(kept.asked), kept.of(mine)[0].value) == ([71], 9)
    kept.fold(ended_part([other]))
    assert (kept.asked, list(kept.tasks)) == ({}, [mine])


def test_tasks_that_ended_or_whose_answer_was_received_have_no_steps() -> None:
    names = [task(ONE, 5), task(ONE, 5, 3), task(ONE, 6, 1, ".2.0"), task(TWO, 5)]
    kept = folded(*(step_part(name, 0, "x", None, [1]) for name in names))
    kept.fold(ended_part([names[0], "00-1"]))
    assert list(kept.tasks) == names[1:]
    kept.received(ONE, 6)
    assert list(kept.tasks) == names[2:]
    kept.received(ONE, 7)
    kept.received(TWO, 5)
    assert list(kept.tasks) == [names[3]]


def test_a_horizon_takes_what_is_stamped_and_older() -> None:
    names = [task(ONE, 5), task(ONE, STAMPED + 5), task(TWO, STAMPED + 9)]
    kept = folded(*(step_part(name, 0, "x", None, [1]) for name in names))
    kept.older(STAMPED, STAMPED + 9)
    assert list(kept.tasks) == [names[0], names[2]]


@pytest.mark.parametrize(
    "body",
    [b"", b"5", b"{}", b'{"t":"a","o":0,"n":"x"}', b'{"t":"00-1","o":"0","n":"x"}', b'{"t":"00-1","o":0,"n":"x","q":"7"}'],
)
def test_what_is_no_step_is_told(body: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        OpenSteps().fold(Part(STEP, body))


TASKS = st.sampled_from([task(session, section) for session in (ONE, TWO) for section in range(4)])
ACTS = st.one_of(
    st.tuples(st.just("step"), TASKS, st.integers(0, 3)),
    st.tuples(st.just("ask"), TASKS, st.integers(4, 6)),
    st.tuples(st.just("answer"), TASKS, st.integers(4, 6)),
    st.tuples(st.just("end"), TASKS, st.just(0)),
    st.tuples(st.just("received"), TASKS, st.integers(0, 4)),
)


@given(st.lists(ACTS, max_size=40))
def test_its_parts_make_the_same_steps_again_whatever_happened(acts: list[tuple[str, str, int]]) -> None:
    kept = OpenSteps()
    wanted: dict[str, dict[int, Any]] = {}
    for number, (what, name, at) in enumerate(acts, 1):
        if what == "step":
            kept.fold(step_part(name, at, "s", None, [number]))
            wanted.setdefault(name, {})[at] = ("s", None, True, number)
        elif what == "ask":
            if at not in wanted.get(name, {}):
                kept.fold(step_part(name, at, ["a", "m"], number))
                wanted.setdefault(name, {})[at] = (["a", "m"], number, False, None)
        elif what == "answer":
            if at in wanted.get(name, {}):
                asked = wanted[name][at][1]
                kept.fold(step_part(name, at, ["a", "m"], asked, [number]))
                wanted[name][at] = (["a", "m"], asked, True, number)
        elif what == "end":
            kept.fold(ended_part([name]))
            wanted.pop(name, None)
        else:
            kept.received(ONE, at)
            wanted = {one: steps for one, steps in wanted.items() if not one.startswith(ONE.hex()) or int(one[17:]) >> 10 >= at}
    open_ = sorted(step[1] for steps in wanted.values() for step in steps.values() if step[1] and not step[2])
    for made in (kept, folded(*kept.parts())):
        assert shown(made) == wanted
        assert list(made.asked) == open_
