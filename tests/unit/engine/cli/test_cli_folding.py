"""A line of facts fits the terminal, whatever its colours."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.cli.folding import folded
from engine.cli.screen import Screen, cells, clean


def test_a_line_is_broken_behind_a_comma_and_stands_under_itself() -> None:
    assert folded("tasks", "12 accepted: 5 done, 7 failed, 0 open", 8, Screen(width=32)) == [
        "tasks   12 accepted: 5 done,",
        "        7 failed, 0 open",
    ]
    assert folded("tasks", "12 accepted: 5 done, 7 failed, 0 open", 8, Screen()) == [
        "tasks   12 accepted: 5 done, 7 failed, 0 open"
    ]


def test_colours_take_no_room() -> None:
    screen = Screen(width=30, is_coloured=True)
    lines = folded("tasks", f"{screen.paint('5 failed', 'red')}, {screen.paint('7 open', 'cyan')}", 8, screen)
    assert [clean(line) for line in lines] == ["tasks   5 failed, 7 open"]


@given(st.lists(st.text("abc数;", min_size=1, max_size=8), max_size=12), st.integers(24, 60))
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(words: list[str], width: int) -> None:
    text = " ".join(words)
    lines = folded("left", text, 8, Screen(width=width))
    assert all(cells(line) <= width for line in lines)
    assert " ".join(lines).split()[1:] == text.split()
