"""Who is armed dies at a moment of the sort that was asked for, one of a sort at a time, and nobody else."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from random import Random

from bench.moments import GROUPS, Armed, by_group
from checkpoints.failpoint import MOMENTS


def test_each_moment_is_of_one_sort() -> None:
    names = [name for moments in GROUPS.values() for name in moments]
    assert sorted(names) == sorted(MOMENTS)


def test_one_of_a_sort_is_armed_at_a_time_until_all_have_died(tmp_path: Path) -> None:
    folder = tmp_path / "armed"
    armed = Armed(folder, Random(1), clock=count().__next__)
    for group in ("roll", "roll", "roll", "replay"):
        armed.put(group)
    died: list[str] = []
    while armed.look():
        here = [path.name for path in folder.iterdir()]
        assert sum(name in GROUPS["roll"] for name in here) <= 1
        assert here
        died += here
        for name in here:
            (folder / name).unlink()
    assert sum(name in GROUPS["roll"] for name in died) == 3
    assert died.count("open.read") == 1
    assert len(died) == 4


def test_nobody_dies_any_more_when_it_is_over(tmp_path: Path) -> None:
    armed = Armed(tmp_path / "armed", Random(1))
    for group in GROUPS:
        armed.put(group)
        armed.put(group)
    assert armed.waits_for_death
    assert not {"open.read"} & {path.name for path in (tmp_path / "armed").iterdir()}, "two at birth at once"
    armed.clear()
    assert (armed.look(), list((tmp_path / "armed").iterdir()), armed.waits_for_death) == (0, [], False)


def test_deaths_are_counted_by_sort() -> None:
    counted = by_group({"roll.sealed": 2, "roll.created": 1, "open.read": 4})
    assert (counted["roll"], counted["replay"], counted["compaction"]) == (3, 4, 0)
    assert list(counted) == list(GROUPS)
