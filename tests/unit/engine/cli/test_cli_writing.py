"""Files are written all or none, and never over others without being told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.cli.misuse import Misuse
from engine.cli.writing import replace, write_new

FILES = {"a": "1\n", "b": "2\n", "c": "3\n"}


def test_what_is_there_with_the_same_text_is_well(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert write_new(folder, FILES, is_forced=False) == ["a", "b", "c"]
    assert write_new(folder, FILES, is_forced=False) == []
    (folder / "b").unlink()
    assert write_new(folder, FILES, is_forced=False) == ["b"]


def test_nothing_is_written_where_one_is_there_with_another_text(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine\n")
    (tmp_path / "c").symlink_to("nowhere")
    with pytest.raises(Misuse, match=r"b and c in .* are there already: --force writes over it"):
        write_new(tmp_path, FILES, is_forced=False)
    assert (tmp_path / "b").read_text() == "mine\n"
    assert not (tmp_path / "a").exists()


def test_who_is_told_writes_over_it(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine\n")
    (tmp_path / "b").chmod(0o640)
    assert write_new(tmp_path, FILES, is_forced=True) == ["a", "b", "c"]
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == FILES
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o640


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(Misuse, match="is no folder"):
        write_new(tmp_path / "x", FILES, is_forced=True)


def test_a_link_that_leads_nowhere_and_a_folder_in_place_of_a_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("nowhere")
    with pytest.raises(Misuse, match="is no folder, but a link that leads nowhere"):
        write_new(tmp_path / "gone", FILES, is_forced=True)
    (tmp_path / "b").mkdir()
    with pytest.raises(Misuse, match=r"b in .* is a folder: move it away"):
        write_new(tmp_path, FILES, is_forced=True)
    assert not (tmp_path / "a").exists()


def test_what_is_no_regular_file_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "b")
    with pytest.raises(Misuse, match=r"b in .* is no regular file: give another name"):
        write_new(tmp_path, FILES, is_forced=True)
    assert (tmp_path / "b").is_fifo()
    assert not (tmp_path / "a").exists()


def test_where_one_cannot_be_written_none_is_and_the_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine\n")
    with pytest.raises(FileNotFoundError) as refused:
        replace({tmp_path / "a": "1\n", tmp_path / "no" / "b": "2\n"})
    assert refused.value.filename == str(tmp_path / "no" / "b")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"a": "mine\n"}
