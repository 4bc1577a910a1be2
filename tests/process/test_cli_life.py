"""Start, wait, look and stop: each says what it saw, and ends with the code that scripts build on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Commands, Terminal, commands
from tests.support.processes import ended_within


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, with nothing running."""
    with commands(tmp_path) as made:
        yield made


def grow(made: Commands) -> Commands:
    """Some agents, three of which did something."""
    done = made("spawn", "--count", "500")
    assert done.returncode == 0, done.stderr
    for key in range(3):
        assert made("ask", f"counter/{key}", "add", str(key)).returncode == 0
    return made


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """An engine with some agents, for tests that only look at it."""
    with commands(tmp_path_factory.mktemp("life")) as made:
        yield grow(made)


def test_start_makes_an_engine_without_agents_and_a_second_one_is_refused(engine: Commands) -> None:
    done = engine("start")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("started the engine (pid ")
    assert "2 workers in 2 pools" in done.stdout
    assert engine.document("stats")["agents"]["total"] == 0
    again = engine("start")
    assert again.returncode == 2
    assert "runs already (pid " in again.stderr


def test_start_names_the_place_of_a_bad_configuration(engine: Commands) -> None:
    (engine.folder / "bad.yaml").write_text("pools:\n  p1:\n    agnets: 5\n")
    done = engine("start", "-f", "bad.yaml")
    assert done.returncode == 2
    assert "bad.yaml:3: pools.p1.agnets" in done.stderr
    assert "'agents'" in done.stderr


def test_wait_returns_when_an_engine_that_somebody_else_starts_is_ready(engine: Commands) -> None:
    waiting = engine.start("wait", "ready", "--timeout", "30s")
    assert engine("start").returncode == 0
    out, error = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (0, b"")
    assert error.startswith(b"the engine is ready, after ")


def test_wait_gives_up_with_code_3(engine: Commands) -> None:
    done = engine("wait", "ready", "--timeout", "100ms")
    assert done.returncode == 3
    assert "not ready within 0.1 s" in done.stderr


def test_wait_needs_to_know_for_what(engine: Commands) -> None:
    assert engine("wait").returncode == 2
    done = engine("wait", "readdy")
    assert done.returncode == 2
    assert "nothing called 'readdy' to wait for; write ready" in done.stderr


def test_stop_ends_every_process_and_a_second_stop_is_fine(engine: Commands) -> None:
    pids = grow(engine).pids()
    done = engine("stop")
    assert done.returncode == 0
    assert done.stdout.startswith("stopped the engine in ")
    assert "had 500 agents, did 3 tasks" in done.stdout
    assert ended_within(pids, 0.5)
    again = engine("stop")
    assert (again.returncode, again.stdout) == (0, "the engine does not run: nothing to stop\n")
    assert engine.document("stop")["was_running"] is False


def test_stop_in_an_emergency_ends_an_engine_that_no_longer_answers(engine: Commands) -> None:
    pids = grow(engine).pids()
    os.kill(pids[0], signal.SIGSTOP)
    done = engine("stop", "--emergency")
    assert done.returncode == 0
    assert f"pid {pids[0]} did not answer and was killed" in done.stdout
    assert ended_within(pids, 5)


def test_ask_prints_the_value_as_json(grown: Commands) -> None:
    assert grown("ask", "counter/9", "add", "7").stdout == "7\n"
    assert grown("ask", "counter", "ping").stdout == '"pong"\n'
    assert grown("ask", "counter/9", "add", "--named", '{"x": -7}').stdout == "0\n"
    assert grown("ask", "counter/9", "add", "-3").stdout == "-3\n"
    assert grown("ask", "--timeout", "5s", "counter/9", "add", "3").stdout == "0\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["counter/1", "add", "x"], 2, "counter/1: add: x must be int"),
        (["counter/1", "add", "1", "2"], 2, "counter/1"),
        (["counter/1", "nope"], 2, "counter/1 nope"),
        (["counter/999", "get"], 2, "counter/999"),
        (["nobody/1", "get"], 2, "nobody"),
        (["Counter/1", "get"], 2, "Counter"),
        (["counter/1"], 2, "missing: METHOD"),
        (["counter/1", "add", "[1"], 2, "argument 1 begins like JSON"),
        (["counter/1", "add", "18446744073709551616"], 2, "64 bits"),
        (["counter/1", "add", "--named", "5"], 2, "--named takes one argument"),
        (["counter/1", "add", "--timeout", "soon"], 2, "'soon' is not a time"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(grown: Commands, words: list[str], code: int, said: str) -> None:
    done = grown("ask", *words)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_the_six_counts_of_stats_add_up(grown: Commands) -> None:
    tasks = grown.document("stats")["tasks"]
    assert tasks["accepted"] >= 3
    assert tasks["accepted"] == sum(tasks[name] for name in ("done", "failed", "cancelled", "expired", "open"))
    assert f"{tasks['accepted']} accepted: {tasks['done']} done, {tasks['failed']} failed" in grown("stats").stdout


def test_watch_in_a_pipe_is_a_json_line_each_time_until_it_is_interrupted(grown: Commands) -> None:
    watching = grown.start("stats", "--watch", "0.1")
    assert watching.stdout is not None
    lines = [json.loads(watching.stdout.readline()) for _ in range(3)]
    watching.send_signal(signal.SIGINT)
    _, error = watching.communicate(timeout=30)
    assert watching.returncode == 130
    assert error == b""
    assert {line["schema"] for line in lines} == {"engine.stats/v1"}
    assert lines[0]["time_s"] < lines[1]["time_s"] < lines[2]["time_s"]


def test_watch_on_a_terminal_draws_over_itself_and_leaves_the_last_one(grown: Commands) -> None:
    terminal = Terminal(grown, "stats", "--watch", "0.1")
    terminal.until("/s done")
    # Sent, not typed: a terminal drops what was written to it when it meets a Ctrl-C, and nobody says when that is.
    terminal.process.send_signal(signal.SIGINT)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    shown = terminal.seen
    assert shown.count("\x1b[?1049h") == shown.count("\x1b[?1049l") == 1
    assert shown.count("\x1b[H") >= 2
    assert "500 of 10,000" in shown.rpartition("\x1b[?1049l")[2]
    assert "Traceback" not in shown


@pytest.mark.parametrize("words", [["stats"], ["ps"], ["pools"], ["agents"], ["kinds"], ["events"], ["doctor"], ["version"]])
def test_each_look_has_a_schema_as_json_and_plain_text_without_escapes(grown: Commands, words: list[str]) -> None:
    assert grown.document(*words)["schema"] == f"engine.{words[0]}/v1"
    done = grown(*words)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", [["stats"], ["ps"], ["pools"], ["doctor"]])
@pytest.mark.parametrize("columns", [60, 100])
def test_a_table_fits_the_terminal(grown: Commands, words: list[str], columns: int) -> None:
    terminal = Terminal(grown, *words, "--no-color", columns=columns)
    assert terminal.end() == 0
    if words != ["stats"]:
        assert [line for line in terminal.seen.splitlines() if len(line) > columns and "/" not in line] == []


def test_colour_is_for_terminals_that_want_it(grown: Commands) -> None:
    coloured = Terminal(grown, "ps")
    assert coloured.end() == 0
    assert "\x1b[32mrunning\x1b[0m" in coloured.seen
    plain = Terminal(grown, "ps", "--no-color")
    assert plain.end() == 0
    assert "\x1b" not in plain.seen
    dumb = Terminal(grown, "ps", term="dumb")
    assert dumb.end() == 0
    assert "\x1b" not in dumb.seen
    assert "\x1b[32mrunning" in grown("ps", FORCE_COLOR="1").stdout
    assert "\x1b" not in grown("ps", FORCE_COLOR="1", NO_COLOR="1").stdout


def test_agents_come_in_pages_that_meet(grown: Commands) -> None:
    whole = [agent["agent"] for agent in grown.document("agents", "counter", "--limit", "1000")["agents"]]
    assert sorted(whole) == sorted(f"counter/{key}" for key in range(500))
    pages: list[str] = []
    while len(pages) < 500:
        page = grown.document("agents", "counter", "--limit", "200", "--skip", str(len(pages)))
        assert page["total"] == 500
        assert page["agents"]
        pages += [agent["agent"] for agent in page["agents"]]
    assert pages == whole
    assert "1 to 20 of 500 agents; more: engine agents --skip 20" in grown("agents", "--limit", "20").stderr


def test_kinds_show_the_methods_with_their_arguments(grown: Commands) -> None:
    said = grown("kinds").stdout
    assert said.startswith("counter\n")
    assert "  add(x: int = 1)\n" in said


def test_doctor_says_that_all_is_well_or_what_is_not(grown: Commands) -> None:
    assert grown.document("doctor")["is_well"] is True
    (grown.folder / "bad.yaml").write_text("pools: {p1: {cpu: much}}\n")
    done = grown("doctor", "-f", "bad.yaml")
    assert done.returncode == 4
    assert "mend: " in done.stdout


def test_output_that_nobody_reads_ends_quietly(grown: Commands) -> None:
    asking = grown.start("agents", "--limit", "500", "--json")
    assert asking.stdout is not None
    asking.stdout.close()
    error = asking.stderr.read() if asking.stderr is not None else b"?"
    assert asking.wait(timeout=30) == 141
    assert error == b""


def test_sigterm_ends_a_command_with_143(grown: Commands) -> None:
    watching = grown.start("stats", "--watch", "0.1", stderr=subprocess.DEVNULL)
    assert watching.stdout is not None
    watching.stdout.readline()
    watching.terminate()
    watching.stdout.read()
    assert watching.wait(timeout=30) == 143


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_that_was_given_no_streams_still_runs(grown: Commands, closed: str) -> None:
    command = f"exec {' '.join(grown.words('run', '-q', '/dev/null'))} {closed}"
    done = subprocess.run(["sh", "-c", command], cwd=grown.folder, env=grown.environ, timeout=30, check=False)
    assert done.returncode == 0
    assert (
        subprocess.run(
            ["sh", "-c", command.replace("run -q /dev/null", "ps")],
            cwd=grown.folder,
            env=grown.environ,
            timeout=30,
            check=False,
        ).returncode
        == 0
    )


def test_a_full_disk_is_said_and_is_no_success(grown: Commands) -> None:
    with Path("/dev/full").open("wb") as full:
        done = grown.start("ps", stdout=full)
        assert done.stderr is not None
        assert done.stderr.read().decode().count("No space left on device") == 1
        assert done.wait(timeout=30) == 3
