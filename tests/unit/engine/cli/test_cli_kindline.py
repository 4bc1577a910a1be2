"""A kind more in a pools.yaml, and nothing else of it is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.kindline import add_kind
from engine.cli.misuse import Misuse


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# a\nkinds:\n  a: m:A  # one\n\npools: {p1: {}}\n", "# a\nkinds:\n  a: m:A  # one\n  b: b.py:B\n\npools: {p1: {}}\n"),
        ("kinds:\n    a: m:A", "kinds:\n    a: m:A\n    b: b.py:B\n"),
        ("kinds:  # none yet\npools: {p1: {}}\n", "kinds:  # none yet\n  b: b.py:B\npools: {p1: {}}\n"),
        ("pools: {p1: {}}\n", "pools: {p1: {}}\n\nkinds:\n  b: b.py:B\n"),
        ("kinds:\n  b: b.py:B\n", "kinds:\n  b: b.py:B\n"),
    ],
)
def test_the_line_goes_behind_the_last_kind(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text(before)
    assert add_kind(file, "b", "b.py:B") == after
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kinds: {a: 'm:A'}\n", "add it there: b: b.py:B"),
        ("kinds: {}\n", "add it there: b: b.py:B"),
        ("kinds:\n  a: |-\n    m:A\npools: {p1: {}}\n", "add it there: b: b.py:B"),
        ("kinds:\n  b: m:Other\n", "kinds has b already, as m:Other"),
    ],
)
def test_what_cannot_be_done_well_is_left_to_the_person(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text(text)
    with pytest.raises(Misuse, match=said):
        add_kind(file, "b", "b.py:B")
    assert file.read_text() == text
