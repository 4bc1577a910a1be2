"""What an engine that does not run has recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.dashboard.tapes import Tapes
from engine.errors import NotRecorded
from engine.rewind.ring import Ring
from engine.rewind.scribe import packed


def test_its_files_are_read_as_the_engine_would_tell_them(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    ring.open()
    for second in range(10):
        ring.add(1_000 * (100 + second), packed({"stats": {"time_s": 100 + second}}))
    ring.close()
    tapes = Tapes(tmp_path)
    past = tapes.past()
    assert (past["first_s"], past["last_s"], past["count"]) == (100.0, 109.0, 10)
    assert tapes.at(104.7) == {"stats": {"time_s": 104}, "time_s": 104.0, "gap": None}
    with pytest.raises(NotRecorded):
        tapes.at(99.0)


def test_where_nothing_was_recorded_there_is_nothing(tmp_path: Path) -> None:
    assert Tapes(tmp_path / "rewind").past()["count"] == 0
