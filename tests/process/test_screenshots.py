"""Pictures of the dashboard are taken from a real engine, which is ended afterwards."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import ROOT


@pytest.mark.timeout(150)
def test_a_picture_shows_what_a_real_engine_did(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "examples.screenshots", "--work", "3", "--only", "overview-small", "--out", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=140, check=False)
    assert done.returncode == 0, done.stderr
    text = html.unescape(re.sub("<[^>]+>", " ", (tmp_path / "overview-small.svg").read_text())).replace("\xa0", " ")
    assert "MICRO-AGILE SWARM MONITOR" in text
    assert re.search(r"Total\s+1,230", text)
    assert "sp-" in text
    assert re.search(r"Worker p\d died", text)
    assert [file.name for file in tmp_path.iterdir()] == ["overview-small.svg"]
