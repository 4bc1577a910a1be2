"""A table fits the terminal, and leaves nothing out where there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.screen import Screen, cells
from engine.cli.table import Column, table

COLUMNS = (
    Column("NAME"),
    Column("N", is_right=True),
    Column("EXTRA", rank=1),
    Column("MORE", rank=2),
    Column("REASON", least=6),
)
ROWS = [["p1", "5", "some", "more", "killed by signal 9"], ["p2", "5,000", "", "", ""]]


def test_columns_are_as_wide_as_their_widest_text_and_numbers_stand_right() -> None:
    assert table(COLUMNS, ROWS, Screen()) == [
        "NAME      N  EXTRA  MORE  REASON",
        "p1        5  some   more  killed by signal 9",
        "p2    5,000",
    ]


def test_on_a_narrow_terminal_columns_are_left_out_by_rank_and_texts_are_cut() -> None:
    assert table(COLUMNS, ROWS, Screen(width=38))[1] == "p1        5  some   more  killed by s…"
    assert table(COLUMNS, ROWS, Screen(width=30))[1] == "p1        5  some   killed by…"
    assert table(COLUMNS, ROWS, Screen(width=19))[1] == "p1        5  kille…"


def test_a_terminal_that_is_too_narrow_loses_columns_from_the_right_and_at_last_cuts_the_first() -> None:
    assert table(COLUMNS, ROWS, Screen(width=12))[0] == "NAME      N"
    assert table(COLUMNS, ROWS, Screen(width=5)) == ["NAME", "p1", "p2"]
    assert table(COLUMNS, ROWS, Screen(width=3)) == ["NA…", "p1", "p2"]


def test_a_cell_is_painted_by_its_whole_text() -> None:
    column = Column("STATE", least=3, style=lambda text: "red" if text == "down for ever" else None)
    assert table([column], [["down for ever"]], Screen(width=6, is_coloured=True))[1] == "\x1b[31mdown …\x1b[0m"


def test_texts_of_agents_cannot_command_the_terminal() -> None:
    assert table([Column("X")], [["\x1b[2Jevil\n"]], Screen())[1] == "evil"


def test_wide_characters_keep_the_columns_straight() -> None:
    lines = table([Column("A"), Column("B")], [["数字", "x"], ["abcd", "y"]], Screen())
    assert [cells(line) for line in lines] == [7, 7, 7]


@pytest.mark.parametrize(
    ("text", "width"),
    [("数字", 4), ("e\u0301", 1), ("☀\ufe0f", 1), ("한", 2), ("\u1112\u1161\u11ab", 2), ("🙂", 2), ("ﾊ", 1)],
)
def test_the_columns_of_a_text_are_those_that_a_terminal_gives_it(text: str, width: int) -> None:
    assert cells(text) == width


@given(st.lists(st.text("abc数🙂\u0301 ", max_size=30), min_size=1, max_size=4), st.integers(1, 40))
def test_no_line_is_ever_longer_than_the_terminal(row: list[str], width: int) -> None:
    columns = [Column(f"TITLE {at}", is_right=at % 2 == 1) for at in range(len(row))]
    assert all(cells(line) <= width for line in table(columns, [row], Screen(width=width)))


CELL = st.text("abc数 ", max_size=12)


@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=5), st.integers(20, 60))
def test_every_line_fits_where_its_columns_may_give_way(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = (Column("A", least=3), Column("B", least=3, is_right=True), Column("C", rank=1))
    assert all(cells(line) <= width for line in table(columns, rows, Screen(width=width)))


def test_a_table_without_rows_has_its_headings() -> None:
    assert table(COLUMNS, [], Screen()) == ["NAME  N  EXTRA  MORE  REASON"]


def test_a_text_of_a_million_wide_characters_is_cut_as_soon_as_a_short_one() -> None:
    text = "\u4e2d" * 1_000_000
    lines = table([Column("WHY", least=5)], [[text], ["e\u0301" * 30]], Screen(width=20))
    assert lines[1:] == ["\u4e2d" * 9 + "\u2026", "e\u0301" * 19 + "\u2026"]
