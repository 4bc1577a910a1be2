"""Every error and every recovery is counted once, and the rates are those of the last minute."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.engine import Engine
from tests.support.commands import Commands, commands
from tests.support.processes import pool, running, until
from tests.support.walkers import Walker


async def healing(engine: Engine) -> dict[str, Any]:
    """What is counted now."""
    found: dict[str, Any] = engine.stats().as_dict()["healing"]
    return found


async def fail(engine: Engine, key: int) -> None:
    """One task that fails."""
    with pytest.raises(errors.TaskFailed, match="as told"):
        await engine.ask(f"walker/{key}", "fail")


async def test_errors_and_recoveries_are_counted_once_each_and_per_minute(tmp_path: Path) -> None:
    async with running([pool(2)], [Walker], data=tmp_path / "data") as engine:
        await engine.spawn("walker", 10)
        before = await healing(engine)
        assert sum(before["errors"].values()) == sum(before["recoveries"].values()) == 0
        for key in range(5):
            await fail(engine, key)
        with pytest.raises(errors.UnknownMethod):
            await engine.ask("walker/0", "nothing")
        for kills in (1, 2):
            os.kill(engine.swarm.seats[0].pid or 0, signal.SIGKILL)
            await until(lambda kills=kills: engine.swarm.seats[0].returns == kills)  # type: ignore[misc]
        for _ in range(3):
            await fail(engine, 9)
        await until(lambda: engine.swarm.healer.mends["replaced"])
        found = await healing(engine)
        assert found["errors"] == {"tasks": 5 + 1 + 3, "workers": 2}
        assert found["recoveries"] == {"restarted": 5 + 2, "replaced": 1, "recovered": 0, "released": 0, "workers": 2}
        assert found["errors_per_min"] == 11
        assert found["recoveries_per_min"] == 10


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, with a walker."""
    with commands(tmp_path) as made:
        done = made("spawn", "--use", "tests.support.walkers:Walker", "--count", "1")
        assert done.returncode == 0, done.stderr
        yield made


def test_stats_shows_them(engine: Commands) -> None:
    assert "recovered" not in engine("stats").stdout
    assert engine("ask", "walker/0", "fail").returncode == 1
    document = engine.document("stats")["healing"]
    assert (document["errors_per_min"], document["recoveries_per_min"]) == (1, 1)
    assert (document["errors"]["tasks"], document["recoveries"]["restarted"]) == (1, 1)
    assert "1 error, 1 recovered: in the last minute 1 and 1" in engine("stats").stdout
