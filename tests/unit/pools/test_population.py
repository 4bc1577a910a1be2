"""Ranges that touch in one pool are one; others stay apart."""

from __future__ import annotations

from pools.population import Population
from pools.spans import Part


def test_parts_that_touch_in_the_same_pool_are_joined_whatever_comes_first() -> None:
    population = Population()
    for part in (Part(0, 0, 5), Part(0, 10, 15), Part(1, 20, 25), Part(0, 5, 10), Part(0, 15, 20)):
        population.add(part)
    assert population.parts == [Part(0, 0, 20), Part(1, 20, 25)]
    assert population.starts == [0, 20]
