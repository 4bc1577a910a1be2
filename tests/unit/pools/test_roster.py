"""What was spawned is there when an engine starts again, in the pools where it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checkpoints.compaction import forget
from checkpoints.errors import CheckpointError, DiskFull, FolderInUse
from checkpoints.files import Disk
from checkpoints.store import open_store
from pools import roster as module
from pools.errors import StateUnreadable
from pools.placement import Part, Placement
from pools.roster import Roster
from pools.spec import PoolSpec
from tests.support.processes import until

POOLS = (PoolSpec("a", agents=100), PoolSpec("b", agents=100, workers=2))


@contextmanager
def open_roster(folder: Path, pools: tuple[PoolSpec, ...] = POOLS) -> Iterator[Roster]:
    roster = Roster(str(folder), pools, is_synced=False)
    try:
        yield roster
    finally:
        roster.close()


def restored(roster: Roster, pools: tuple[PoolSpec, ...] = POOLS, limit: int = 1_000) -> Placement:
    placement = Placement(pools, limit)
    assert roster.restore(placement) == placement.count
    return placement


def test_a_new_roster_has_nothing(tmp_path: Path) -> None:
    with open_roster(tmp_path) as roster:
        placement = restored(roster)
        assert (placement.count, placement.kinds(), roster.classes()) == (0, [], {})


def test_the_pools_of_a_new_roster_are_one_commit(tmp_path: Path) -> None:
    roster = Roster(str(tmp_path), POOLS, is_synced=True)
    assert (roster._store.log.durable, roster._store.log.syncs) == (len(POOLS), 1)
    roster.close()


async def test_agents_are_where_they_were(tmp_path: Path) -> None:
    before = Placement(POOLS, 1_000)
    with open_roster(tmp_path) as roster:
        for count in (10, 1, 25):
            await roster.spawned("counter", before.add_range("counter", count), {})
        await roster.spawned("counter", [], before.add_names("counter", ["x", "y", "z"]))
        await roster.spawned("module", [], before.add_names("module", ["os", "re"]))
        await roster.spawned("module", [], before.add_names("module", ["io"]))
    with open_roster(tmp_path) as roster:
        after = restored(roster)
    assert (after.count, after.used, sorted(after.kinds())) == (before.count, before.used, sorted(before.kinds()))
    for kind, keys in (("counter", [*range(36), "x", "y", "z"]), ("module", ["os", "re", "io"])):
        assert [after.worker_of(kind, key) for key in keys] == [before.worker_of(kind, key) for key in keys]
        assert after.count_of(kind) == len(keys)
    assert after.add_range("counter", 5)[0].start == 36


async def test_where_classes_are_found_is_kept_and_the_last_word_counts(tmp_path: Path) -> None:
    with open_roster(tmp_path) as roster:
        await roster.loaded("counter", "pools.counter:Counter", [])
        await roster.loaded("doc", "doc.py:Doc", ["here"])
        await roster.loaded("doc", "doc2.py:Doc", ["here", "there"])
    with open_roster(tmp_path) as roster:
        assert roster.classes() == {"counter": ("pools.counter:Counter", []), "doc": ("doc2.py:Doc", ["here", "there"])}


async def test_a_spawn_is_on_the_disk_when_it_is_acknowledged(tmp_path: Path) -> None:
    """Many at once, of which none is waited for but the last: they are written in their order."""
    roster = Roster(str(tmp_path / "a"), POOLS, is_synced=True)
    puts = [roster.spawned("counter", [Part(number % 2, number, number + 1)], {}) for number in range(50)]
    await puts[-1]
    assert all(put.done() for put in puts)
    (log,) = (tmp_path / "a").glob("*.log")
    copy = tmp_path / "b"
    copy.mkdir()
    for file in (tmp_path / "a").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())  # as a kill leaves it
    roster.close()
    with open_roster(copy) as again:
        placement = restored(again)
    assert [placement.pool_of("counter", key) for key in range(50)] == [0, 1] * 25
    assert log.exists()


async def test_any_history_of_spawns_comes_back(tmp_path: Path, chance: Random) -> None:
    pools = (PoolSpec("a", agents=10_000), PoolSpec("b", agents=10_000), PoolSpec("c", agents=5_000))
    before = Placement(pools, 100_000)
    for life in range(5):
        with open_roster(tmp_path, pools) as roster:
            after = restored(roster, pools)
            assert after.used == before.used
            for number in range(chance.randrange(10)):
                kind = chance.choice("xyz")
                if chance.random() < 0.5:
                    await roster.spawned(kind, before.add_range(kind, chance.randrange(1, 50)), {})
                else:
                    names = [f"n{life}-{number}-{at}" for at in range(chance.randrange(1, 9))]
                    await roster.spawned(kind, [], before.add_names(kind, names))
    with open_roster(tmp_path, pools) as roster:
        after = restored(roster, pools)
    for kind in before.kinds():
        assert sorted(map(str, after.page(kind, 0, 10_000))) == sorted(map(str, before.page(kind, 0, 10_000)))
        for key in before.page(kind, 0, 10_000):
            assert after.pool_of(kind, key) == before.pool_of(kind, key)


def test_more_agents_than_the_limits_of_today_come_back_all_the_same() -> None:
    placement = Placement([PoolSpec("a", agents=3)], 5)
    placement.restore("counter", [Part(0, 0, 10)], [(0, ["x"])])
    assert (placement.count, placement.used) == (11, [11])


# -- agents that are removed -------------------------------------------------------------------------------------------


async def test_a_removal_is_kept_and_told_again_until_every_worker_knows_it(tmp_path: Path) -> None:
    before = Placement(POOLS, 1_000)
    with open_roster(tmp_path) as roster:
        await roster.spawned("counter", before.add_range("counter", 10), {})
        await roster.spawned("counter", [], before.add_names("counter", ["x", "y"]))
        restored(roster)
        taken = before.take("counter", [(3, 5)], ["x"])
        number = await roster.removed("counter", *taken)
    for _ in range(2):
        with open_roster(tmp_path) as roster:
            assert restored(roster).page("counter", 0, 99) == [0, 1, 2, 5, 6, 7, 8, 9, "y"]
            assert roster.going() == [("counter", *taken, number)]
    with open_roster(tmp_path) as roster:
        placement = restored(roster)
        await roster.settled("counter", number)
        await roster.spawned("counter", placement.add_range("counter", 1), {})
        await roster.spawned("counter", [], placement.add_names("counter", ["x"]))
    with open_roster(tmp_path) as roster:
        assert restored(roster).page("counter", 0, 99) == [0, 1, 2, 3, 5, 6, 7, 8, 9, "y", "x"]
        assert roster.going() == []


async def test_once_a_removal_is_settled_no_record_names_who_was_removed(tmp_path: Path) -> None:
    placement = Placement(POOLS, 1_000)
    with open_roster(tmp_path) as roster:
        roster.restore(placement)
        await roster.spawned("counter", [], placement.add_names("counter", ["secretive", "other"]))
        await roster.settled("counter", await roster.removed("counter", *placement.take("counter", [], ["secretive"])))
    store = open_store(str(tmp_path), shards=1, chance=os.urandom)
    store.compact()
    store.close()
    forget(Disk(), str(tmp_path))
    assert not any(b"secretive" in file.read_bytes() for file in tmp_path.iterdir())
    assert any(b"other" in file.read_bytes() for file in tmp_path.iterdir())


async def test_any_history_with_removals_comes_back(tmp_path: Path, chance: Random) -> None:
    pools = (PoolSpec("a", agents=10_000), PoolSpec("b", agents=10_000))
    there: dict[Any, int] = {}
    for life in range(8):
        with open_roster(tmp_path, pools) as roster:
            placement = restored(roster, pools)
            keys = placement.page("x", 0, 10_000)
            assert {key: placement.pool_of("x", key) for key in keys} == there
            for number in range(chance.randrange(12)):
                act = chance.random()
                if act < 0.4:
                    await roster.spawned("x", placement.add_range("x", chance.randrange(1, 50)), {})
                elif act < 0.6:
                    await roster.spawned("x", [], placement.add_names("x", [f"n{life}-{number}-{at}" for at in range(5)]))
                else:
                    start = chance.randrange(60)
                    names = [f"n{chance.randrange(6)}-{chance.randrange(12)}-{at}" for at in range(3)]
                    done = await roster.removed("x", *placement.take("x", [(start, start + chance.randrange(30))], names))
                    if chance.random() < 0.8:
                        await roster.settled("x", done)
            there = {key: placement.pool_of("x", key) for key in placement.page("x", 0, 10_000)}


# -- pools that are others than they were ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pools", "said"),
    [
        ((POOLS[0],), "there is state of pool b, which is not configured"),
        ((PoolSpec("c"), POOLS[1]), "there is state of pool a, which is not configured"),
        ((PoolSpec("c"), POOLS[0], PoolSpec("b", workers=3)), "pool b keeps the state of 2 workers"),
        ((POOLS[0], PoolSpec("b", workers=3)), "pool b keeps the state of 2 workers with 10 shards in all"),
        ((POOLS[0], PoolSpec("b", workers=2, shards=20)), "it is configured with 2 and 20"),
        ((POOLS[0], PoolSpec("b", workers=2, shards=20)), "set workers: 2 and shards: 10 for b in pools.yaml again"),
    ],
)
def test_pools_that_do_not_fit_are_refused_and_nothing_is_changed(
    tmp_path: Path, pools: tuple[PoolSpec, ...], said: str
) -> None:
    with open_roster(tmp_path):
        pass
    with pytest.raises(StateUnreadable, match=said):
        Roster(str(tmp_path), pools, is_synced=False)
    with open_roster(tmp_path):
        pass


async def test_pools_in_another_order_and_new_ones_beside_them_change_nothing(tmp_path: Path) -> None:
    with open_roster(tmp_path) as roster:
        await roster.spawned("counter", [Part(0, 0, 3), Part(1, 3, 5)], {})
        await roster.spawned("counter", [], {1: ["x"]})
    pools = (PoolSpec("new"), POOLS[1], POOLS[0])
    with open_roster(tmp_path, pools) as roster:
        placement = restored(roster, pools)
    assert [placement.pool_of("counter", key) for key in (0, 2, 3, 4, "x")] == [2, 2, 1, 1, 1]
    with open_roster(tmp_path, pools):
        pass


def test_a_roster_that_is_written_by_another_is_refused(tmp_path: Path) -> None:
    with open_roster(tmp_path), pytest.raises(FolderInUse) as caught:
        Roster(str(tmp_path), POOLS, is_synced=False)
    assert caught.value.pid == os.getpid()


def test_a_damaged_roster_is_refused(tmp_path: Path) -> None:
    with open_roster(tmp_path):
        pass
    for manifest in tmp_path.glob("MANIFEST*"):
        manifest.write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="MANIFEST"):
        Roster(str(tmp_path), POOLS, is_synced=False)


# -- agents that agents make -------------------------------------------------------------------------------------------


async def test_an_agent_that_was_noted_is_confirmed_once_it_is_on_the_disk(tmp_path: Path) -> None:
    said: list[str] = []
    before = Placement(POOLS, 1_000)
    with open_roster(tmp_path) as roster:
        roster.note("counter", before.add_names("counter", ["x"]), lambda event: said.append(event.name))
        roster.confirm("counter", "x", lambda: said.append("kept"))
        roster.confirm("counter", "old", lambda: said.append("old"))  # nothing of it is under way
        assert said == ["old"]
        await until(lambda: "kept" in said)
    with open_roster(tmp_path) as roster:
        assert restored(roster).has("counter", "x")


async def test_one_that_could_not_be_kept_is_confirmed_only_when_it_was_noted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    before = Placement(POOLS, 1_000)
    with open_roster(tmp_path) as roster:
        with monkeypatch.context() as patch:
            patch.setattr(roster._store, "commit", _full)
            roster.note("counter", before.add_names("counter", ["x", "y"]), lambda event: said.append(event.name))
            roster.confirm("counter", "x", lambda: said.append("kept too early"))
            await until(lambda: "agents.unkept" in said)
        roster.confirm("counter", "x", lambda: said.append("x"))
        roster.confirm("counter", "y", lambda: said.append("y"))
        await until(lambda: len(said) == 3)
        assert said == ["agents.unkept", "x", "y"]
    with open_roster(tmp_path) as roster:
        after = restored(roster)
        assert (after.has("counter", "x"), after.count) == (True, 2)


async def test_one_that_was_removed_before_it_could_be_kept_is_not_kept_by_who_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    before = Placement(POOLS, 1_000)
    with open_roster(tmp_path) as roster:
        placed = before.add_names("counter", ["x"])
        with monkeypatch.context() as patch:
            patch.setattr(roster._store, "commit", _full)
            roster.note("counter", placed, lambda event: said.append(event.name))
            await until(lambda: "agents.unkept" in said)
        await roster.removed("counter", [], placed)
        roster.confirm("counter", "x", lambda: said.append("x"))
        assert said[-1] == "x"
    with open_roster(tmp_path) as roster:
        assert not restored(roster).has("counter", "x")


def _full(*_parts: object) -> int:
    raise DiskFull("log", OSError(28, "No space left on device"))


async def test_skills_that_agents_were_given_are_known_in_the_next_life_but_not_those_of_removed_ones(tmp_path: Path) -> None:
    draw, both = frozenset({"draw"}), frozenset({"draw", "read"})
    with open_roster(tmp_path) as roster:
        placement = restored(roster)
        await roster.spawned("scout", placement.add_range("scout", 4), {})
        await roster.spawned("scout", placement.add_range("scout", 4), {}, draw)
        await roster.spawned("scout", [], placement.add_names("scout", ["a", "b"]), both)
    for _ in range(2):  # as it was written, then folded
        with open_roster(tmp_path) as roster:
            placement = restored(roster)
            given = {key: placement.talents.of("scout", key) for key in (0, 3, 4, 5, 7, "a", "b")}
            assert given == {0: frozenset(), 3: frozenset(), 4: draw, 5: draw, 7: draw, "a": both, "b": both}
    with open_roster(tmp_path) as roster:
        placement = restored(roster)
        parts, names = placement.take("scout", [(5, 6)], ["a"])
        await roster.settled("scout", await roster.removed("scout", parts, names))
        await roster.spawned("scout", placement.add_range("scout", 1), {})
        await roster.spawned("scout", [], placement.add_names("scout", ["a"]))
    for _ in range(2):
        with open_roster(tmp_path) as roster:
            placement = restored(roster)
            given = {key: placement.talents.of("scout", key) for key in (4, 5, "a", "b")}
            assert given == {4: draw, 5: frozenset(), "a": frozenset(), "b": both}


async def test_sticky_keys_keep_their_agents_in_the_next_life_and_the_newest_of_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STICKY_KEYS", 10)
    with open_roster(tmp_path) as roster:
        assert roster.sticky() == {}
        for number in range(8):
            roster.stuck("counter", f"s{number}", number)
        roster.stuck("counter", "s0", "x")
        await until(lambda: roster._store.log.durable == len(POOLS) + 9)
    with open_roster(tmp_path) as roster:
        kept = roster.sticky()
        assert kept == {("counter", f"s{number}"): number for number in range(1, 8)} | {("counter", "s0"): "x"}
        for number in range(8, 13):
            roster.stuck("counter", f"s{number}", number)
        before = roster._store.log.durable
        await until(lambda: roster._store.log.durable > before)
    with open_roster(tmp_path) as roster:
        assert list(roster.sticky().values()) == [4, 5, 6, 7, "x", 8, 9, 10, 11, 12]
        roster.stuck("counter", "late", 1)  # and it is closed before that is written


async def test_what_is_kept_of_the_code_is_there_in_the_next_life_and_changes_by_parts(tmp_path: Path) -> None:
    with open_roster(tmp_path) as roster:
        assert roster.code() == {}
        await roster.coded({"now": {"number": 1}, "phase": "rolling"})
        await roster.coded({"phase": "rolled"})
    with open_roster(tmp_path) as roster:
        assert roster.code() == {"now": {"number": 1}, "phase": "rolled"}
