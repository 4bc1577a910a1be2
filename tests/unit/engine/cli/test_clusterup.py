"""`engine cluster up` that is cut off before it asked any host, and times that are none."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from engine.cli import clusterup
from engine.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cluster.yaml").write_text("nodes:\n  - {id: n1, address: h, role: primary}\n  - {id: n2, address: i}\n")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_who_is_cut_off_while_wheels_are_made_is_told_of_every_node(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_options: Namespace) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clusterup, "_wheels", interrupted)
    assert main(["cluster", "up", "--json"]) == 130
    told = json.loads(capsys.readouterr().out)
    assert [(node["node"], node["state"]) for node in told["nodes"]] == [("n1", "interrupted"), ("n2", "interrupted")]
    assert (told["is_well"], told["done"]) == (False, 0)
    assert main(["cluster", "up"]) == 130
    assert "interrupted before it was asked" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_no_time_is_not_the_usual_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cluster", "exec", "--timeout", "0", "--", "true"]) == 2
    assert "0 seconds are no time" in capsys.readouterr().err
