"""How a process ended, in words."""

from __future__ import annotations

import pytest

from pools.refusal import BEGINS_ANEW
from pools.tidings import ended


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
