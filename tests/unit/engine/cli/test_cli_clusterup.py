"""`engine cluster up`, before any host is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.ending import Terminated
from engine.cli.main import main
from engine.cluster import wheelhouse


@pytest.mark.parametrize(("ended", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_who_ends_it_while_wheels_are_made_is_told_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ended: type[BaseException], code: int
) -> None:
    def build(environ: object) -> None:
        raise ended

    monkeypatch.setattr(wheelhouse, "build", build)
    file = tmp_path / "cluster.yaml"
    file.write_text("nodes:\n  - {id: n1, address: a, role: primary}\n  - {id: n2, address: b}\n")
    assert main(["cluster", "up", "--json", "-f", str(file)]) == code
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["is_well"], told["fabric"]) == ("engine.cluster.up/v1", False, None)
    assert [(node["node"], node["state"]) for node in told["nodes"]] == [("n1", "interrupted"), ("n2", "interrupted")]
    assert main(["cluster", "up", "-f", str(file)]) == code
    assert "interrupted before any host was asked" in capsys.readouterr().err


def test_no_time_is_not_the_usual_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cluster.yaml").write_text("nodes:\n  - {id: n1, address: h, role: primary}\n")
    assert main(["cluster", "exec", "--timeout", "0", "--", "true"]) == 2
    assert "0 seconds are no time" in capsys.readouterr().err
