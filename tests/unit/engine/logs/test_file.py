"""A log's files: their mode, their number, and when the next one begins."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.logs.file import LogFile, files_of


def names(path: Path) -> list[str]:
    return [file.name for file in files_of(path)]


def test_files_are_bounded_in_size_and_number_and_nobody_else_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    log = LogFile(path, 100, 3)
    for number in range(40):
        log.write(f"line {number:03d}\n".encode())
    log.close()
    assert names(path) == ["daemon.log.2", "daemon.log.1", "daemon.log"]
    text = "".join(file.read_text() for file in files_of(path))
    assert text == "".join(f"line {number:03d}\n" for number in range(40 - text.count("\n"), 40))
    assert all(file.stat().st_size <= 100 for file in files_of(path))
    assert {stat.S_IMODE(file.stat().st_mode) for file in files_of(path)} == {0o600}


def test_one_file_is_begun_anew(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x", 10, 1)
    log.write(b"12345678\n")
    log.write(b"abc\n")
    assert names(tmp_path / "x") == ["x"]
    assert (tmp_path / "x").read_bytes() == b"abc\n"


def test_a_batch_that_is_larger_than_a_file_is_written_all_the_same(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "x", 10, 2)
    log.write(b"." * 50 + b"\n")
    assert (tmp_path / "x").stat().st_size == 51


def test_fewer_files_than_before_leave_none_behind(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for number in range(1, 6):
        (tmp_path / f"x.{number}").write_text("old\n")
    (tmp_path / "x.txt").write_text("not ours")
    log = LogFile(path, 5, 2)
    log.write(b"1234\n")
    log.write(b"5678\n")
    assert names(path) == ["x.1", "x"]
    assert (tmp_path / "x.txt").exists()


def test_a_file_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("before\n")
    (tmp_path / "x").chmod(0o644)
    LogFile(tmp_path / "x", 100, 2).write(b"after\n")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600
    assert (tmp_path / "x").read_text() == "before\nafter\n"


@pytest.mark.parametrize("how", ["removed", "moved"])
def test_a_file_that_somebody_takes_away_is_begun_again(tmp_path: Path, how: str) -> None:
    path, opened = tmp_path / "x", []
    log = LogFile(path, 100, 2, opened.append)
    log.write(b"one\n")
    path.unlink() if how == "removed" else path.rename(tmp_path / "y")
    log.write(b"two\n")
    assert path.read_bytes() == b"two\n"
    assert len(opened) == 2


def test_a_line_that_was_torn_off_is_ended_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogFile(tmp_path / "x", 100, 2)
    log.write(b"one\n")
    real, room = os.write, [2]

    def write(descriptor: int, data: memoryview) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        written = real(descriptor, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="space"):
        log.write(b"two\n")
    room[0] = 1_000
    log.write(b"three\n")
    assert (tmp_path / "x").read_bytes() == b"one\ntw\nthree\n"
