"""Headings are bold on a terminal that can, and a page is otherwise as it is."""

from __future__ import annotations

from engine.cli.headings import painted
from engine.cli.screen import Screen, clean

PAGE = (
    "engine ps: the workers\n\nUsage\n  engine ps [--json]\n\nLists the workers.\n\n  ls  list them\n\nExamples\n  engine ps\n"
)


def test_headings_stand_alone_over_what_is_indented() -> None:
    shown = painted(PAGE, Screen(is_coloured=True))
    assert [clean(line) for line in shown.splitlines() if "\x1b" in line] == ["Usage", "Examples"]
    assert clean(shown, keep="\n") == PAGE


def test_without_colours_a_page_is_as_it_is() -> None:
    assert painted(PAGE, Screen()) == PAGE
