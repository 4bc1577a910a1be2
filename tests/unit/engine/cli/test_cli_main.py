"""The front door: help that helps, a guess for a typo, a code for every end, and nothing loaded before it is needed."""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine import __version__
from engine.cli import main as door
from engine.cli import parser
from engine.cli.main import VERBS, main
from engine.errors import NotRunning

ROOT = Path(__file__).resolve().parents[4]

#: What a help text has no use for.
HEAVY = {
    "asyncio",
    "uvloop",
    "orjson",
    "yaml",
    "rich",
    "numpy",
    "psutil",
    "lz4",
    "inspect",
    "dataclasses",
    "json",
    "socket",
    "subprocess",
    "pathlib",
    "pools",
    "checkpoints",
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and a home in which no engine runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    for name in ("ENGINE_NAME", "ENGINE_POOLS"):
        monkeypatch.delenv(name, raising=False)


def test_a_bare_command_shows_three_examples_and_where_there_is_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert sum(line.startswith("  engine ") for line in said.splitlines()) == 3
    assert "engine --help" in said
    assert len(said.splitlines()) < 12


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_help_names_every_verb_every_common_option_and_every_exit_code(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    said = capsys.readouterr().out
    for verb, line in VERBS.items():
        assert f"  {verb} " in said
        assert line in said
    for word in (
        "--name",
        "--file",
        "--json",
        "--quiet",
        "--no-color",
        "--debug",
        "--version",
        "NO_COLOR",
        "130",
        "141",
        "143",
        "ENGINE_HOME",
    ):
        assert word in said
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_its_usage_its_options_and_examples(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parser, "_width", lambda: 80)
    assert main([verb, "--help"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[0] == f"engine {verb}: {VERBS[verb]}"
    assert f"  engine {verb}" in lines[3]
    assert "Examples" in lines
    assert any(line.startswith(f"  engine {verb}") for line in lines[lines.index("Examples") :])
    assert {"logs": "  --file FILE ", "metrics": "  -f FILE "}.get(verb, "  -f, --file FILE ") in said  # those have another
    assert max(map(len, lines)) <= 80


def test_help_before_a_verb_is_the_same_as_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    main(["help", "ask"])
    first = capsys.readouterr().out
    main(["ask", "-h"])
    assert capsys.readouterr().out == first


def test_who_calls_it_keeps_a_collector_that_collects(capsys: pytest.CaptureFixture[str]) -> None:
    frozen = gc.get_freeze_count()
    assert main(["spawn", "--help"]) == 0
    assert "Usage" in capsys.readouterr().out
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"engine {__version__}\n"


@pytest.mark.parametrize(("typed", "meant"), [("sapwn", "spawn"), ("stat", "stats"), ("agent", "agents"), ("doktor", "doctor")])
def test_a_typo_is_answered_with_the_verb_that_was_meant(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([typed]) == 2
    assert capsys.readouterr().err == f"engine: there is no verb {typed!r}, did you mean {meant}?\n"


def test_a_word_like_no_verb_is_answered_with_where_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xyzzy"]) == 2
    assert capsys.readouterr().err == "engine: there is no verb 'xyzzy'; see: engine --help\n"


def test_a_misspelt_option_is_answered_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spawn", "--cuont", "5"]) == 2
    said = capsys.readouterr().err
    assert "there is no option --cuont, did you mean --count?" in said
    assert "engine spawn --help" in said


def test_common_options_may_stand_before_the_verb_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--name", "other", "ps"]) == 3
    assert "'other'" in capsys.readouterr().err
    assert main(["ps", "--name", "other"]) == 3
    assert "'other'" in capsys.readouterr().err


def test_a_value_before_the_verb_is_not_taken_for_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--name", "ask", "ps"]) == 3
    assert "'ask'" in capsys.readouterr().err


def test_an_engine_that_does_not_run_is_said_with_the_way_to_start_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "engine spawn" in said.err


def test_with_json_an_error_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "stats"]) == 3
    said = json.loads(capsys.readouterr().err)
    assert said["schema"] == "engine.error/v1"
    assert said["exit_code"] == 3
    assert said["error"]["type"] == "NotRunning"
    assert said["error"]["retry_after_s"] == NotRunning.retry_after_s


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141), (ZeroDivisionError("oh"), 4), (NotRunning("no"), 3)],
)
def test_every_end_has_its_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_words: list[str]) -> int:
        raise error

    monkeypatch.setattr(door, "_command", fail)
    assert main(["ps"]) == code
    said = capsys.readouterr().err
    assert ("Traceback" in said) is False
    assert (said == "") is (code > 128)


def test_an_error_of_ours_asks_for_debug_and_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_words: list[str]) -> int:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(door, "_command", fail)
    assert main(["ps"]) == 4
    assert "--debug" in capsys.readouterr().err
    assert main(["ps", "--debug"]) == 4
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_sigterm_ends_a_command_with_143_and_its_handler_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(door, "_command", lambda _words: os.kill(os.getpid(), signal.SIGTERM))
    assert main(["ps"]) == 143
    assert signal.getsignal(signal.SIGTERM) is before


def loaded_by(words: list[str]) -> set[str]:
    """The packages that a command has loaded at its end, in an interpreter that began with none."""
    begin = f"import sys; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules); from engine.cli.main import main"
    end = "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    program = f"{begin}; main({words!r}); {end}"
    done = subprocess.run([sys.executable, "-P", "-S", "-c", program], capture_output=True, text=True, check=True, timeout=30)
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize("words", ["--help", "--version", ""])
def test_help_loads_nothing_that_it_does_not_need(words: str) -> None:
    assert sorted(loaded_by(words.split()) & HEAVY) == []


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_loads_no_loop_and_no_parser_of_files(verb: str) -> None:
    heavy = {"asyncio", "uvloop", "orjson", "yaml", "rich", "numpy", "psutil", "lz4"}
    assert sorted(loaded_by([verb, "--help"]) & heavy) == []


def test_every_verb_is_a_module_and_every_module_a_verb() -> None:
    files = {file.stem for file in (ROOT / "engine" / "cli" / "verbs").glob("*.py")} - {"__init__"}
    assert files == set(VERBS)
    for verb in VERBS:
        module = importlib.import_module(f"engine.cli.verbs.{verb}")
        assert {"ABOUT", "add_arguments", "run"} == set(module.__all__)


def test_the_module_runs_as_a_program_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "--version"], capture_output=True, text=True, check=True, timeout=30, cwd=ROOT
    )
    assert done.stdout == f"engine {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nme", "x", "ps"], "there is no option --nme, did you mean --name?"),
        (["ps", "--name", ""], "--name has no value"),
        (["stop", "--forced"], "there is no option --forced; see: engine stop --help"),
        (["wait", "ready", "--timeout", "-1s"], "--timeout: '-1s' is not a time such as"),
        (["logs", "--since", "-1x"], "--since: '-1x' is no instant"),
        (["new", "agnt", "x"], "write agent, not 'agnt'"),
        (["completion"], "missing: SHELL, one of bash, zsh, fish; see"),
        (["workflow"], "missing: ACTION, one of run, check, ls; see"),
        (["help", "--", "-x"], "there is no help about '-x'"),
        (["new", "agent", "--", "-x"], "'-x' cannot name an agent"),
    ],
)
def test_what_cannot_be_meant_is_said_in_its_own_words(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_behind_two_dashes_no_word_is_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--quiet", "--", "--json"]) == 0
    assert (tmp_path / "--json" / "pools.yaml").is_file()
    assert capsys.readouterr().out.endswith(" in --json\n")
