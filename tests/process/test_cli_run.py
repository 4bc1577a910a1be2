"""Files of tasks through the real engine: every line answered, bounded memory, and a clean end however it comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import POOLS, Commands, Terminal, commands

SLEEPER = """
import asyncio
from engine import Agent

class Sleeper(Agent):
    naps: int = 0

    async def nap(self, seconds: float) -> int:
        await asyncio.sleep(seconds)
        self.naps += 1
        return self.naps

    def fail(self, text: str) -> None:
        raise ValueError(text)
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """An engine with 1,000 counters and 20 sleepers."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "sleeper.py").write_text(SLEEPER)
    with commands(folder) as made:
        assert made("spawn", "--count", "1000").returncode == 0
        assert made("spawn", "--use", "sleeper.py:Sleeper", "--count", "20").returncode == 0
        yield made


def results(text: str | bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def adds(count: int) -> list[dict[str, Any]]:
    return [{"agent": f"counter/{number % 1000}", "method": "add", "args": [1]} for number in range(count)]


def test_every_task_of_a_file_has_one_result_and_the_summary_is_apart(engine: Commands) -> None:
    done = engine("run", engine.file("adds", *adds(5_000)))
    assert done.returncode == 0, done.stderr
    found = results(done.stdout)
    assert sorted(result["id"] for result in found) == list(range(5_000))
    assert all(result["ok"] and type(result["value"]) is int for result in found)
    assert done.stderr.startswith("engine: 5,000 tasks in ")
    assert done.stderr.endswith(": 5,000 done\n")


def test_quiet_leaves_the_results_alone(engine: Commands) -> None:
    done = engine("run", "-q", engine.file("few", *adds(10)))
    assert (len(done.stdout.splitlines()), done.stderr) == (10, "")


def test_tasks_from_a_pipe_may_name_themselves_and_leave_the_agent_to_the_engine(engine: Commands) -> None:
    lines = [
        {"id": "p", "kind": "counter", "method": "ping"},
        {"id": [1], "agent": "counter/1", "method": "add", "args": {"x": 0}},
    ]
    done = engine("run", "-", stdin="\n".join(map(json.dumps, lines)))
    assert done.returncode == 0
    assert {json.dumps(result["id"]) for result in results(done.stdout)} == {'"p"', "[1]"}


def test_a_malformed_line_in_the_middle_is_reported_with_its_number_and_the_rest_is_done(engine: Commands) -> None:
    lines = [
        *adds(3),
        "{malformed",
        *adds(2),
        '{"agent": "counter/1", "method": "add", "args": [18446744073709551616]}',
        *adds(2),
    ]
    done = engine("run", engine.file("bad", *lines))
    assert done.returncode == 1
    found = results(done.stdout)
    assert sorted(result["line"] for result in found if "line" in result) == [4, 7]
    assert sorted(result["id"] for result in found if result["ok"]) == [0, 1, 2, 4, 5, 7, 8]
    assert "engine: line 4: not JSON" in done.stderr
    assert "engine: line 7: 18446744073709551616 is an integer of more than 64 bits" in done.stderr
    assert "2 bad lines" in done.stderr


def test_tasks_that_fail_say_why_and_the_exit_code_is_1(engine: Commands) -> None:
    lines = [
        {"agent": "sleeper/1", "method": "fail", "args": ["as told"]},
        {"agent": "counter/99999", "method": "get"},
        {"agent": "counter/1", "method": "nope"},
        {"agent": "counter/1", "method": "add", "args": ["x"]},
        {"agent": "counter/1", "method": "ping"},
    ]
    done = engine("run", engine.file("fails", *lines))
    assert done.returncode == 1
    types = {result["id"]: result.get("error", {}).get("type") for result in results(done.stdout)}
    assert types == {0: "ValueError", 1: "UnknownAgent", 2: "UnknownMethod", 3: "BadArgument", 4: None}
    assert "1 done, 4 failed" in done.stderr


def test_as_a_document_it_has_the_results_and_the_counts_and_as_ndjson_the_results_alone(engine: Commands) -> None:
    done = engine("run", "--json", engine.file("bad2", *adds(2), "oops"))
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert [row.get("line") for row in document["results"]].count(3) == 1
    assert (document["schema"], document["done"], document["bad_lines"]) == ("engine.run/v1", 2, 1)
    lines = engine("run", "-o", "ndjson", engine.file("bad2", *adds(2), "oops"))
    assert (lines.returncode, lines.stderr) == (1, "")
    assert sorted(map(len, results(lines.stdout))) == sorted(map(len, document["results"]))


def test_a_document_is_whole_where_its_run_was_interrupted(engine: Commands) -> None:
    before = engine.document("stats")["tasks"]["done"]
    running = engine.start("run", "--json", "-")
    assert running.stdin is not None
    running.stdin.write(json.dumps(adds(1)[0]).encode() + b"\n")
    running.stdin.flush()
    while engine.document("stats")["tasks"]["done"] == before:
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (130, b"")
    document = json.loads(out)
    assert (document["is_interrupted"], document["done"], len(document["results"])) == (True, 1, 1)


def test_only_the_first_bad_lines_are_said(engine: Commands) -> None:
    done = engine("run", engine.file("worse", *["oops"] * 100))
    assert len(results(done.stdout)) == 100
    assert len(done.stderr.splitlines()) == 12


@pytest.mark.parametrize(("name", "said"), [("missing", "cannot be read"), (".", "is a folder")])
def test_a_file_that_cannot_be_read_is_said(engine: Commands, name: str, said: str) -> None:
    done = engine("run", name)
    assert done.returncode == 2
    assert said in done.stderr


def test_an_empty_input_is_no_error(engine: Commands) -> None:
    done = engine("run", "-")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_result_comes_while_the_input_is_still_open(engine: Commands) -> None:
    running = engine.start("run", "-")
    assert running.stdin is not None
    assert running.stdout is not None
    for number in range(3):
        running.stdin.write(json.dumps({"id": number, "agent": "counter/1", "method": "ping"}).encode() + b"\n")
        running.stdin.flush()
        assert json.loads(running.stdout.readline()) == {"id": number, "ok": True, "value": "pong"}
    running.stdin.close()
    running.stdin = None
    _, error = running.communicate(timeout=30)
    assert running.returncode == 0
    assert b"3 tasks" in error


def test_a_reader_that_goes_away_ends_the_run_quietly(engine: Commands) -> None:
    running = engine.start("run", engine.file("many", *adds(100_000)))
    assert running.stdout is not None
    running.stdout.readline()
    running.stdout.close()
    assert running.stderr is not None
    assert running.stderr.read() == b""
    assert running.wait(timeout=30) == 141


def test_a_reader_that_stands_still_costs_no_memory(engine: Commands) -> None:
    running = engine.start("run", "-", stderr=subprocess.DEVNULL)
    assert running.stdin is not None
    assert running.stdout is not None
    os.set_blocking(running.stdin.fileno(), False)
    line = json.dumps({"id": "x" * 1_000, "agent": "counter/1", "method": "ping"}).encode() + b"\n"
    sent = 0
    for _ in range(200):
        try:
            while True:
                sent += os.write(running.stdin.fileno(), line * 60)
        except BlockingIOError:
            if select_writable(running.stdin.fileno()):
                continue
            break
    assert 0 < sent < 60_000_000
    running.kill()
    running.wait(timeout=30)
    running.stdout.close()
    running.stdin.close()


def select_writable(descriptor: int) -> bool:
    """Whether more can be written within a second."""
    import select

    return bool(select.select([], [descriptor], [], 1.0)[1])


def naps(count: int, seconds: float) -> list[dict[str, Any]]:
    return [{"agent": f"sleeper/{number % 20}", "method": "nap", "args": [seconds]} for number in range(count)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_takes_back_what_has_not_begun_and_says_how_many_were_done(
    engine: Commands, number: signal.Signals, code: int
) -> None:
    before = engine.document("stats")["tasks"]
    running = engine.start("run", engine.file("naps", *naps(20, 0.01), *naps(200, 30)), stdin=subprocess.DEVNULL)
    assert running.stdout is not None
    first = [running.stdout.readline() for _ in range(20)]
    running.send_signal(number)
    out, error = running.communicate(timeout=30)
    assert running.returncode == code
    assert len(results(b"".join(first) + out)) == 20
    assert b"engine: interrupted after " in error
    assert b"20 done" in error
    assert b"200 taken back" in error
    after = engine.document("stats")["tasks"]
    assert after["open"] == 0
    assert after["cancelled"] - before["cancelled"] == 200
    assert engine("ask", "sleeper/1", "nap", "0", "--timeout", "10s").returncode == 0


def test_what_is_about_to_end_when_the_signal_comes_is_still_printed(engine: Commands) -> None:
    running = engine.start(
        "run", engine.file("short", {"agent": "counter/1", "method": "ping"}, *naps(20, 0.1)), stdin=subprocess.DEVNULL
    )
    assert running.stdout is not None
    first = running.stdout.readline()
    running.send_signal(signal.SIGINT)
    out, error = running.communicate(timeout=30)
    assert running.returncode == 130
    assert len(results(first + out)) == 21
    assert b"21 done" in error


def test_a_second_signal_ends_at_once(engine: Commands) -> None:
    terminal = Terminal(engine, "run", engine.file("long", *naps(20, 30)))
    terminal.process.send_signal(0)
    while engine.document("stats")["tasks"]["open"] < 20:
        assert terminal.process.poll() is None
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("Ctrl-C again ends at once")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "interrupted after" not in terminal.seen
    assert engine("ask", "sleeper/1", "nap", "0", "--timeout", "10s").returncode == 0


def test_a_terminal_sees_a_bar_that_is_gone_at_the_end(engine: Commands) -> None:
    terminal = Terminal(engine, "run", engine.file("bar", *naps(100, 0.15)), stdout=subprocess.DEVNULL, columns=100)
    shown = terminal.until("left")
    assert "━" in shown
    assert " %" in shown
    assert terminal.end() == 0
    assert "100 tasks in" in terminal.seen.splitlines()[-1]
    assert terminal.seen.count("\x1b[?25l") == terminal.seen.count("\x1b[?25h")


def test_results_on_the_terminal_have_no_bar_among_them(engine: Commands) -> None:
    terminal = Terminal(engine, "run", engine.file("nobar", *naps(60, 0.15)))
    assert terminal.end() == 0
    assert "━" not in terminal.seen
    assert len([line for line in terminal.seen.splitlines() if line.startswith('{"id"')]) == 60


def test_tasks_typed_at_a_terminal_are_answered_one_by_one(engine: Commands) -> None:
    terminal = Terminal(engine, "run", "-", columns=120)
    terminal.until("Ctrl-D ends")
    terminal.send('{"id":"typed","agent":"counter/1","method":"ping"}\n')
    terminal.until('{"id":"typed","ok":true,"value":"pong"}')
    terminal.send("\x04")
    assert terminal.end() == 0


def test_an_engine_that_keeps_nothing_and_dies_under_a_run_is_said_with_code_3(tmp_path: Path) -> None:
    with commands(tmp_path) as own:
        (tmp_path / "pools.yaml").write_text(f"durability: memory\n{POOLS}")
        own("spawn", "--count", "1000")
        pid = own.document("stats")["pid"]
        running = own.start("run", "-")
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(b'{"agent":"counter/1","method":"ping"}\n')
        running.stdin.flush()
        running.stdout.readline()
        os.kill(pid, signal.SIGKILL)
        running.stdin.write(b'{"agent":"counter/1","method":"ping"}\n' * 3)
        out, error = running.communicate(timeout=30)
        assert running.returncode == 3
        assert all(result["error"]["type"] == "LinkClosed" for result in results(out))
        assert b"the engine went away" in error


def test_a_worker_that_dies_under_a_run_fails_its_tasks_alone(tmp_path: Path) -> None:
    with commands(tmp_path) as own:
        own("spawn", "--count", "1000")
        worker = own.document("ps")["workers"][0]["pid"]
        running = own.start("run", own.file("adds", *adds(200_000)), stderr=subprocess.DEVNULL)
        assert running.stdout is not None
        first = running.stdout.readline()
        os.kill(worker, signal.SIGKILL)
        out, _ = running.communicate(timeout=60)
        found = results(first + out)
        assert len(found) == 200_000
        assert {result["error"]["type"] for result in found if not result["ok"]} <= {
            "WorkerDied",
            "PoolUnavailable",
            "PoolFull",
        }
        assert running.returncode in {0, 1}
        assert own("wait", "ready").returncode == 0


def test_the_command_runs_under_the_name_of_its_module_too(engine: Commands) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "engine", "ask", "counter/5", "ping"],
        capture_output=True,
        env=engine.environ,
        cwd=engine.folder,
        check=True,
        timeout=30,
    )
    assert done.stdout == b'"pong"\n'
