"""What no campaign can be told is refused by its key, before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.errors import BadBacklog
from sprints.settings import SPRINTS, Settings


@pytest.mark.parametrize(
    ("key", "value"),
    [("sprints", value) for value in (0, -1, 1.5, "2", True, SPRINTS + 1)]
    + [("speed", value) for value in (0, -1, "x", None, float("nan"), 1e9, True)]
    + [("seed", value) for value in (-1, "x", 2**63, 1.0, None)],
)
def test_what_cannot_be_is_named(key: str, value: Any) -> None:
    with pytest.raises(BadBacklog, match=key) as refused:
        Settings("/work", **{key: value})
    assert refused.value.key == key


def test_what_a_ledger_keeps_of_them_makes_the_same_again() -> None:
    settings = Settings("/work", sprints=None, speed=60, seed=2**63 - 1, path=("/work",), price={"cpu_hour": 1.0}, workers=3)
    assert Settings(**settings.row()) == settings
    assert Settings("/work", sprints=SPRINTS).sprints == SPRINTS
