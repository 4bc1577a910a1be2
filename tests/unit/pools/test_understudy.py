"""A process that has loaded code holds nothing, says what it has loaded, and its end is known."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pools.errors import KindNotLoaded, WorkerDied
from pools.spares import Spares
from pools.understudy import Understudy, understudy
from tests.support.processes import children, is_alive, until
from tests.support.shops import write


@pytest.fixture
def spares() -> Iterator[Spares]:
    made = Spares(1, os.environ)
    yield made
    made.close()


async def loaded(spares: Spares, folder: Path, kinds: list[str]) -> tuple[Understudy, list[dict[str, Any]]]:
    spares.watch(asyncio.get_running_loop())
    order = {"first": [str(folder)], "paths": [], "kinds": kinds}
    return await understudy(7, spares.take, lambda _pid: None, order)


async def test_it_says_what_it_has_loaded_from_the_first_folder(spares: Spares, tmp_path: Path) -> None:
    made, (facts,) = await loaded(spares, write(tmp_path / "one"), ["shop:Till"])
    other, (changed,) = await loaded(spares, write(tmp_path / "two", "wider"), ["shop:Till"])
    assert (made.number, made.is_up, made.end) == (7, True, None)
    assert (facts["kind"], set(facts["fields"]), set(changed["fields"])) == ("till", {"total"}, {"cents", "sales"})
    assert facts["mark"] != changed["mark"]
    await made.close()
    await other.close()


async def test_code_that_cannot_be_loaded_leaves_no_process(spares: Spares, tmp_path: Path) -> None:
    with pytest.raises(KindNotLoaded, match="could not be imported"):
        await loaded(spares, write(tmp_path / "one", "broken"), ["shop:Till"])
    forks = spares.forks_from
    assert forks is not None
    await until(lambda: children(forks) == [])


async def test_its_end_is_known_and_fails_what_it_was_told(spares: Spares, tmp_path: Path) -> None:
    made, _ = await loaded(spares, write(tmp_path / "one"), ["shop:Till"])
    pid = made.process.pid
    asked = made.orders.give(made.channel, {"verb": "held_up"})
    assert await asked == []
    made.process.kill()
    asked = made.orders.give(made.channel, {"verb": "held_up"})
    await until(lambda: made.end is not None)
    with pytest.raises(WorkerDied):
        await asked
    assert pid is not None
    assert not is_alive(pid)
    assert not made.is_up
    await made.close()


async def test_a_process_that_is_killed_before_it_begins_is_told(spares: Spares, tmp_path: Path) -> None:
    spares.launch(1)
    spares._waiting[0].kill()
    with pytest.raises(WorkerDied):
        await loaded(spares, write(tmp_path / "one"), ["shop:Till"])
