"""`engine cluster init`: the file, and never anything else in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.cli.main import main


def test_it_writes_a_file_into_a_folder_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file, said in (("nowhere/cluster.yaml", "there is no folder"), ("pipe", "pipe in")):
        assert main(["cluster", "init", "--force", "-f", str(tmp_path / file)]) == 2
        assert said in capsys.readouterr().err
    assert [(one.name, one.is_fifo()) for one in tmp_path.iterdir()] == [("pipe", True)]
    assert main(["cluster", "init", "-f", str(tmp_path / "c.yaml")]) == 0
    assert main(["cluster", "check", "-f", str(tmp_path / "c.yaml")]) == 0
