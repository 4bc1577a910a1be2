"""What is measured has its bytecode beside it, whatever the environment says."""

from __future__ import annotations

import os
from pathlib import Path

from bench.bytecode import FOLDERS, have_bytecode


def made(root: Path) -> Path:
    for folder in FOLDERS:
        (root / folder / "below").mkdir(parents=True)
        (root / folder / "below" / "one.py").write_text("value = 1\n")
    return root


def bytecode(root: Path) -> list[Path]:
    return sorted(root.rglob("*.pyc"))


def test_each_folder_is_compiled_and_what_is_there_stays(tmp_path: Path) -> None:
    assert have_bytecode(made(tmp_path))
    first = {file: file.stat().st_mtime_ns for file in bytecode(tmp_path)}
    assert len(first) == len(FOLDERS)
    assert have_bytecode(tmp_path)
    assert {file: file.stat().st_mtime_ns for file in bytecode(tmp_path)} == first


def test_what_is_newer_than_its_bytecode_is_compiled_again(tmp_path: Path) -> None:
    have_bytecode(made(tmp_path))
    source = tmp_path / "engine" / "below" / "one.py"
    (old,) = (file.read_bytes() for file in bytecode(tmp_path / "engine"))
    source.write_text("value = 2\n")
    os.utime(source, (2_000_000_000, 2_000_000_000))
    assert have_bytecode(tmp_path)
    (new,) = (file.read_bytes() for file in bytecode(tmp_path / "engine"))
    assert new != old


def test_what_cannot_be_compiled_is_told_and_the_rest_is_compiled(tmp_path: Path) -> None:
    (made(tmp_path) / FOLDERS[0] / "below" / "one.py").write_text("value = = 1\n")
    assert not have_bytecode(tmp_path)
    assert len(bytecode(tmp_path)) == len(FOLDERS) - 1
