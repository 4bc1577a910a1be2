"""Sprints are listed and shown from their ledgers, also where no engine runs and where one is damaged."""

from __future__ import annotations

import json
from pathlib import Path

from sprints.archive import Archive
from sprints.queue import Queue, Queued, new_queued_id
from tests.support.bygone import kept
from tests.support.sprinting import document
from tests.unit.engine.cli.conftest import Sprint


def test_where_there_is_none_it_is_said(sprint: Sprint) -> None:
    code, out, error = sprint("ls")
    assert (code, out) == (0, "")
    assert "there is no sprint yet" in error
    assert json.loads(sprint("ls", "--json")[1]) == {"schema": "engine.sprints/v1", "sprints": [], "queued": []}
    code, _, error = sprint("show", "sp-20261121-001")
    assert (code, "there is no sprint 'sp-20261121-001'" in error) == (2, True)


def test_the_newest_is_first_and_no_more_are_listed_than_asked_for(sprint: Sprint, tmp_path: Path, archive: Path) -> None:
    rows = [document({"id": "a"}, name="one"), document({"id": "a"}, {"id": "bad"}, name="two")]
    first, second = kept(tmp_path, *rows, archive=archive)
    lines = sprint("ls")[1].splitlines()
    assert [line.split()[:2] for line in lines] == [["SPRINT", "BACKLOG"], [second, "two"], [first, "one"]]
    assert lines[1].split()[6:9] == ["left", "some", "1"]
    (only,) = json.loads(sprint("ls", "--limit", "1", "--json")[1])["sprints"]
    assert (only["id"], only["verdicts"], only["queued"]) == (second, {"done": 1, "failed": 1}, 0)


def test_who_waits_is_listed_before_those_that_were_also_where_no_engine_runs(
    sprint: Sprint, tmp_path: Path, archive: Path
) -> None:
    (first,) = kept(tmp_path, document({"id": "a"}), archive=archive)
    rows = [Queued(new_queued_id(), at_s, document({"id": "a"}, {"id": "b"}), {}) for at_s in (5.0, 6.5)]
    for row in rows:
        Queue(str(archive)).add(row)
    (archive / "queue" / "000009-q-0123456789ab.json").write_text("{")
    lines = [line.split() for line in sprint("ls")[1].splitlines()[1:]]
    assert [line[0] for line in lines] == [rows[1].id, rows[0].id, first]
    assert lines[1] == [rows[0].id, "app", "1970-01-01", "00:00:05", "queued", "2"]
    told = json.loads(sprint("ls", "--json")[1])
    assert told["queued"] == [{"id": row.id, "backlog": "app", "since_s": row.at_s, "tasks": 2} for row in reversed(rows)]
    assert [one["id"] for one in told["sprints"]] == [first]


def test_one_is_shown_with_its_steps_its_roles_and_why_something_was_not_done(
    sprint: Sprint, tmp_path: Path, archive: Path
) -> None:
    (first,) = kept(tmp_path, document({"id": "a"}, {"id": "bad"}, {"id": "behind", "after": ["bad"]}), archive=archive)
    code, out, _ = sprint("show", first)
    assert code == 0
    assert "bad: failed" in out
    assert "carried 1: what it waits for was not done" in out
    steps = [line.split()[1] for line in out.partition("WAVE")[2].splitlines()[1:5]]
    assert steps == ["plan", "exec", "test", "ship"]
    assert out.splitlines()[-1].split()[:4] == ["maker", "4", "1", "1"]
    told = json.loads(sprint("show", first, "--json")[1])
    assert told["schema"] == "engine.sprint/v1"
    assert {receipt["item"]: receipt["verdict"] for receipt in told["receipts"]} == {"a": "done", "bad": "failed"}


def test_a_damaged_one_is_shown_as_far_as_it_goes_and_one_without_a_ledger_is_not_listed(
    sprint: Sprint, tmp_path: Path, archive: Path
) -> None:
    (first,) = kept(tmp_path, document({"id": "a"}), archive=archive)
    ledger = archive / first / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"done"', b'"dona"', 1))
    killed = Archive(str(archive)).make(0.0, {"name": "app"})
    assert [line.split()[0] for line in sprint("ls")[1].splitlines()[1:]] == [first]
    code, out, error = sprint("show", first)
    assert (code, "damaged" in out) == (0, True)
    assert f"engine sprint verify {first}" in error
    code, out, error = sprint("show", killed)
    assert code == 0
    assert "0 of 0 items" in out


def test_no_name_commands_the_terminal(sprint: Sprint, tmp_path: Path, archive: Path) -> None:
    evil = "\x1b[2Jx\r\x07"
    ship = {"hooks": [{"command": ["sh", "-c", "printf '\\033[31mno'; exit 1"]}]}
    row = document({"id": f"bad{evil}"}, {"id": f"a{evil}"}, name=f"app{evil}", ship=ship)
    (first, *_) = kept(tmp_path, row, archive=archive)
    (tmp_path / "app.json").write_text(json.dumps(row))
    for words in (("ls",), ("show", first), ("diff", first, first), ("check", "app.json"), ("verify",)):
        code, out, error = sprint(*words)
        assert code == 0
        assert not {"\x1b", "\r", "\x07"} & set(out + error), (words, out)
    assert "badx: failed" not in sprint("ls")[1]
    assert "badx : failed" in sprint("show", first)[1]
