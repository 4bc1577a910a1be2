"""Only large messages count, each once and for as long as it is on its way."""

from __future__ import annotations

from typing import Any

import pytest

from pools.bulk import LARGE_BYTES, Bulk


def row(number: int, argument: Any) -> list[Any]:
    """A message."""
    return [number, "s/1", "far/1", "add", argument, None, 0]


COUNTED = [("x" * 253, 0), ("x" * 254, 256), (None, 0), ([1] * 200, 401), ("ä" * 200, 402)]


@pytest.mark.parametrize(("argument", "size_bytes"), COUNTED)
def test_an_argument_counts_as_json_from_a_size_on(argument: Any, size_bytes: int) -> None:
    assert LARGE_BYTES == 256
    assert Bulk([row(1, argument)]).size_bytes == size_bytes


def test_what_has_arrived_counts_no_more_and_never_twice() -> None:
    bulk = Bulk([row(1, "x" * 998), row(2, "y"), row(3, "z" * 498)])
    bulk.add(row(4, "x" * 298))
    assert bulk.size_bytes == 1_800
    for number in (1, 1, 2, 9):
        bulk.drop(number)
    assert bulk.size_bytes == 800
