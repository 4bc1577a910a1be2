"""What one kind or tenant may take is checked where it is made."""

from __future__ import annotations

from typing import Any

import pytest

from pools.quota import BOUNDS, Quota


@pytest.mark.parametrize("facts", [{"rate": 0}, {"rate": -1.0}, {"open": 0}, {"concurrency": "5"}, {"burst": 0, "rate": 1.0}])
def test_a_number_that_makes_no_sense_is_refused_by_name(facts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(facts))):
        Quota(**facts)


def test_a_burst_without_a_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="a burst needs a rate"):
        Quota(burst=5)


def test_nothing_said_is_no_limit() -> None:
    assert [getattr(Quota(), name) for name in BOUNDS] == [None] * len(BOUNDS)
