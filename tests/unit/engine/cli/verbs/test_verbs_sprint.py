"""`engine sprint check`, `schema` and `import`: backlogs from the command line, without an engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from engine.backlogfile import read_backlog_file
from engine.cli.main import main
from sprints.schema import backlog_schema

BACKLOG = """\
schema: engine.backlog/v1
name: app
roles:
  dev: {kind: coder, agents: 20}
sprint: {shape: waves}
tasks:
  - {id: a, role: dev, method: run, check: {expr: ok}}
  - {id: b, role: dev, method: run, after: [a]}
"""


@pytest.fixture
def backlog(tmp_path: Path) -> Path:
    file = tmp_path / "app.yaml"
    file.write_text(BACKLOG)
    return file


def test_a_backlog_is_counted(backlog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sprint", "check", str(backlog)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{backlog} is a backlog",
        "  app: 2 tasks in 1 role, for 20 agents",
        "  a sprint of 900 s takes 2 tasks",
        "  1 task with neither check nor artifacts: proven by effects alone",
        "    Quick Wins: 180 s, 4 agents, 1 task",
        "    Core Features: 480 s, 12 agents, 1 task",
        "    Polish & Test: 180 s, 3 agents, 0 tasks",
        "    Ship & Learn: 60 s, 1 agent, 0 tasks",
    ]


def test_a_program_gets_the_same_as_json(backlog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sprint", "check", str(backlog), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["schema"], shown["tasks"], shown["agents"], shown["unproven"]) == ("engine.sprint/v1", 2, 20, 1)
    assert shown["sprint"] == {"shape": "waves", "seconds": 900.0, "capacity": 200, "takes": 2}
    assert shown["digest"] == read_backlog_file(backlog).digest()
    assert [wave["tasks"] for wave in shown["waves"]] == [1, 1, 0, 0]


def test_a_fault_is_told_with_file_line_and_key_and_ends_with_2(backlog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backlog.write_text(BACKLOG.replace("after: [a]", "after: [c]"))
    assert main(["sprint", "check", str(backlog)]) == 2
    assert capsys.readouterr().err == f"engine: {backlog}:8: tasks[1].after[0]: there is no task 'c'\n"
    assert main(["sprint", "check", str(backlog), "--json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert (error["type"], error["key"], error["place"]) == ("BadBacklog", "tasks[1].after[0]", f"{backlog}:8")


def test_a_circle_is_told_by_name(backlog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backlog.write_text(BACKLOG.replace("check: {expr: ok}", "after: [b]"))
    assert main(["sprint", "check", str(backlog)]) == 2
    assert "these tasks wait for each other: a -> b -> a" in capsys.readouterr().err


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["sprint", "schema"], ["sprint", "schema", "--json"]):
        assert main(words) == 0
        assert json.loads(capsys.readouterr().out) == backlog_schema()


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_to_do_list_becomes_a_backlog_that_can_be_checked(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "TODO.md").write_text("- [ ] Écrire @dev\n  - [ ] Read it\n", encoding="utf-8-sig")
    assert main(["sprint", "import", "todo", str(tmp_path / "TODO.md"), "--role", "qa", "--method", "work", *words]) == 0
    written = capsys.readouterr().out
    assert (json.loads if words else yaml.safe_load)(written)["name"] == "TODO"
    (tmp_path / "todo.yaml").write_text(written)
    found = read_backlog_file(tmp_path / "todo.yaml")
    assert [(each.id, each.role, each.method, each.after) for each in found.items.values()] == [
        ("écrire", "dev", "work", ("read-it",)),
        ("read-it", "qa", "work", ()),
    ]


def test_a_report_of_failures_becomes_a_backlog(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.xml"
    report.write_text("<testsuite><testcase name='t'><failure message='no'/></testcase></testsuite>")
    assert main(["sprint", "import", "junit", str(report)]) == 0
    (task,) = yaml.safe_load(capsys.readouterr().out)["tasks"]
    assert (task["id"], task["role"], task["method"], task["args"]["message"]) == ("mend-t", "worker", "mend", "no")
    report.write_text("<testsuite/>")
    assert main(["sprint", "import", "junit", str(report)]) == 2
    assert "no test failed" in capsys.readouterr().err


def test_what_is_no_text_is_refused_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "TODO.md").write_bytes(b"- [ ] a\n- [ ] \xff\n")
    assert main(["sprint", "import", "todo", str(tmp_path / "TODO.md")]) == 2
    assert "line 2: not UTF-8 at byte 14" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chekc"], "there is nothing called 'chekc' to do, did you mean check?"),
        (["check"], "check needs FILE"),
        (["check", "a", "b"], "'b' is one word too many"),
        (["import"], "import needs FORM and FILE"),
        (["import", "jnuit", "x"], "there is no form 'jnuit', did you mean junit?"),
        (["import", "xml", "x"], "there is no form 'xml'; write todo or junit"),
        (["import", "todo", "/nowhere/at/all"], "/nowhere/at/all cannot be read: No such file"),
        (["check", "/nowhere/at/all"], "/nowhere/at/all: cannot be read: No such file"),
        (["check", "x", "--role", "dev"], "--role is for import, not for check"),
        (["schema", "--method", "x"], "--method is for import, not for schema"),
    ],
)
def test_words_that_do_not_fit_are_answered_with_what_to_type(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sprint", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_role_that_no_backlog_can_have_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "TODO.md").write_text("- [ ] a\n")
    assert main(["sprint", "import", "todo", str(tmp_path / "TODO.md"), "--method", "_a"]) == 2
    assert "tasks[0].method: must be the name of a public method" in capsys.readouterr().err


def test_a_backlog_can_come_from_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "sprint", "check", "-"],
        input=BACKLOG,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("- is a backlog\n")
