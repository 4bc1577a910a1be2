"""Sprints as their ledgers tell them, read again only where they have changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.dashboard.ledgers import Ledgers
from sprints.archive import Archive
from sprints.errors import UnknownSprint


def test_where_no_sprint_was_there_is_none(tmp_path: Path) -> None:
    ledgers = Ledgers(str(tmp_path / "sprints"))
    assert ledgers.rows({}) == []
    with pytest.raises(UnknownSprint):
        ledgers.row({}, "sp-20261122-001")


def test_a_sprint_that_has_not_begun_is_not_shown(tmp_path: Path) -> None:
    Archive(str(tmp_path)).make(1_795_344_847.0, {"name": "app"})
    assert Ledgers(str(tmp_path)).rows({}) == []
