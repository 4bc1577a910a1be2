"""A curve as an area of dots: those that plotext would light."""

from __future__ import annotations

import random

import pytest
from rich.text import Text
from textual_plotext.plot import Plot

from engine.dashboard.area import area


def filled(values: list[float | None], top: float, columns: int, rows: int) -> list[str]:
    """What plotext draws, without its axes."""
    plot = Plot()
    plot.xlim(0, len(values) - 1)
    plot.ylim(0, top)
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    plot.plot([at for at, _ in known], [value for _, value in known], marker="braille", fillx=True)
    plot.xticks([0], ["0"])
    plot.yticks([0], ["0"])
    plot.frame(False)
    plot.plotsize(columns + 1, rows + 1)  # a column and a row for the marks
    plot._set_size(columns + 1, rows + 1)
    return [line[1:] for line in Text.from_ansi(plot.build()).plain.split("\n")[:rows]]


def test_an_area_lies_under_its_curve() -> None:
    assert area([0.0, 1.0], 1.0, 2, 2) == ["⢀⣾", "⣾⣿"]
    assert area([1.0, 1.0, 1.0], 1.0, 2, 2) == ["⣿⣿", "⣿⣿"]
    assert area([None, None], 1.0, 2, 1) == ["  "]
    assert area([None, 1.0], 1.0, 2, 1) == [" ⢸"]


@pytest.mark.parametrize("seed", range(40))
def test_the_dots_are_those_that_plotext_lights(seed: int) -> None:
    chance = random.Random(seed)
    top = chance.choice([0.2, 1.0, 2.0, 6_000.0])
    columns, rows = chance.choice([(31, 11), (45, 7), (6, 3)])
    values = [None if chance.random() < 0.1 else chance.random() * top for _ in range(chance.choice([2, 10, 75]))]
    if not any(values):
        values[0] = top
    assert area(values, top, columns, rows) == filled(values, top, columns, rows)
