"""Pools that ask for a share of the machine are under it while the engine runs, and their memory is looked at."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pools import limits as module
from pools.cgroup import CpuTree, NoTree
from pools.limits import Limits
from pools.spec import PoolSpec
from tests.support.cgroups import fake_tree
from tests.support.processes import until

#: When the looks of every test were.
SECONDS: list[float] = []


@dataclass
class Seat:
    pid: int | None


@dataclass
class Pool:
    """A pool by hand."""

    spec: PoolSpec
    seats: list[Seat] = field(default_factory=list)
    cpu: Any = None
    looks: int = 0

    def watch_memory(self) -> None:
        """Count the looks."""
        self.looks += 1


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CpuTree:
    """A tree of control groups whose files are plain ones."""
    made = fake_tree(tmp_path, 1)
    monkeypatch.setattr(module, "find_tree", lambda: made)
    return made


def limits(*pools: Pool) -> Limits:
    return Limits("engine", pools, SECONDS.append)  # type: ignore[arg-type]


async def ended(made: Limits) -> None:
    made.forget()
    await made.lift()


def groups(tree: CpuTree) -> list[str]:
    return sorted(group.name for group in tree.home.glob("engine.*"))


async def test_a_pool_that_asks_has_a_group_with_its_workers_and_loses_it_at_the_end(tree: CpuTree) -> None:
    asks, plain = Pool(PoolSpec("p1", cpu=0.5), [Seat(4_001), Seat(None), Seat(4_003)]), Pool(PoolSpec("p2"), [Seat(4_004)])
    made = limits(asks, plain)
    made.enforce()
    (group,) = groups(tree)
    assert ".p1." in group
    assert asks.cpu.how == "cgroup v1"
    assert plain.cpu is None
    await until(lambda: (tree.home / group / "cgroup.procs").exists())
    made.forget()
    assert asks.cpu.how == "cgroup v1"
    await made.lift()
    assert groups(tree) == []


async def test_a_worker_that_is_born_later_is_put_under_the_share_too(tree: CpuTree) -> None:
    pool = Pool(PoolSpec("p1", cpu=0.5))
    made = limits(pool)
    made.admit(pool, 4_005)  # type: ignore[arg-type]
    made.enforce()
    (group,) = groups(tree)
    assert not (tree.home / group / "cgroup.procs").exists()
    made.admit(pool, 4_006)  # type: ignore[arg-type]
    await until(lambda: (tree.home / group / "cgroup.procs").exists())
    await until(lambda: (tree.home / group / "cgroup.procs").read_text() == "4006")
    await ended(made)


async def test_all_groups_are_there_before_the_first_worker_is_moved(tree: CpuTree, monkeypatch: pytest.MonkeyPatch) -> None:
    made = limits(*(Pool(PoolSpec(name, cpu=0.5), [Seat(4_001 + at)]) for at, name in enumerate(("p1", "p2", "p3"))))
    there: list[int] = []
    monkeypatch.setattr(made, "admit", lambda _pool, *_pids: there.append(len(groups(tree))))
    made.enforce()
    assert there == [3, 3, 3]
    await ended(made)


async def test_groups_that_a_dead_engine_of_this_name_left_are_removed(tree: CpuTree) -> None:
    (tree.home / "engine.engine.9-9.p1.0").mkdir()
    (tree.home / "engine.other.9-9.p1.0").mkdir()
    made = limits(Pool(PoolSpec("p1", cpu=0.5)))
    made.enforce()
    assert "engine.engine.9-9.p1.0" not in groups(tree)
    assert "engine.other.9-9.p1.0" in groups(tree)
    await ended(made)


async def test_where_nobody_asks_no_group_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(module, "find_tree", lambda: looked.append(1))
    pool = Pool(PoolSpec("p1"), [Seat(1)])
    made = limits(pool)
    made.enforce()
    made.admit(pool, 1)  # type: ignore[arg-type]
    await ended(made)
    assert (looked, pool.cpu) == ([], None)


async def test_where_no_group_can_be_made_the_share_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_tree", lambda: NoTree("not here"))
    pool = Pool(PoolSpec("p1", cpu=0.5, workers=1))
    made = limits(pool)
    made.enforce()
    assert pool.cpu.describe().endswith("cgroup unavailable: not here")
    await ended(made)


async def test_the_memory_of_every_pool_is_looked_at_again_and_again_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WATCH_S", 0.001)
    pools = [Pool(PoolSpec("p1")), Pool(PoolSpec("p2"))]
    made = limits(*pools)
    made.enforce()
    assert [pool.looks for pool in pools] == [0, 0]
    await until(lambda: all(pool.looks >= 3 for pool in pools))
    made.forget()
    seen = [pool.looks for pool in pools]
    await asyncio.sleep(0.01)
    assert [pool.looks for pool in pools] == seen
    await made.lift()


async def test_limits_that_were_never_enforced_can_be_lifted() -> None:
    await ended(limits(Pool(PoolSpec("p1", cpu=0.5))))
