"""What spawn says about what it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.main import main
from engine.cli.misuse import Misuse
from engine.cli.verbs.spawn import _absolute, _line
from engine.spawned import Spawned


def spawned(added: int, total: int, wanted: int | None = None, agent_bytes: float | None = None) -> Spawned:
    return Spawned("counter", total, added, wanted, 4, 0.002, agent_bytes)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (
            spawned(5_000, 5_000, 5_000, 3.7),
            "spawned 5,000 counter agents on 4 workers in 2 ms, 2.5 million/s; 3.7 B of memory each",
        ),
        (
            spawned(5_000, 5_000, 5_000, 0.0),
            "spawned 5,000 counter agents on 4 workers in 2 ms, 2.5 million/s; less than a byte of memory each",
        ),
        (spawned(100, 5_100), "spawned 100 counter agents on 4 workers in 2 ms, 50,000/s; 5,100 in all"),
        (spawned(1, 5_001, None, 900.0), "spawned 1 counter agent on 4 workers in 2 ms; 5,001 in all"),
        (spawned(1, 1), "spawned 1 counter agent on 4 workers in 2 ms"),
        (spawned(0, 5_000, 5_000), "there are 5,000 counter agents already: nothing changed"),
        (spawned(0, 1, 1), "there is 1 counter agent already: nothing changed"),
        (spawned(0, 5_000, 10), "there are 5,000 counter agents, more than 10: nothing changed, none is taken away"),
    ],
)
def test_one_line_says_what_became_of_an_order(facts: Spawned, line: str) -> None:
    assert _line(facts) == line


def test_a_file_is_named_so_that_the_engine_finds_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scout.py").touch()
    monkeypatch.chdir(tmp_path)
    assert _absolute("scout.py:Scout") == f"{tmp_path}/scout.py:Scout"
    assert _absolute("package.scout:Scout") == "package.scout:Scout"


@pytest.mark.parametrize("reference", ["scout.py", ":Scout", "scout:", "missing.py:Scout", ""])
def test_a_reference_that_names_no_class_is_refused(reference: str) -> None:
    with pytest.raises(Misuse, match=r"module:Class|there is no file"):
        _absolute(reference)


@pytest.mark.parametrize("words", [["--count", "0"], ["--count", "-1"], ["--count", "many"], ["--add", "0"], ["--count"], []])
def test_a_count_that_is_none_is_refused_before_anything_starts(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    assert main(["spawn", *words]) == 2
    assert capsys.readouterr().err.startswith("engine: ")
    assert not (tmp_path / "home").exists()


def test_a_count_past_the_limit_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    assert main(["spawn", "--count", "1000000000"]) == 2
    assert "limit of 10,000" in capsys.readouterr().err
    assert not (tmp_path / "home" / "run" / "engine" / "control.sock").exists()
