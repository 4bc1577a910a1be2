"""Tasks come from a file or from standard input; what is neither is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.cli.misuse import Misuse
from engine.cli.taskfile import open_tasks


def test_a_file_is_opened_and_a_dash_is_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "tasks"
    file.write_text("x")
    descriptor = open_tasks(str(file))
    assert os.read(descriptor, 9) == b"x"
    os.close(descriptor)
    assert open_tasks("-") == 0


def test_a_folder_and_a_file_that_there_is_not_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="is a folder"):
        open_tasks(str(tmp_path))
    with pytest.raises(Misuse, match="No such file"):
        open_tasks(str(tmp_path / "x"))
