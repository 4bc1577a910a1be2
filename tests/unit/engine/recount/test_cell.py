"""A count is right if it is what was shown, or between what was shown before and after."""

from __future__ import annotations

import pytest

from engine.recount.cell import DIFFERS, OK, UNAVAILABLE, compared, unavailable


@pytest.mark.parametrize(
    ("before", "recounted", "after", "verdict"),
    [
        (5, 5, 5, OK),
        (5, 6, 5, DIFFERS),
        (None, None, None, OK),
        (None, 0, None, DIFFERS),
        (5, 7, 9, OK),
        (9, 7, 5, OK),
        (5, 10, 9, DIFFERS),
        (5, 4, 9, DIFFERS),
        (None, 3, 3, OK),
        (None, None, 3, OK),
        (None, 4, 3, DIFFERS),
        ("plan", "exec", "exec", OK),
        ("plan", "ship", "exec", DIFFERS),
    ],
)
def test_a_verdict(before: object, recounted: object, after: object, verdict: str) -> None:
    cell = compared("x", before, recounted, after)
    assert (cell.verdict, cell.shown, cell.recounted) == (verdict, after, recounted)
    assert cell.between == (None if before == after else (before, after))


def test_a_cell_as_json_says_only_what_there_is() -> None:
    assert compared("x", 1, 1, 1).as_dict() == {"cell": "x", "shown": 1, "recounted": 1, "verdict": OK}
    cell = unavailable({"a": {"b": 7}}, "a.b", "why")
    assert cell.as_dict() == {"cell": "a.b", "shown": 7, "recounted": None, "verdict": UNAVAILABLE, "reason": "why"}
    assert unavailable({"a": 1}, "a.b.c", "why").shown is None
