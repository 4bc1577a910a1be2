"""Curves and bars in a line of text."""

from __future__ import annotations

from engine.dashboard.spark import bar, spark


def test_the_highest_is_as_high_as_a_line_and_nothing_is_lowest() -> None:
    assert spark([0, 1, 4, 7]) == "▁▂▅█"
    assert spark([0, 0]) == "▁▁"


def test_what_is_little_is_seen_and_what_is_not_known_is_blank() -> None:
    assert spark([0.001, None, 100]) == "▂ █"
    assert spark([None, None]) == "  "


def test_a_height_may_stand_for_a_fixed_figure() -> None:
    assert spark([0.5, 2.0], 1.0) == "▅█"


def test_a_bar_is_full_only_when_all_is_done() -> None:
    assert bar(0.999, 10) == ("━" * 9, "─")
    assert bar(1.0, 10) == ("━" * 10, "")
    assert bar(None, 4) == ("", "────")
    assert bar(7.0, 4) == ("━━━━", "")
