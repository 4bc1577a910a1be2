"""Accepted tasks from the command line: what they wait for, why, what became of them, over the death of their engine."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Commands, Terminal, commands

#: Seconds that anything here may take.
WITHIN_S = 40.0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, whose engine keeps its state on the disk; one with some agents runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text("durability: sync\nagents: 100\npools:\n  p1: {agents: 100, workers: 2}\n")
        done = made("spawn", "--use", "tests.support.agents:Chore", "--count", "10")
        assert done.returncode == 0, done.stderr
        yield made
        counts = made.document("tasks")["counts"]
        assert counts["accepted"] == sum(counts[state] for state in ("done", "failed", "cancelled", "expired", "open")), counts


def note(word: str, **more: Any) -> dict[str, Any]:
    """A task that writes a word down, and is called by it."""
    return {"id": word, "agent": "chore/0", "method": "note", "args": [word], **more}


def submit(engine: Commands, *lines: dict[str, Any], words: Sequence[str] = ()) -> list[str]:
    """Have lines accepted; returns their ids."""
    done = engine("submit", "-", *words, stdin="".join(f"{json.dumps(line)}\n" for line in lines))
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["task"] for line in done.stdout.splitlines()]


def result(engine: Commands, name: str) -> Any:
    """The value of a task."""
    done = engine("tasks", "result", name, "--wait", f"{WITHIN_S}s")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def killed(engine: Commands) -> None:
    """Kill the engine, and start the next one."""
    os.kill(int((engine.home / "run" / "engine" / "daemon.lock").read_text()), signal.SIGKILL)
    deadline_s = time.monotonic() + WITHIN_S
    while (done := engine("start")).returncode:
        assert time.monotonic() < deadline_s, done.stderr


def state_is(engine: Commands, name: str, *states: str) -> dict[str, Any]:
    """A task once it stands so."""
    deadline_s = time.monotonic() + WITHIN_S
    while (facts := engine.document("tasks", "show", name)["task"])["state"] not in states:
        assert time.monotonic() < deadline_s, facts
    return dict(facts)


def test_what_waits_is_known_and_waits_on_in_the_next_life_of_a_killed_engine(engine: Commands, tmp_path: Path) -> None:
    (by_id,) = submit(engine, {"agent": "chore/3", "method": "hold", "args": [str(tmp_path / "gate")]})
    submit(engine, note("d", after=["b", "c"]), note("b", after=["a"]), note("behind", after=by_id, retries=2))
    first = submit(engine, note("done"))
    assert result(engine, "done") == 1
    killed(engine)
    assert {task["name"] for task in engine.document("tasks", "--state", "waiting")["tasks"]} == {"d", "b", "behind"}
    facts = engine.document("tasks", "show", "d")["task"]
    assert (facts["waiting_for"], facts["options"]["after"]) == (["b", "c"], ["b", "c"])
    assert submit(engine, note("done"), note("b", after=["a"])) == [*first, engine.document("tasks", "show", "b")["task"]["id"]]
    refused = engine("submit", "-", stdin=json.dumps(note("done", args=["other"])))
    assert refused.returncode == 2
    assert "'done' is the id of task" in refused.stderr
    circle = engine("submit", "-", "--json", stdin=json.dumps(note("a", after="d")))
    assert circle.returncode == 2
    error = json.loads(circle.stderr.splitlines()[-1])["error"]
    assert error["type"] == "DependencyCycle"
    assert all(name in error["message"] for name in ("a", "b", "d"))
    submit(engine, note("c"), note("a"))
    (tmp_path / "gate").touch()
    result(engine, "d")
    result(engine, "behind")
    words = json.loads(engine("ask", "chore/0", "told").stdout)
    assert words.index("a") < words.index("b") < words.index("d")
    assert words.index("c") < words.index("d")
    assert sorted(words) == ["a", "b", "behind", "c", "d", "done"]
    assert engine.document("tasks")["counts"]["done"] == 7


def test_retries_and_delays_go_on_in_the_next_life(engine: Commands, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    flaky = {"id": "flaky", "agent": "chore/1", "method": "attempt", "args": [str(tries), 3], "retries": 5, "backoff_s": 0.5}
    submit(engine, flaky, note("late", delay_s=3))
    while not tries.exists() or tries.stat().st_size < 2:
        time.sleep(0.01)
    killed(engine)
    facts = engine.document("tasks", "show", "late")["task"]
    assert facts["state"] == "waiting" or facts["started_s"] >= facts["accepted_s"] + 3 - 0.01
    assert result(engine, "flaky") == 4
    assert tries.stat().st_size == 4
    result(engine, "late")
    facts = engine.document("tasks", "show", "late")["task"]
    assert facts["started_s"] >= facts["accepted_s"] + 3 - 0.01  # of two clocks


def test_why_tells_the_story_of_a_task(engine: Commands, tmp_path: Path) -> None:
    tries, gate = tmp_path / "tries", tmp_path / "gate"
    hold = {"id": "hold", "agent": "chore/2", "method": "hold_half", "args": [str(gate)]}
    flaky = {"id": "flaky", "agent": "chore/1", "method": "attempt", "args": [str(tries), 1], "retries": 1, "after": "hold"}
    submit(engine, hold, flaky | {"priority": "high", "tags": ["nightly"]})
    state_is(engine, "hold", "running")
    told = engine("why", "flaky")
    assert told.returncode == 0, told.stderr
    assert "waiting now: waits for hold" in told.stdout
    assert f'asked     chore/1 attempt ["{tries}", 1]' in told.stdout
    while engine.document("tasks", "show", "hold")["task"]["progress"] != 0.5:
        time.sleep(0.01)
    assert "50% of it, as it says" in engine("why", "hold").stdout
    assert "50%" in engine("tasks", "ls", "--state", "running").stdout
    assert "progress  50%" in engine("tasks", "show", "hold").stdout
    gate.touch()
    assert result(engine, "flaky") == 2
    document = engine.document("why", "flaky")
    assert document["schema"] == "engine.why/v1"
    assert [(each["task"], each["state"]) for each in document["waited_for"]] == [("hold", "done")]
    assert [each["error"] and each["error"]["type"] for each in document["attempts"]] == ["ValueError", None]
    assert document["time"]["total_s"] == pytest.approx(sum(document["time"].values()) / 2)
    assert (document["place"]["agent"], document["place"]["pool"]) == ("chore/1", "p1")
    shown = engine("why", "flaky").stdout
    for words in ("is        done after", "asked     chore/1 attempt", "priority high", "tags nightly", "WAITED FOR",
                  "ValueError: attempt 1", "pool p1, worker p1.", "waited for other tasks", "in all"):  # fmt: skip
        assert words in shown, shown
    nobody = engine("why", "nobody")
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert "no task 'nobody'" in nobody.stderr


def test_tasks_are_found_by_state_tag_tenant_and_kind_and_cancelled_and_tried_again_by_name(engine: Commands) -> None:
    words = ("--priority", "low", "--tenant", "t", "--tag", "a", "--tag", "b", "--retries", "2")
    submit(engine, note("x", after="never"), note("y", after="never", tenant="u", priority="high"), words=words)

    def names(*only: str) -> list[str]:
        return [task["name"] for task in engine.document("tasks", *only)["tasks"]]

    assert names("--tag", "a") == names("--kind", "chore") == names("ls", "--state", "waiting") == ["y", "x"]
    assert (names("--tenant", "t"), names("--tag", "c"), names("--kind", "other")) == (["x"], [], [])
    assert engine.document("tasks", "show", "y")["task"]["options"] == {
        "priority": "high", "tenant": "u", "tags": ["a", "b"], "retries": 2, "after": ["never"],
    }  # fmt: skip
    listed = engine("tasks", "ls").stdout
    assert "waits for never" in listed
    cancelled = engine("tasks", "cancel", "x", "y")
    assert cancelled.returncode == 0
    assert cancelled.stdout.count("is cancelled") == 2
    again = engine.document("tasks", "retry", "x")["requeued"]
    assert result(engine, again[0]["requeued_as"]) == result(engine, "x") == 1
    over = engine("tasks", "cancel", "x")
    assert (over.returncode, over.stdout.split()[-1]) == (1, "done")
    assert "it cannot be cancelled any more" in over.stderr
    submit(engine, note("z", after="never"))
    some = engine("tasks", "cancel", "x", "nobody", "z", "--json")
    assert (some.returncode, json.loads(some.stderr)["error"]["type"]) == (1, "TaskEnded")
    assert [task["state"] for task in json.loads(some.stdout)["tasks"]] == ["done", "cancelled"]
    misuses = ("retry x", "retry nobody", "show", "show x y", "ls x", "cancel", "--state lost")
    for typed, code in {**dict.fromkeys(misuses, 2), "result y": 1}.items():
        assert engine("tasks", *typed.split()).returncode == code, typed


def test_of_a_file_the_first_task_under_an_id_is_kept_and_the_others_are_accepted(engine: Commands) -> None:
    lines = [note("first"), note("first", args=["other"]), note("nobody", kind="nobody"), note("last")]
    del lines[2]["agent"]
    told = engine("submit", "-", stdin="\n".join(json.dumps(line) for line in lines) + "\n")
    said = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.returncode == 2
    assert {each["id"]: each.get("error", {}).get("type") for each in said[:1] + said[2:]} == {
        "first": None, "nobody": "UnknownKind", "last": None,
    }  # fmt: skip
    assert (said[1]["line"], said[1]["id"], said[1]["error"]["type"]) == (2, "first", "DuplicateTask")
    assert "'first' is the id of task" in told.stderr
    assert [result(engine, name) for name in ("first", "last")] == [1, 2]
    late = engine("submit", "-", stdin=json.dumps(note("first", deadline_s=5)) + "\n")
    assert late.returncode == 2


def test_a_circle_by_ids_is_refused_and_one_that_only_waited_has_no_attempt_after_a_restart(engine: Commands) -> None:
    (first,) = submit(engine, note("x", after="y"))
    told = engine("submit", "-", "--json", stdin=json.dumps(note("y", after=first)) + "\n")
    error = json.loads(told.stderr.splitlines()[-1])["error"]
    assert (told.returncode, error["type"]) == (2, "DependencyCycle")
    assert f"y -> {first} -> y" in error["message"]
    submit(engine, note("later", delay_s=300))
    killed(engine)
    shown = [engine.document("tasks", "show", name)["task"] for name in ("x", "later")]
    assert [(task["state"], task["attempts"]) for task in shown] == [("waiting", 0), ("waiting", 0)]
    submit(engine, note("y"))
    assert [result(engine, name) for name in ("y", "x")] == [1, 2]


def test_dead_letters_are_dropped_once_somebody_is_sure(engine: Commands, tmp_path: Path) -> None:
    fail = {"agent": "chore/1", "method": "attempt"}
    lines = [{**fail, "id": name, "args": [str(tmp_path / name), 1]} for name in ("one", "two", "three")]
    one, two, three = submit(engine, *lines)
    submit(engine, note("waits", after="one", after_failed="wait"))
    for name in ("one", "two", "three"):
        state_is(engine, name, "failed")
    assert engine("dlq", "drop", "one").returncode == 2  # nobody can be asked
    terminal = Terminal(engine, "dlq", "drop", "one")
    assert "drop 1 dead letter for good?" in terminal.until("[y/N]")
    terminal.send("n\n")
    assert terminal.end() == 1
    assert engine.document("dlq")["total"] == 3
    terminal = Terminal(engine, "dlq", "drop", "one")
    terminal.until("[y/N]")
    terminal.send("y\n")
    assert terminal.end() == 0
    assert f"{one} is a dead letter no more" in terminal.seen
    assert state_is(engine, "waits", "failed")["cause"]["type"] == "DependencyFailed"
    assert engine("dlq", "drop", "one", "--yes").returncode == 2
    assert engine.document("dlq", "requeue", "two")["requeued"][0]["id"] == two
    assert result(engine, "two") == 2
    dropped = engine.document("dlq", "drop", "--all", "--yes")["dropped"]
    assert set(dropped) == {three, engine.document("tasks", "show", "waits")["task"]["id"]}
    killed(engine)
    assert engine.document("dlq")["total"] == 0
    assert engine.document("tasks", "show", "three")["task"]["state"] == "failed"
    assert engine("dlq", "drop").returncode == 2


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (note("a", priority="urgent"), 1, "priority is low, normal, high or critical, not 'urgent'"),
        (note("a", timeout_s=-1), 1, "timeout_s is a number of seconds"),
        (note("a", deadline_at=1), 1, "in the past"),
        (note("x" * 300), 1, 'an "id" is a number, or a text of 1 to 200 characters'),
        (note("a", args=["x" * 10_000_000]), 1, ""),
        (note("a", after="a"), 2, "these wait for each other: a -> a"),
    ],
    ids=["priority", "timeout", "past", "id", "large", "circle"],
)
def test_a_bad_line_is_answered_beside_the_others_with_a_stable_exit_code(
    engine: Commands, line: dict[str, Any], code: int, said: str
) -> None:
    (before,) = submit(engine, note("before"))
    lines = [note("other"), line] if code == 1 else [line]
    done = engine("submit", "-", stdin="".join(f"{json.dumps(one)}\n" for one in lines))
    if not said:  # it is accepted, or too long for a line
        bad = [json.loads(one) for one in done.stdout.splitlines() if '"ok"' in one]
        assert done.returncode == (1 if bad else 0), done.stderr
        assert bad or engine("tasks", "result", "a", "--wait", "20s").returncode == 1
    else:
        assert done.returncode == code, done.stderr
        assert said in json.loads(done.stdout.splitlines()[0])["error"]["message"] if code == 1 else said in done.stderr
    assert result(engine, before) == 1
    if code == 1:
        assert result(engine, "other") == 2
    if said:
        assert engine.document("tasks")["counts"]["accepted"] == (2 if code == 1 else 1)
