"""What is configured is shown with its place, the file with why it is read, and one that cannot be used by line and key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.config import shipped_file

POOLS = "agents: 100\npools:\n  p1: {agents: 100, cpu: 25%}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with no configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    for name in ("ENGINE_NAME", "ENGINE_POOLS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["config", *words, "--json"]) == 0
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_the_file_is_told_with_why_it_is_read(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = [told(capsys, "path")]
    for name in ("pools.yaml", "dotenv.yaml", "environ.yaml", "flag.yaml"):
        (here / name).write_text(POOLS)
    seen.append(told(capsys, "path"))
    (here / ".env").write_text("ENGINE_POOLS=dotenv.yaml\n")
    seen.append(told(capsys, "path"))
    monkeypatch.setenv("ENGINE_POOLS", "environ.yaml")
    seen.append(told(capsys, "path"))
    seen.append(told(capsys, "path", "-f", "flag.yaml"))
    assert [(one["file"], one["chosen_by"]) for one in seen] == [
        (str(shipped_file()), "the engine came with it"),
        (str(here / "pools.yaml"), "it is in this folder"),
        (str(here / "dotenv.yaml"), "ENGINE_POOLS in .env"),
        (str(here / "environ.yaml"), "ENGINE_POOLS"),
        (str(here / "flag.yaml"), "a flag"),
    ]
    assert seen[0]["data"] == str(here / "home" / "state" / "engine" / "data")


def test_a_file_is_checked_by_itself_and_named_by_line_and_key(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "good.yaml").write_text(POOLS)
    (here / "bad.yaml").write_text(POOLS.replace("cpu:", "cpus:"))
    monkeypatch.setenv("ENGINE_AGENTS", "nonsense")
    assert main(["config", "check", "good.yaml"]) == 0
    assert capsys.readouterr().out == f"{here}/good.yaml can be used: 1 pool with 1 worker for 100 agents\n"
    assert main(["config", "check", "bad.yaml"]) == 2
    assert f"{here}/bad.yaml:3: pools.p1.cpus: " in capsys.readouterr().err
    assert main(["config", "check", "bad.yaml", "--json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert (error["key"], error["file"], error["line"]) == ("pools.p1.cpus", f"{here}/bad.yaml", 3)
    assert main(["config", "check"]) == 2  # what a command would use has the variable too
    assert "ENGINE_AGENTS" in capsys.readouterr().err


def test_values_are_found_by_what_stands_above_them(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "pools.yaml").write_text(POOLS)
    assert main(["config", "show", "pools.p1.cpu", "agents"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["KEY", "VALUE", "SOURCE"],
        ["agents", "100", "pools.yaml:1"],
        ["pools.p1.cpu", "25%", "pools.yaml:3"],
    ]
    assert main(["config", "show", "pool"]) == 2
    assert "did you mean pools?" in capsys.readouterr().err
    assert main(["config", "show", "--set", "pools.p9.cpu=1"]) == 2
    assert main(["config", "path", "x"]) == 2
