"""What was recorded is looked up in the files; what was not is said, with the instants beside it."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

import pytest

from engine.cli.failure import code_of
from engine.cli.lookback import heading, look
from engine.cli.misuse import Misuse
from engine.cli.moment import show_moment
from engine.daemon import claimed
from engine.errors import NotRecorded, NotRunning
from engine.paths import Paths, find_paths
from engine.rewind.ring import Ring
from engine.rewind.scribe import packed

OPTIONS = Namespace(name="main", file=None)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return find_paths("main", {"ENGINE_HOME": str(tmp_path)})


@pytest.fixture
def now_s() -> float:
    return round(time.time(), 3)


def record(paths: Paths, *instants_s: float) -> None:
    ring = Ring(paths.rewind)
    ring.open()
    for time_s in instants_s:
        ring.add(round(time_s * 1000), packed({"stats": {"time_s": time_s}}))
    ring.close()


def test_the_last_that_is_not_after_the_instant_is_found_and_its_own_instant_told(paths: Paths, now_s: float) -> None:
    record(paths, now_s - 604, now_s - 602, now_s - 500)
    found = look(OPTIONS, "10 minutes ago")
    assert found.document["stats"]["time_s"] == found.time_s == round(now_s - 602, 3)
    assert heading(found).startswith(f"as recorded at {show_moment(now_s - 602)}, 10 m ")


def test_the_future_and_what_is_no_instant_are_asked_wrongly(paths: Paths, now_s: float) -> None:
    record(paths, now_s - 1)
    for text, said in (("2099-01-01", "is in the future"), ("soon", "is no instant")):
        with pytest.raises(Misuse, match=said) as refused:
            look(OPTIONS, text)
        assert code_of(refused.value) == 2


def test_before_the_oldest_the_oldest_is_named(paths: Paths, now_s: float) -> None:
    record(paths, now_s - 5)
    with pytest.raises(NotRecorded, match=f"the oldest is --at {show_moment(now_s - 5).replace(' ', 'T')}") as refused:
        look(OPTIONS, "an hour ago")
    assert code_of(refused.value) == 2
    assert look(OPTIONS, show_moment(now_s - 5)).time_s == now_s - 5


def test_in_a_gap_nothing_is_shown_and_both_of_its_ends_are_named(paths: Paths, now_s: float) -> None:
    record(paths, now_s - 300, now_s - 100)
    with pytest.raises(NotRecorded, match=r"the last before is --at \S+, the first after it --at \S+$") as refused:
        look(OPTIONS, "-200s")
    assert (refused.value.before_s, refused.value.after_s) == (now_s - 300, now_s - 100)
    with pytest.raises(NotRecorded, match=r"the newest is --at \S+$") as refused:
        look(OPTIONS, "now")
    assert (refused.value.before_s, refused.value.after_s) == (now_s - 100, None)


def test_where_nothing_was_ever_recorded_it_counts_whether_an_engine_runs(paths: Paths) -> None:
    with pytest.raises(NotRunning, match="nothing was recorded of it") as refused:
        look(OPTIONS, "now")
    assert code_of(refused.value) == 3
    with claimed(paths), pytest.raises(NotRecorded, match="has recorded nothing yet"):
        look(OPTIONS, "now")
