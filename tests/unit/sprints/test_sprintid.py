"""An id is a day and a number, and never given twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sprints.errors import TooManySprints
from sprints.sprintid import is_sprint_id, next_sprint_id

#: 2026-11-21, 23:59:59 UTC.
LATE_S = 1_795_305_599.0


def test_the_first_of_a_day_is_001_and_the_day_is_that_of_utc() -> None:
    assert next_sprint_id(LATE_S, []) == "sp-20261121-001"
    assert next_sprint_id(LATE_S + 1, ["sp-20261121-004"]) == "sp-20261122-001"


def test_the_next_one_is_behind_all_that_there_were_also_those_that_are_gone() -> None:
    assert next_sprint_id(LATE_S, ["sp-20261121-002", "sp-20261121-003"]) == "sp-20261121-004"
    assert next_sprint_id(LATE_S, ["sp-20261121-999"]) == "sp-20261121-1000"
    assert next_sprint_id(LATE_S, ["sp-20261121-1000", "sp-20261121-999", "notes", "sp-20261120-007"]) == "sp-20261121-1001"


def test_a_clock_that_was_set_back_by_days_gives_no_id_that_stands_before_a_sprint_that_was() -> None:
    assert next_sprint_id(LATE_S, ["sp-20261121-003", "sp-20261122-007"]) == "sp-20261122-008"


def test_a_day_has_an_end() -> None:
    with pytest.raises(TooManySprints) as caught:
        next_sprint_id(LATE_S, ["sp-20261121-999999"])
    assert caught.value.retry_after_s


@given(st.floats(0, 4e9), st.integers(0, 500))
def test_ids_are_ids_and_new(at_s: float, count: int) -> None:
    before = [next_sprint_id(at_s, [])[:12] + f"{number:03}" for number in range(1, count + 1)]
    found = next_sprint_id(at_s, before)
    assert is_sprint_id(found)
    assert found not in before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sp-20261121-",
        "sp-20261121-04",
        "sp-20261321-004",
        "sp-20261121-000",
        "sp-2026112-0004",
        "../sp-20261121-004",
        "sp-20261121-004\n",
    ],
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert not is_sprint_id(text)
    assert is_sprint_id("sp-20261121-004")
