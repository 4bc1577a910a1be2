"""What a peer may ask of the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.logkeys import LogSpec
from engine.logs.scribe import Scribe, scribe
from engine.logs.verbs import LogVerbs
from engine.order import Order
from pools.errors import BadArgument


@pytest.fixture
def log(tmp_path: Path) -> Scribe:
    return scribe(tmp_path / "x", LogSpec(level="warning"), "main", 1)


async def level(log: Scribe, **facts: Any) -> dict[str, Any]:
    told: dict[str, Any] = await LogVerbs(log).verbs["log-level"](Order({"verb": "log-level", **facts}))
    return told


async def test_levels_are_told_set_and_taken_back(log: Scribe) -> None:
    assert await level(log) == {"level": "warning", "rules": []}
    assert (await level(log, level="debug"))["level"] == "debug"
    rules = (await level(log, level="off", agent="loud/*"))["rules"]
    assert rules == [{"what": "agent", "pattern": "loud/*", "level": "off"}]
    assert await level(log, reset=True) == {"level": "warning", "rules": []}


@pytest.mark.parametrize("facts", [{"level": 5}, {"level": "loud"}, {"level": "info", "agent": 5}, {"reset": "yes"}])
async def test_what_cannot_be_meant_is_refused(log: Scribe, facts: dict[str, Any]) -> None:
    with pytest.raises(BadArgument):
        await level(log, **facts)


def test_stats_tell_of_it(log: Scribe) -> None:
    assert LogVerbs(log).facts() == {"level": "warning", "written": 0, "dropped": 0}
