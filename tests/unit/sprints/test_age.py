"""How old a file is, and when that is not said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sprints.age import TICK_NS, Moment, born_ns, is_older, moment_in

S = 10**9


def test_a_moment_is_as_a_file_made_then_would_have_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        (tmp_path / "before").write_text("x")
        moment = moment_in(folder)
        assert moment is not None
        (tmp_path / "after").write_text("x")
        assert (tmp_path / "before").stat().st_mtime_ns <= moment.file_ns <= (tmp_path / "after").stat().st_mtime_ns
        assert sorted(os.listdir(tmp_path)) == ["after", "before"]
    finally:
        os.close(folder)


def test_where_files_cannot_be_made_no_moment_is_known() -> None:
    folder = os.open("/proc", os.O_RDONLY)
    try:
        assert moment_in(folder) is None
    finally:
        os.close(folder)


@pytest.mark.parametrize(
    ("file_s", "now", "older"),
    [
        (9, Moment(20 * S, 110 * S), True),
        (10, Moment(20 * S, 110 * S), False),
        (11, Moment(20 * S, 110 * S), False),
        (9, Moment(15 * S, 110 * S), False),  # set back meanwhile
        (9, Moment(25 * S, 110 * S), False),  # set forward
    ],
)
def test_a_file_is_older_only_by_a_clock_that_nobody_has_set(file_s: int, now: Moment, older: bool) -> None:
    began = Moment(10 * S, 100 * S)
    assert is_older(file_s * S, began, now) is older


def test_a_tick_is_no_age() -> None:
    began = Moment(10 * S, 100 * S)
    assert not is_older(10 * S - TICK_NS, began, Moment(11 * S, 101 * S))


def test_the_birth_of_a_file_is_not_changed_by_setting_its_time(tmp_path: Path) -> None:
    path = tmp_path / "\u2603"
    path.write_text("x")
    made_ns = path.stat().st_mtime_ns
    os.utime(path, (1, 1))
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        born = born_ns(folder, path.name)
        assert born is None or abs(born - made_ns) < S
        assert born_ns(folder, "nothing") is None
    finally:
        os.close(folder)
