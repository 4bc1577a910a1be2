"""How a process began and ended, in words."""

from __future__ import annotations

import pytest

from pools.refusal import BEGINS_ANEW
from pools.tidings import begun, ended

FOUND = {"records": 0, "stored_bytes": 0, "seconds": 0.0021, "torn": None, "is_fallback": False}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, ""),
        (FOUND, ""),
        (FOUND | {"records": 1_200}, ", 1,200 records replayed in 2 ms"),
        (
            FOUND | {"torn": ["a.log", 4_096, 7]},
            ", 0 records replayed in 2 ms; 7 bytes of a torn tail were cut off a.log at 4,096",
        ),
        (
            FOUND | {"records": 1, "is_fallback": True},
            ", 1 records replayed in 2 ms; the newest snapshots were damaged, the ones before were read",
        ),
    ],
)
def test_what_was_read_is_told_where_there_was_something(found: dict[str, object] | None, said: str) -> None:
    assert begun(found) == said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (None, "exit status unknown"),
        (0, "exit status 0"),
        (3, "exit status 3"),
        (-9, "killed by signal 9"),
        (BEGINS_ANEW, "it could not keep what it did, so it begins anew from what is kept"),
    ],
)
def test_how_a_process_ended(status: int | None, said: str) -> None:
    assert ended(status) == said
