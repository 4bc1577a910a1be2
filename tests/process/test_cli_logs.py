"""`engine logs` with a real engine: what is there, what comes, over restarts and new files, and what comes into it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Commands, commands

SMALL = "log: {size: 64KiB, files: 3}\n"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    with commands(tmp_path) as made:
        yield made


def start(engine: Commands, *words: str, more: str = "") -> None:
    (engine.folder / "pools.yaml").write_text(f"agents: 100\npools:\n  p1: {{agents: 100}}\n{more}")
    done = engine("spawn", "--use", "tests.support.talkers:Talker", "--count", "20", *words)
    assert done.returncode == 0, done.stderr


def logged(engine: Commands, *words: str) -> list[dict[str, Any]]:
    done = engine("logs", "-o", "ndjson", *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def texts(engine: Commands, *words: str) -> list[str]:
    return [record["text"] for record in logged(engine, "--event", "agent.*", *words)]


def settled(engine: Commands, text: str) -> None:
    """Wait until a text is in the log."""
    deadline_s = time.monotonic() + 20
    while text not in texts(engine):
        assert time.monotonic() < deadline_s


class Follower:
    """`engine logs -f`, and the lines that it has shown."""

    def __init__(self, engine: Commands, *words: str) -> None:
        self.file = engine.folder / "followed"
        with self.file.open("wb") as file:
            self.process = engine.start("logs", "-f", *words, stdout=file)

    def until(self, text: str) -> list[str]:
        deadline_s = time.monotonic() + 20
        while text not in (shown := self.file.read_text()) or not shown.endswith("\n"):
            assert time.monotonic() < deadline_s, shown
            time.sleep(0.02)
        return shown.splitlines()


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_agents_say_is_found_by_agent_task_event_level_and_time_also_when_no_engine_runs(
    engine: Commands, form: str
) -> None:
    start(engine, "--log-format", form)
    engine("ask", "talker/1", "ways", "x")
    name = json.loads(engine("ask", "talker/2", "wait", "y").stdout)
    mine, other = (
        json.loads(line)["task"]
        for line in engine("submit", "-", stdin="".join(
            json.dumps({"id": word, "agent": "talker/3", "method": "say", "args": [word]}) + "\n" for word in ("mine", "other")
        )).stdout.splitlines()
    )  # fmt: skip
    settled(engine, "other")
    for _ in range(2):
        assert texts(engine, "--agent", "talker/1") == ["helper: x", "error: x", "library: x", "written"]
        assert texts(engine, "--agent", "talker/[23]") == ["before y", "after y", "mine", "other"]
        assert texts(engine, "--task", name) == ["before y", "after y"]
        assert texts(engine, "--task", mine) == texts(engine, "--task", "mine") == ["mine"]
        assert texts(engine, "--level", "warning") == ["error: x", "library: x"]
        assert texts(engine, "-n", "1") == ["other"]
        assert texts(engine, "--since", "1h") == texts(engine)
        assert texts(engine, "--until", "1h ago") == []
        record = logged(engine, "--task", other)[0]
        assert {name: value for name, value in record.items() if name not in ("ts", "called", "text")} == {
            "level": "info", "event": "agent.print", "engine": "engine", "pool": "p1", "worker": "p1", "agent": "talker/3",
            "task": other, "correlation": other,
        }  # fmt: skip
        shown = engine("logs", "--task", other).stdout
        assert shown.endswith(f" info    agent.print worker=p1 agent=talker/3 task={other} called=other: other\n")
        assert "engine.ready" in [record["event"] for record in logged(engine)]
        engine("stop")
    file = engine.home / "state/engine/daemon.log"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("{") is (form == "json")


def test_it_goes_on_over_new_files_and_a_restart_and_ends_with_control_c(engine: Commands) -> None:
    start(engine, more=SMALL)
    follower = Follower(engine, "--agent", "talker/*", "--json")
    engine("ask", "talker/1", "many", "1000")
    follower.until('"999"')
    engine("stop")
    start(engine, more=SMALL)
    engine("ask", "talker/1", "many", "500")
    engine("ask", "talker/2", "say", "the end")
    lines = follower.until("the end")
    assert [json.loads(line)["text"] for line in lines] == [*map(str, range(1_000)), *map(str, range(500)), "the end"]
    files = sorted(file.name for file in (engine.home / "state/engine").glob("daemon.log*"))
    assert files == ["daemon.log", "daemon.log.1", "daemon.log.2"]
    assert sum(file.stat().st_size for file in (engine.home / "state/engine").glob("daemon.log*")) < 3 * 65_536
    follower.process.send_signal(signal.SIGINT)
    assert follower.process.wait(10) == 130
    assert follower.process.stderr is not None
    assert follower.process.stderr.read() == b""


def test_a_reader_that_goes_away_ends_it(engine: Commands) -> None:
    start(engine)
    engine("ask", "talker/1", "many", "3000")
    settled(engine, "2999")
    process = engine.start("logs")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(10)
    process.stdout.close()
    assert process.wait(10) == 141
    assert process.stderr.read() == b""


def test_levels_change_while_it_runs(engine: Commands) -> None:
    start(engine)
    engine("ask", "talker/1", "known", "first")
    assert engine("logs", "level", "debug", "--agent", "talker/1").stdout == "everything: info\nagent talker/1: debug\n"
    engine("ask", "talker/1", "known", "second")
    engine("ask", "talker/2", "known", "third")
    engine("logs", "level", "error", "--event", "agent.print")
    engine("ask", "talker/2", "known", "fourth")
    settled(engine, "log: fourth")
    assert texts(engine, "--agent", "talker/1") == ["first", "log: first", "second", "log: second", "hidden"]
    assert texts(engine, "--agent", "talker/2") == ["third", "log: third", "log: fourth"]
    assert engine.document("logs", "level") == {
        "schema": "engine.log-level/v1",
        "level": "info",
        "rules": [
            {"what": "agent", "pattern": "talker/1", "level": "debug"},
            {"what": "event", "pattern": "agent.print", "level": "error"},
        ],
    }
    assert engine("logs", "level", "reset").stdout == "everything: info\n"
    engine("logs", "level", "off")
    engine("ask", "talker/3", "say", "unheard")
    engine("logs", "level", "info")
    engine("ask", "talker/3", "say", "heard")
    settled(engine, "heard")
    assert "unheard" not in texts(engine)


def test_the_level_that_it_begins_with_is_configured(engine: Commands) -> None:
    start(engine, "--log-level", "debug", more="log: {level: error}\n")
    engine("ask", "talker/1", "known", "x")
    settled(engine, "hidden")


def test_a_level_without_an_engine_is_no_use(engine: Commands) -> None:
    assert engine("logs", "level", "debug").returncode == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["levels"], "did you mean level?"),
        (["level", "warn"], "'warn' is no level, did you mean warning?"),
        (["level", "--agent", "x"], "which level?"),
        (["level", "info", "--agent", "x", "--event", "y"], "exclude each other"),
        (["--level", "loud"], "'loud' is no level"),
        (["--since", "someday"], "is no instant"),
        (["-n", "-1"], "-n"),
    ],
)
def test_what_is_asked_wrongly_is_told_with_the_mend(engine: Commands, words: list[str], said: str) -> None:
    done = engine("logs", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_no_log_is_no_error(engine: Commands) -> None:
    done = engine("logs")
    assert (done.returncode, done.stdout) == (0, "")
    assert "has written no log yet" in done.stderr


@pytest.mark.timeout(180)
def test_a_flood_hurts_no_neighbour_and_no_memory_and_is_told(engine: Commands) -> None:
    start(engine)
    before = engine.document("stats")["memory_bytes"]["engine"]
    engine.file("flood.jsonl", *({"agent": f"talker/{at % 5}", "method": "many", "args": [2_000]} for at in range(100)))
    flood = engine.start("run", "flood.jsonl", "--quiet", stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    slowest_s = 0.0
    while flood.poll() is None:
        began_s = time.monotonic()
        assert engine("stats", "--json").returncode == 0
        slowest_s = max(slowest_s, time.monotonic() - began_s)
    assert slowest_s < 5
    deadline_s = time.monotonic() + 10
    while not (told := logged(engine, "--event", "log.dropped")):
        assert time.monotonic() < deadline_s
    assert "lines were dropped" in told[0]["text"]
    assert "of talker/" in told[0]["text"]
    assert len(texts(engine, "--agent", "talker/*")) > 20_000
    dropped = sum(int(record["text"].split()[0].replace(",", "")) for record in logged(engine, "--event", "log.dropped"))
    kept = sum(text.isdigit() for text in texts(engine))
    assert kept + dropped == 200_000
    assert engine.document("stats")["memory_bytes"]["engine"] - before < 60e6


def test_events_and_logs_tell_the_same(engine: Commands) -> None:
    start(engine)
    os.kill(engine.document("ps")["workers"][0]["pid"], signal.SIGKILL)
    deadline_s = time.monotonic() + 20
    while not (logs := logged(engine, "--event", "worker.died")):
        assert time.monotonic() < deadline_s
    (died,) = [event for event in engine.document("events")["events"] if event["name"] == "worker.died"]
    (record,) = logs
    assert (record["text"], record["level"], record["worker"]) == (died["text"], died["level"], died["worker"])
    assert (record["level"], record["worker"]) == ("warning", "p1")
