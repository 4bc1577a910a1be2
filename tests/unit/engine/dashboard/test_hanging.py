"""Lines whose beginnings stand alone at the left."""

from __future__ import annotations

import pytest
from textual.content import Content

from engine.dashboard.hanging import LEAST, Hanging


def texts(hanging: Hanging, width: int) -> list[str]:
    return [line.plain.rstrip() for line in hanging.lines(width)]


def test_what_has_no_room_goes_on_behind_the_beginning() -> None:
    rows = Hanging([(Content("WHY  "), Content("a long word and one more")), Content("no beginning, nothing to stand behind")])
    assert texts(rows, 21) == ["WHY  a long word and", "     one more", "no beginning, nothing", "to stand behind"]
    assert rows.get_height({}, 21) == 4
    assert rows.get_optimal_width({}, 21) == 37


def test_wide_letters_are_counted_by_their_columns() -> None:
    rows = Hanging([(Content("名  "), Content("言葉 言葉 言葉 言葉 言葉"))])
    assert texts(rows, 20) == ["名  言葉 言葉 言葉", "    言葉 言葉"]


@pytest.mark.parametrize("width", [1, 2, 5, LEAST])
def test_in_a_narrow_place_everything_is_there_and_nothing_is_wider(width: int) -> None:
    rows = Hanging([(Content("beginning "), Content("and the rest"))])
    assert all(line.cell_length <= max(width, 2) for line in rows.lines(width))
    assert "".join("".join(texts(rows, width)).split()) == "beginningandtherest"


def test_an_empty_rest_leaves_the_beginning() -> None:
    assert texts(Hanging([(Content("id "), Content(""))]), 40) == ["id"]
