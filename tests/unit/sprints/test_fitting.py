"""A line names as many as it has room for, counted in the bytes of JSON."""

from __future__ import annotations

import orjson
import pytest

from sprints import fitting as module
from sprints.fitting import fitting
from sprints.ledger import LINE_BYTES
from sprints.spec import IDS_BYTES


@pytest.mark.parametrize("sign", ["a", "\u00e9", "\u65e5", "\U0001f600", "\x1f", '"', "\\"])
def test_what_fits_is_as_long_as_it_may_be_and_no_longer(sign: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDS_BYTES", 1_000)
    names = [sign * 7] * 500
    count = fitting(names)
    assert len(orjson.dumps(names[:count])) <= 1_000 + 1 < len(orjson.dumps(names[: count + 1])) + 1
    assert fitting(names[:count]) == count


def test_what_is_written_beside_a_name_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDS_BYTES", 100)
    assert fitting(["a"] * 100) == 25
    assert fitting(["a"] * 100, lambda _name: ("feature",)) == 7
    assert fitting([]) == 0


def test_three_lists_fit_in_one_line_and_a_sprint_of_a_hundred_thousand_is_not_cut() -> None:
    assert 3 * IDS_BYTES < LINE_BYTES
    assert fitting([f"task-{at:06d}" for at in range(100_000)]) == 100_000
    assert fitting([f"{at:0128d}" for at in range(100_000)]) < 41_000
