"""What a section says of its tasks is read as a whole; what fits no task makes it none."""

from __future__ import annotations

from typing import Any

import pytest

from pools.lane import PACED, REFUSED
from pools.ranked import CRITICAL, NORMAL
from pools.section import PLACES, Section


def said(*keys: Any, **more: Any) -> dict[str, Any]:
    return {"n": 7, "k": "counter", "i": list(keys), "m": "get", **more}


def test_what_a_section_does_not_say_is_the_usual() -> None:
    section = Section.read(said(5, None))
    assert section[:8] == (7, "counter", None, None, False, NORMAL, REFUSED, False)
    assert section.rows == [(0, None, 5, "get", None, None), (1, None, None, "get", None, None)]


def test_all_that_a_section_says_is_in_its_rows() -> None:
    more = {"m": [["get", "add"], [1, 0]], "a": [3, None], "p": [4, 9], "q": [70, 71], "d": [0.5, None]}
    section = Section.read(said(5, 6, c="ab", cw=3, r=1, pr=CRITICAL, pc=1, **more))
    assert section[:8] == (7, "counter", "ab", 3, True, CRITICAL, PACED, True)
    assert section.rows == [(4, 70, 5, "add", 3, 0.5), (9, 71, 6, "get", None, None)]


def test_times_that_are_all_without_end_are_none() -> None:
    assert not Section.read(said(5, 6, d=[None, None])).is_timely


@pytest.mark.parametrize(
    "more",
    [
        {"n": True}, {"k": 5}, {"i": 5}, {"m": [["get"], [-1]]}, {"m": [["get"], [1]]}, {"a": [1, 2]}, {"a": {}},
        {"p": [PLACES]}, {"p": [0, 1]}, {"c": 5}, {"c": "ab", "q": [-1]}, {"w": "3"}, {"pr": 4}, {"pr": True},
        {"d": [-0.1]}, {"d": 5}, {"d": [1, 2]}, {"d": [float("nan")]},
    ],
)  # fmt: skip
def test_what_fits_no_task_makes_no_section(more: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, IndexError, ValueError, AttributeError)):
        Section.read(said(5) | more)
