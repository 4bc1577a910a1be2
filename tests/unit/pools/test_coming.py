"""While agents are being written down nobody is sent to them by chance; where that fails they are not there."""

from __future__ import annotations

import pytest

from pools.coming import Coming
from pools.errors import UnknownKind
from pools.placement import Placement
from pools.rota import Rota
from pools.spans import Part
from pools.spec import PoolSpec


def two() -> Placement:
    return Placement([PoolSpec("p1", agents=100), PoolSpec("p2", agents=100)], 200)


def test_those_that_come_are_left_out_in_their_pool_only() -> None:
    coming = Coming()
    coming.add([Part(0, 5, 8), Part(1, 8, 10)], {0: ["x"]})
    assert coming.count == 6
    assert coming.others(0, [Part(0, 0, 8), Part(0, 20, 22)], ["a", "x"]) == ([Part(0, 0, 5), Part(0, 20, 22)], ["a"])
    assert coming.others(1, [Part(1, 8, 10)], ["x"]) == ([], ["x"])
    coming.drop([Part(0, 5, 8), Part(1, 8, 10)], {0: ["x"]})
    assert coming.count == 0
    assert coming.others(0, [Part(0, 0, 8)], ["x"]) == ([Part(0, 0, 8)], ["x"])


def test_tasks_for_the_kind_go_to_the_others_until_they_are_there() -> None:
    placement = two()
    placement.add_range("counter", 4)
    rota = Rota(placement, "counter", 0)
    rota.refresh()
    before = placement.stamp("counter")
    parts = placement.add_range("counter", 6)
    with placement.coming("counter", parts, {}):
        assert placement.stamp("counter") == before
        assert placement.count_of("counter") == 10
        assert placement.has("counter", 9)
        assert set(rota.take(0, 40)) == {0, 1}
        assert {placement.nth("counter", pool, turn) for pool in (0, 1) for turn in range(20)} == {0, 1, 2, 3}
    assert placement.stamp("counter") != before
    rota.refresh()
    assert set(rota.take(0, 40)) == set(placement.some("counter", 0, 0, 100))
    assert len(placement.some("counter", 0, 0, 100)) == 5


def test_the_first_of_a_kind_are_nobody_yet() -> None:
    placement = two()
    placed = placement.add_names("counter", ["a", "b"])
    with placement.coming("counter", [], placed), pytest.raises(UnknownKind, match="no agents of kind 'counter' were spawned"):
        placement.holders("counter")
    assert placement.holders("counter") == [0, 1]


def test_what_could_not_be_written_down_is_not_there() -> None:
    placement = two()
    placement.add_range("counter", 4)
    parts, names = placement.add_range("counter", 6), placement.add_names("counter", ["a"])
    for part in ((parts, {}), ([], names)):
        with pytest.raises(OSError, match="full"), placement.coming("counter", *part):
            raise OSError("full")
    assert placement.count_of("counter") == placement.numbered("counter") == 4
    assert not placement.has("counter", 4)
    assert not placement.has("counter", "a")
    assert placement.used == [2, 2]
    assert placement.add_range("counter", 1)[0].start == 4
