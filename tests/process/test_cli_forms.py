"""Every verb that tells something tells it in three forms that mean the same everywhere; no verb and no action is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from engine.cli.main import VERBS
from engine.cli.manual import actions_of
from tests.support.commands import ROOT, Commands, Terminal, commands

#: What is told, with the key of its rows where it is a list; `{task}` is a task that is done, `{letter}` a dead letter.
TELLING: dict[str, str] = {
    "tasks": "tasks",
    "tasks ls": "tasks",
    "tasks show {task}": "",
    "tasks result {task}": "",
    "tasks retry {letter}": "requeued",
    "why {task}": "",
    "workflow check {root}/examples/workflows/words.yaml": "steps",
    "workflow ls": "runs",
    "sprint ls": "sprints",
    "sprint verify": "sprints",
    "dlq": "letters",
    "dlq ls": "letters",
    "dlq show {letter}": "",
    "stats": "",
    "ps": "workers",
    "pools": "pools",
    "agents": "agents",
    "agents counter --limit 3": "agents",
    "agents quarantine ls": "agents",
    "agents show counter/1": "",
    "pools pause p1": "",
    "pools resume p1": "",
    "monitor --once": "",
    "stats --overview": "",
    "recount": "cells",
    "deploy status": "",
    "breaker": "breakers",
    "breaker ls": "breakers",
    "breaker open --pool p1": "breakers",
    "breaker close --pool p1": "breakers",
    "breaker auto": "breakers",
    "foresight": "",
    "kinds": "kinds",
    "events": "events",
    "checkpoints ls": "stores",
    "checkpoints verify": "stores",
    "checkpoints show counter/1": "",
    "checkpoints export counter/1": "",
    "config": "values",
    "config show": "values",
    "config path": "",
    "config check": "",
    "doctor": "checks",
    "completion bash": "",
    "help": "verbs",
    "help ask": "",
    "help exit-codes": "",
    "wait ready": "",
    "logs level": "",
    "metrics": "metrics",
    "logs": "events",
    "logs --event agent.* --task nobody": "events",
    "run pings.jsonl": "results",
    "run --detach pings.jsonl": "tasks",
    "submit pings.jsonl": "tasks",
    "ask counter/1 get": "",
    "ask counter/* get --reduce sum": "",
    "version": "",
    "spawn --count 20": "spawned",
    "agents rm counter/19 --yes": "removed",
    "init other": "",
    "new agent scribe": "",
    "cluster init": "",
    "cluster check": "nodes",
}
#: What is not among them: it waits, ends the engine, or needs a sprint, a backup or hosts.
ELSEWHERE = {
    "start", "stop", "backup", "restore", "workflow run", "sprint run", "sprint show",
    "sprint pause", "sprint resume", "sprint abort", "sprint rollback", "sprint diff", "sprint schema",
    "sprint import", "dlq requeue", "dlq drop", "tasks cancel", "sprint check", "agents quarantine show",
    "agents quarantine release", "deploy rollback", "deploy confirm", "checkpoints compact", "checkpoints repair",
    "cluster trust", "cluster exec", "cluster up", "cluster spawn", "cluster run", "cluster deploy", "cluster deploy status",
    "cluster drain", "cluster undrain", "cluster forget", "cluster role", "cluster broadcast",
    "cluster sprint run", "cluster sprint ls", "cluster sprint show", "cluster sprint settle",
    "cluster sprint pause", "cluster sprint resume", "cluster sprint abort", "cluster sprint rollback",
    "cluster deploy rollback", "cluster deploy confirm", "cluster stats", "cluster ps", "cluster logs", "cluster stop",
}  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """An engine that has done something, with a task that is done and one that failed."""
    with commands(tmp_path_factory.mktemp("f")) as made:
        assert made("spawn", "--count", "20").returncode == 0
        assert made("cluster", "init").returncode == 0
        assert made("ask", "counter/1", "add", "2").returncode == 0
        lines = [
            {"id": "good", "agent": "counter/1", "method": "add", "args": [1]},
            {"id": "bad", "agent": "counter/2", "method": "add", "args": ["x"]},
        ]
        assert made("submit", made.file("t.jsonl", *lines)).returncode == 0
        assert made("tasks", "result", "good", "--wait", "20s").returncode == 0
        assert made("tasks", "result", "bad", "--wait", "20s").returncode == 1
        made.file("pings.jsonl", *({"kind": "counter", "method": "ping"} for _ in range(3)))
        yield made


def words_of(told: str) -> list[str]:
    return told.format(task="good", letter="bad", root=ROOT).split()


def test_no_verb_and_no_action_is_left_out() -> None:
    named = {" ".join(words_of(told)[:count]) for told in TELLING for count in (1, 2, 3)}
    for verb in VERBS:
        for action in actions_of(verb) or [""]:
            assert f"{verb} {action}".strip() in named | ELSEWHERE, f"{verb} {action} is tested nowhere"
    every = {f"{verb} {action}".strip() for verb in VERBS for action in ["", *actions_of(verb)]}
    assert every >= ELSEWHERE


@pytest.mark.parametrize("told", TELLING)
def test_a_document_has_its_schema_and_its_rows_are_the_lines_of_ndjson(engine: Commands, told: str) -> None:
    words, rows = words_of(told), TELLING[told]
    done = engine(*words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert document["schema"].startswith("engine.")
    assert document["schema"].rpartition("/v")[2].isdigit()
    if rows == "requeued" or told.startswith("agents rm"):
        return  # done once
    lines = engine(*words, "-o", "ndjson").stdout.splitlines()
    shown = [json.loads(line) for line in lines]
    if not rows:
        assert [one["schema"] for one in shown] == [document["schema"]]
        return
    assert all("schema" not in row for row in shown)
    first = document[rows]
    if isinstance(first, dict):
        first = [{"name": name, "value": value} for name, value in first.items()]
    if rows not in ("events", "letters", "tasks", "metrics") or words[0] in ("run", "submit"):  # more of them come with time
        assert len(shown) == len(first)
    for one, other in zip(shown, first, strict=False):
        if one.get("verdict") == other.get("verdict"):  # which decides what is told of a cell, and may be another by now
            assert sorted(one) == sorted(other)


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 160])
def test_no_table_is_wider_than_the_terminal(engine: Commands, columns: int) -> None:
    from engine.cli.screen import cells

    for words in (
        ["tasks"],
        ["ps"],
        ["pools"],
        ["agents"],
        ["breaker"],
        ["dlq"],
        ["events"],
        ["checkpoints", "ls"],
        ["config", "show"],
    ):
        terminal = Terminal(engine, *words, "--no-color", "--quiet", columns=columns, term="dumb")
        assert terminal.end() == 0
        lines = terminal.seen.replace("\r", "").splitlines()
        assert len(lines) > 1
        assert max(map(cells, lines)) <= columns, (words, lines)
