"""Everybody has a turn before somebody has two more, whoever comes and goes."""

from __future__ import annotations

from collections import Counter

import pytest

from pools import rota as module
from pools.placement import Placement
from pools.rota import Rota
from pools.spec import PoolSpec


def made(agents: int, workers: int = 1) -> tuple[Rota, Placement]:
    placement = Placement([PoolSpec("p1", agents=100_000, workers=workers)], 100_000)
    placement.add_range("counter", agents)
    rota = Rota(placement, "counter", 0)
    rota.refresh()
    return rota, placement


@pytest.mark.parametrize("listed", [3, 10, 16_384])
def test_all_take_turns_however_few_are_listed_at_a_time(monkeypatch: pytest.MonkeyPatch, listed: int) -> None:
    monkeypatch.setattr(module, "LISTED", listed)
    rota, placement = made(17)
    placement.add_names("counter", ["a", "b"])
    rota.refresh()
    rota.take(0, 17 if listed >= 17 else 0)
    assert Counter(rota.take(0, 38)) == dict.fromkeys([*range(17), "a", "b"], 2)


def test_each_worker_has_the_agents_of_its_shards() -> None:
    rota, placement = made(200, workers=3)
    for worker in range(3):
        keys = rota.take(worker, 100)
        assert {placement.worker_of("counter", key) for key in keys} == {(0, worker)}
    assert sum(rota.size(worker) for worker in range(3)) == 200


def test_who_was_taken_out_has_no_turn_and_who_came_has_one() -> None:
    rota, placement = made(10)
    placement.take("counter", [(2, 9)], [])
    rota.refresh()
    assert Counter(rota.take(0, 6)) == {0: 2, 1: 2, 9: 2}
    placement.add_range("counter", 1)
    rota.refresh()
    assert set(rota.take(0, 8)) == {0, 1, 2, 9}


def test_a_long_take_goes_round_and_round() -> None:
    rota, _ = made(3)
    assert rota.take(0, 8) == [0, 1, 2, 0, 1, 2, 0, 1]
    assert rota.take(0, 2) == [2, 0]
    assert rota.at(0, 0.0) == 0
    assert rota.at(0, 0.999) == 2
