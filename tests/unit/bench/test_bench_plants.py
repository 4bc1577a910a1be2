"""A planted engine is the sources with the lines changed that a fault names, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.plants import PLANTS, planted
from bench.yardlink import ROOT


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_each_line_that_a_fault_changes_stands_once_in_the_sources(plant: str) -> None:
    for file, good, bad in PLANTS[plant]:
        text = (ROOT / file).read_text()
        assert text.count(good) == 1
        compile(text.replace(good, bad), file, "exec")


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_planted_engine_is_the_sources_with_those_changes(plant: str, tmp_path: Path) -> None:
    folder = planted(tmp_path / "sources", plant)
    changed = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if path.read_text() != (ROOT / path.relative_to(folder)).read_text()
    }
    assert changed == {file for file, _, _ in PLANTS[plant]}
    for file, good, bad in PLANTS[plant]:
        assert (folder / file).read_text() == (ROOT / file).read_text().replace(good, bad)


def test_a_fault_whose_line_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PLANTS, "lost", [("pools/ledger.py", "a line that there is not", "")])
    with pytest.raises(ValueError, match=r"pools/ledger.py has not the line that lost changes"):
        planted(tmp_path / "sources", "lost")
