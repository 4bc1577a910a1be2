"""What people and machines do to the command line by mistake: each gets a clear error, and nothing is lost or left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Commands, Terminal, commands
from tests.support.processes import ended_within

BROKEN = """
from engine import Agent

def limit():
    return {}["limit"]

class Broken(Agent):
    most: int = limit()

    def go(self) -> int:
        return self.most
"""
SLEEPER = """
import asyncio
from engine import Agent

class Sleeper(Agent):
    naps: int = 0

    async def nap(self, seconds: float) -> int:
        await asyncio.sleep(seconds)
        self.naps += 1
        return self.naps
"""
#: A module that takes the process that imports it with it.
DEADLY = "import os\nos._exit(3)\n"
SMALL = "agents: 100\npools:\n  p1: {agents: 60}\n  p2: {agents: 40}\n"


def belonging(made: Commands) -> list[int]:
    """The processes, of any user's, that were started with these commands' home."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal() and f"ENGINE_HOME={made.home}\0".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, with nothing running before, and no process after."""
    with commands(tmp_path) as made:
        yield made
    assert ended_within(belonging(made), 2)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """An engine with 1,000 counters and a sleeper, which no test ends."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "sleeper.py").write_text(SLEEPER)
    with commands(folder) as made:
        assert made("spawn", "--count", "1000").returncode == 0
        assert made("spawn", "--use", "sleeper.py:Sleeper", "--key", "a").returncode == 0
        yield made
    assert ended_within(belonging(made), 2)


def results(text: str | bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def ping(number: int = 1) -> dict[str, Any]:
    return {"agent": f"counter/{number}", "method": "ping"}


def is_plain(error: str) -> bool:
    """Whether an error is one line for people."""
    return error.startswith("engine: ") and error.count("\n") == 1 and "Traceback" not in error


# -- questions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (["countr/1", "get"], "UnknownKind", "there are: counter"),
        (["counter/1", "gte"], "UnknownMethod", "it has add, get, ping"),
        (["counter/1", "_state"], "UnknownMethod", "it has add, get, ping"),
        (["counter/1000", "get"], "UnknownAgent", "there are counter/0 to counter/999"),
        (["counter/x", "get"], "UnknownAgent", "there are counter/0 to counter/999"),
        (["counter/../../etc", "get"], "BadAddress", "cannot be an agent's key"),
        (["counter/1", "add", "1.5"], "BadArgument", "x must be int, got float 1.5"),
        (["counter/1", "add", "true"], "BadArgument", "x must be int, got bool True"),
        (["counter/1", "add", "null"], "BadArgument", "x must be int"),
        (["counter/1", "add", "[1]"], "BadArgument", "x must be int"),
        (["counter/1", "add", "--named", '{"y": 1}'], "BadArgument", "no parameter 'y'; it takes x: int = 1"),
        (["counter/1", "add", "1", "2"], "BadArgument", "x: int = 1"),
        (["sleeper/a", "nap"], "BadArgument", "seconds"),
        (["counter/1", "add", "NaN"], "BadArgument", "x must be int, got str 'NaN'"),
        (["counter/1", "add", "[NaN]"], "Misuse", "NaN is not in JSON"),
        (["counter/1", "add", '{"x": 1, "x": 2}'], "Misuse", "'x' is there twice"),
    ],
)
def test_a_question_that_cannot_be_meant_names_what_is_known(grown: Commands, words: list[str], kind: str, said: str) -> None:
    done = grown("ask", "--json", *words)
    assert (done.returncode, done.stdout) == (2, "")
    shown = json.loads(done.stderr)
    assert (shown["schema"], shown["exit_code"], shown["error"]["type"]) == ("engine.error/v1", 2, kind)
    assert said in shown["error"]["message"]


# -- files of tasks ----------------------------------------------------------------------------------------------------


def test_lines_that_are_no_tasks_are_named_by_their_number_and_all_others_are_done(grown: Commands) -> None:
    bad = {
        3: "{malformed",
        4: '{"agent": "counter/1", "method": "ping", "arg": [1]}',
        5: '{"agent": "counter/1", "kind": "counter", "method": "ping"}',
        7: '{"agent": "counter/1", "method": "ping"} {"agent": "counter/2", "method": "ping"}',
        8: '{"agent": "counter/1", "method": "ping"',
        9: "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
    }
    lines = [bad.get(number, ping(number)) for number in range(1, 12)]
    done = grown("run", grown.file("mixed", *lines))
    found = results(done.stdout)
    assert done.returncode == 1
    assert sorted(result["line"] for result in found if "line" in result) == sorted(bad)
    assert sorted(result["id"] for result in found if result["ok"]) == [0, 1, 5, 9, 10]
    assert "engine: line 3: not JSON" in done.stderr
    assert "engine: line 4: a task has no field 'arg'; it has agent or kind, method" in done.stderr
    assert ": 5 done, 6 bad lines\n" in done.stderr


def test_bytes_that_are_no_text_and_a_last_line_without_an_end_are_lines_too(grown: Commands) -> None:
    good = json.dumps(ping()).encode()
    done = grown("run", "-", stdin=b"\xef\xbb\xbf" + good + b"\n\xff\xfe\x00\n\x00\n\r\n  \n" + good + b"\r\n" + good)
    found = results(done.stdout)
    assert done.returncode == 1
    assert sorted(result["line"] for result in found if "line" in result) == [1, 2, 3]
    assert sum(result["ok"] for result in found) == 2


@pytest.mark.parametrize("text", ["", "\n\n", " \r\n"])
def test_a_file_without_a_task_is_no_error(grown: Commands, text: str) -> None:
    (grown.folder / "none").write_text(text)
    done = grown("run", "none")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("engine: 0 tasks in ")


@pytest.mark.parametrize("file", ["ten-thousand", "-"])
def test_ten_thousand_lines_have_ten_thousand_results(grown: Commands, file: str) -> None:
    name = grown.file("ten-thousand", *(ping(number % 1000) for number in range(10_000)))
    done = grown("run", file, stdin=(grown.folder / name).read_bytes() if file == "-" else b"")
    found = results(done.stdout)
    assert done.returncode == 0
    assert sorted(result["id"] for result in found) == list(range(10_000))
    assert {result["value"] for result in found} == {"pong"}


@pytest.mark.parametrize("verb", ["run many", "agents --limit 1000", "stats --watch 0.1", "events --json"])
def test_head_takes_what_it_wants_and_the_command_ends_without_a_word(grown: Commands, verb: str) -> None:
    grown.file("many", *(ping(number % 1000) for number in range(50_000)))
    words = " ".join([*grown.words(), "-q", verb])
    done = subprocess.run(
        ["sh", "-c", f"{{ {words}; echo $? >code; }} | head -1"],
        capture_output=True,
        cwd=grown.folder,
        env=grown.environ,
        timeout=30,
        check=True,
    )
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1
    is_endless = verb in {"run many", "stats --watch 0.1"}
    assert int((grown.folder / "code").read_text()) in ({141} if is_endless else {0, 141})


# -- configurations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pools:\n  p1:\n    mem: 12 parsecs\n", ["bad.yaml:3: pools.p1.mem: '12 parsecs' is not a size such as 512KB"]),
        ("pools:\n  p1:\n    mem: 128M\n", ["bad.yaml:3: pools.p1.mem: '128M'", "128MB", "128MiB"]),
        ("pools:\n  p1:\n    cpu: 25 percent\n", ["bad.yaml:3: pools.p1.cpu: '25 percent' is not a share", "25%"]),
        ("pools:\n  p1:\n    sleep_after: 5 moons\n", ["bad.yaml:3: pools.p1.sleep_after: '5 moons' is not a time"]),
        ("pools:\n  p1:\n    agnets: 5\n", ["bad.yaml:3: pools.p1.agnets: ", "did you mean 'agents'?"]),
        ("polls:\n  p1: {}\n", ["bad.yaml:1: polls: ", "did you mean 'pools'?"]),
        ("pools:\n  p1: {kinds: [cuonter]}\n", ["bad.yaml:2: pools.p1.kinds: ", "did you mean 'counter'?"]),
        (
            "agents: 100\npools:\n  p1: {agents: 60}\n  p2: {agents: 60}\n",
            ["bad.yaml:4: pools.p2.agents: ", "120 agents, the engine's limit is 100", "`agents: 120`"],
        ),
        ("pools:\n  p1: {mem: 900TB}\n", ["bad.yaml:2: pools.p1.mem: ", "the machine has"]),
        (
            "pools:\n  p1: {cpu: 80%, cpu_hard: true}\n  p2: {cpu: 80%, cpu_hard: true}\n",
            ["bad.yaml:3: pools.p2.cpu: ", "160% of the machine"],
        ),
        ("pools:\n  p1: {}\n  p1: {}\n", ["bad.yaml:3: pools.p1: is there twice"]),
        ("pools:\n\tp1: {}\n", ["bad.yaml:2: not YAML"]),
        ("", ["bad.yaml: pools: there is no pool"]),
        ("durability: disk\npools: {p1: {}}\n", ["bad.yaml:1: durability: 'disk' is not memory or os or sync"]),
    ],
)
def test_a_configuration_that_cannot_be_names_the_key_and_starts_nothing(engine: Commands, text: str, said: list[str]) -> None:
    (engine.folder / "bad.yaml").write_text(text)
    done = engine("spawn", "--count", "5", "-f", "bad.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert is_plain(done.stderr)
    assert [part for part in said if part not in done.stderr] == []
    assert not engine.home.exists()


# -- more than fits ----------------------------------------------------------------------------------------------------


def test_more_agents_than_fit_are_refused_before_any_is_spawned(engine: Commands) -> None:
    (engine.folder / "pools.yaml").write_text(SMALL)
    first = engine("spawn", "--count", "101")
    assert first.returncode == 2
    assert "101 agents would pass this engine's limit of 100" in first.stderr
    assert engine("ps").returncode == 3
    assert engine("spawn", "--count", "10").returncode == 0
    keys = [f"k{number}" for number in range(91)]
    for words in (["--count", "101"], ["--add", "91"], ["--key", *keys], ["--count", "1000", "--warm"]):
        done = engine("spawn", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert is_plain(done.stderr)
        assert "limit of 100" in done.stderr
        assert "nothing was spawned" in done.stderr
    stats = engine.document("stats")
    assert (stats["agents"]["total"], stats["agents"]["live"]) == (10, 0)
    assert engine("spawn", "--add", "90").returncode == 0
    assert [pool["agents"] for pool in engine.document("pools")["pools"]] == [60, 40]


# -- two of a name, and what the dead leave ----------------------------------------------------------------------------


def test_of_two_starts_at_once_one_wins_and_the_other_says_so(engine: Commands) -> None:
    starts = [engine.start("start", stdin=subprocess.DEVNULL) for _ in range(2)]
    outs = [process.communicate(timeout=60) for process in starts]
    codes = [process.returncode for process in starts]
    assert sorted(codes) == [0, 2], outs
    won, lost = outs[codes.index(0)], outs[codes.index(2)]
    assert b"started the engine" in won[0]
    assert lost[0] == b""
    assert b"an engine named 'engine' runs already" in lost[1]
    pid = engine.document("stats")["pid"]
    assert f"(pid {pid})".encode() in won[0]
    assert sorted(belonging(engine)) == sorted(engine.pids())
    again = engine("start")
    assert again.returncode == 2
    assert f"runs already (pid {pid}); use it, or choose another --name" in again.stderr


def test_an_engine_killed_under_load_leaves_no_worker_and_the_next_spawn_heals(engine: Commands) -> None:
    (engine.folder / "sleeper.py").write_text(SLEEPER)
    pools = engine.folder / "pools.yaml"
    pools.write_text(f"durability: memory\n{pools.read_text()}")  # with state on the disk the run would wait for the next one
    engine("spawn", "--use", "sleeper.py:Sleeper", "--count", "50")
    naps = ({"agent": f"sleeper/{number}", "method": "nap", "args": [60]} for number in range(50))
    running = engine.start("run", "-q", engine.file("naps", *naps), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while engine.document("stats")["tasks"]["open"] < 50:
        assert running.poll() is None
    pids = engine.pids()
    os.kill(pids[0], signal.SIGKILL)
    assert ended_within(pids, 1.0)
    assert running.wait(timeout=10) == 3
    run = engine.home / "run" / "engine"
    assert {entry.name for entry in run.iterdir()} == {"control.sock", "daemon.lock"}
    assert engine("stats").returncode == 3
    healed = engine("spawn", "--count", "10")
    assert healed.returncode == 0, healed.stderr
    assert "started the engine" in healed.stdout
    assert engine("ask", "counter/9", "ping").stdout == '"pong"\n'


def test_files_of_somebody_else_in_place_of_socket_and_lock_do_no_harm(engine: Commands) -> None:
    run = engine.home / "run" / "engine"
    run.mkdir(mode=0o700, parents=True)
    run.parent.chmod(0o700)
    (run / "control.sock").write_text("not a socket")
    (run / "daemon.lock").write_text("1\n")
    assert engine("stats").returncode == 3
    assert "nothing to stop" in engine("stop", "--emergency").stdout
    assert engine("start").returncode == 0
    assert stat.S_ISSOCK((run / "control.sock").stat().st_mode)


# -- kinds that do not load --------------------------------------------------------------------------------------------


def test_a_kind_that_fails_to_import_shows_its_own_lines_and_disturbs_nobody(engine: Commands) -> None:
    (engine.folder / "broken.py").write_text(BROKEN)
    engine("spawn", "--count", "10")
    engine("ask", "counter/1", "add", "5")
    done = engine("spawn", "--use", "broken.py:Broken", "--count", "1")
    assert (done.returncode, done.stdout) == (2, "")
    files = [line.split('"')[1] for line in done.stderr.splitlines() if line.startswith("  File ")]
    assert set(files) == {str(engine.folder / "broken.py")}
    assert "in limit" in done.stderr
    assert done.stderr.splitlines()[-1].endswith("could not be imported: KeyError: 'limit'")
    shown = json.loads(engine("spawn", "--json", "--use", "broken.py:Broken", "--count", "1").stderr)
    assert shown["error"]["type"] == "KindNotLoaded"
    assert "in limit" in shown["error"]["trace"]
    assert engine("ask", "counter/1", "get").stdout == "5\n"
    assert all(worker["restarts"] == 0 for worker in engine.document("ps")["workers"])


@pytest.mark.parametrize("verb", [["start"], ["spawn", "--count", "1"]])
def test_a_configured_kind_that_ends_its_worker_ends_the_start(engine: Commands, verb: list[str]) -> None:
    (engine.folder / "deadly.py").write_text(DEADLY)
    (engine.folder / "pools.yaml").write_text("kinds: {deadly: deadly.py:Deadly}\npools:\n  p1: {agents: 10}\n")
    done = engine(*verb)
    assert done.returncode not in {0, 1}
    assert done.stdout == ""
    assert is_plain(done.stderr)
    assert "exit status 3" in done.stderr
    assert ended_within(belonging(engine), 2)


def test_a_kind_that_ends_its_worker_is_not_loaded_again(engine: Commands) -> None:
    (engine.folder / "deadly.py").write_text(DEADLY)
    first = engine("spawn", "--use", "deadly.py:Deadly", "--count", "1")
    assert first.returncode not in {0, 1}
    assert "exit status 3" in first.stderr
    assert ended_within(belonging(engine), 2)
    engine("spawn", "--count", "10")
    second = engine("spawn", "--use", "deadly.py:Deadly", "--count", "1")
    assert second.returncode not in {0, 1}
    assert is_plain(second.stderr)
    assert engine("wait", "ready").returncode == 0
    assert engine("ask", "counter/9", "ping").stdout == '"pong"\n'
    assert engine.document("stats")["agents"]["kinds"] == {"counter": 10}
    assert all(worker["restarts"] <= 1 for worker in engine.document("ps")["workers"])


def test_a_worker_that_dies_at_each_start_stays_down_and_the_others_serve(engine: Commands) -> None:
    (engine.folder / "fickle.py").write_text(
        "from engine import Agent\n\nclass Fickle(Agent):\n    def go(self) -> int:\n        return 1\n"
    )
    engine("spawn", "--use", "fickle.py:Fickle", "--count", "100")
    (engine.folder / "fickle.py").write_text(DEADLY)
    first, second = engine.document("ps")["workers"]
    os.kill(first["pid"], signal.SIGKILL)
    deadline_s = time.monotonic() + 30
    while (worker := engine.document("ps")["workers"][0])["state"] != "down":
        assert time.monotonic() < deadline_s, worker
    assert worker["restarts"] <= 5
    assert "exit status 3" in worker["reason"]
    names = [event["name"] for event in engine.document("events")["events"]]
    assert names.count("worker.down") == 1
    codes = [engine("ask", f"fickle/{key}", "go").returncode for key in (0, 99)]
    assert sorted(codes) == [0, 3]
    assert engine.document("ps")["workers"][1]["pid"] == second["pid"]
    assert engine.document("pools")["pools"][0]["state"] == "down"


# -- directories -------------------------------------------------------------------------------------------------------


def test_socket_lock_and_log_are_for_this_user_alone(engine: Commands) -> None:
    done = subprocess.run(
        ["sh", "-c", 'umask 000; exec "$@"', "sh", *engine.words("start")],
        cwd=engine.folder,
        env=engine.environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run, state = engine.home / "run", engine.home / "state"
    modes = {entry: stat.S_IMODE(entry.stat().st_mode) for part in (run, state) for entry in (part, *part.rglob("*"))}
    wrong = {entry: oct(mode) for entry, mode in modes.items() if mode != (0o700 if entry.is_dir() else 0o600)}
    assert wrong == {}
    assert stat.S_ISSOCK((run / "engine" / "control.sock").stat().st_mode)


def powerless(words: list[str]) -> list[str]:
    """The command without root's right to pass over modes; skips where that cannot be given up."""
    if os.getuid():
        return words
    if shutil.which("setpriv") is None:
        pytest.skip("root cannot be refused here: there is no setpriv")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *words]


@pytest.mark.parametrize("verb", [["start"], ["spawn", "--count", "5"]])
def test_a_directory_that_cannot_be_written_is_named_with_the_mend(engine: Commands, verb: list[str]) -> None:
    engine.home.mkdir(mode=0o500)
    done = subprocess.run(
        powerless(engine.words(*verb)),
        cwd=engine.folder,
        env=engine.environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    engine.home.chmod(0o700)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"engine: {engine.home}/run cannot be made: Permission denied; set ENGINE_HOME to a directory of yours\n"
    )


def test_a_directory_that_is_open_to_others_is_refused_with_the_mend(engine: Commands) -> None:
    run = engine.home / "run"
    run.mkdir(parents=True)
    run.chmod(0o777)
    done = engine("start")
    assert done.returncode == 2
    assert done.stderr == f"engine: {run} is open to others (0777); chmod 700 {run}\n"
    run.chmod(0o700)
    assert engine("start").returncode == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused_with_the_mend(engine: Commands) -> None:
    run = engine.home / "run" / "engine"
    run.mkdir(mode=0o700, parents=True)
    run.parent.chmod(0o700)
    os.chown(run, 65_534, 65_534)
    done = engine("start")
    os.chown(run, 0, 0)
    assert done.returncode == 2
    assert done.stderr == f"engine: {run} belongs to user 65534; set ENGINE_HOME to a directory of yours\n"


@pytest.mark.parametrize(
    ("home", "said"),
    [("relative/home", "'relative/home' is not absolute"), (f"/tmp/{'x' * 120}", "set ENGINE_HOME to a shorter directory")],
)
@pytest.mark.parametrize("verb", [["start"], ["ps"], ["stop"]])
def test_a_home_that_cannot_be_one_is_said(engine: Commands, home: str, said: str, verb: list[str]) -> None:
    done = engine(*verb, ENGINE_HOME=home)
    assert done.returncode == 2
    assert is_plain(done.stderr)
    assert said in done.stderr


# -- signals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_question_that_waits_can_be_left_and_its_task_is_taken_back(
    grown: Commands, number: signal.Signals, code: int
) -> None:
    before = grown.document("stats")["tasks"]["cancelled"]
    asking = grown.start("ask", "sleeper/a", "nap", "60", stdin=subprocess.DEVNULL)
    while not grown.document("stats")["tasks"]["open"]:
        assert asking.poll() is None
    asking.send_signal(number)
    assert asking.communicate(timeout=30) == (b"", b"")
    assert asking.returncode == code
    while (tasks := grown.document("stats")["tasks"])["open"]:
        pass
    assert tasks["cancelled"] == before + 1
    assert grown("ask", "sleeper/a", "nap", "0", "--timeout", "10s").returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_two_signals_in_a_row_end_a_run_without_a_traceback(grown: Commands, number: signal.Signals, code: int) -> None:
    naps = ({"agent": "sleeper/a", "method": "nap", "args": [60]} for _ in range(20))
    running = grown.start("run", grown.file("naps", *naps), stdin=subprocess.DEVNULL)
    while grown.document("stats")["tasks"]["open"] < 20:
        assert running.poll() is None
    running.send_signal(number)
    with suppress(ProcessLookupError):
        running.send_signal(number)
    out, error = running.communicate(timeout=10)
    assert running.returncode == code
    assert out == b""
    assert b"Traceback" not in error
    while grown.document("stats")["tasks"]["open"]:
        pass
    assert grown("ask", "sleeper/a", "nap", "0", "--timeout", "10s").returncode == 0


def test_the_second_signal_takes_the_bar_away_and_gives_the_cursor_back(grown: Commands) -> None:
    naps = ({"agent": "sleeper/a", "method": "nap", "args": [60]} for _ in range(20))
    terminal = Terminal(grown, "run", grown.file("barred", *naps), stdout=subprocess.DEVNULL)
    terminal.until("0 done")
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("Ctrl-C again ends at once")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert terminal.seen.endswith("\r\x1b[K\x1b[?25h")


def test_what_is_suggested_next_is_for_the_engine_that_was_meant(engine: Commands) -> None:
    started = engine("start", "--name", "nightly")
    assert started.stderr == "next: engine --name nightly spawn --count 5000\n"
    spawned = engine("spawn", "--count", "300", "--name", "nightly")
    assert "next: engine --name nightly ask counter/0 add 2\n" in spawned.stderr
    page = engine("agents", "--limit", "7", "--name", "nightly")
    assert page.stderr.endswith("; more: engine --name nightly agents --skip 7 --limit 7\n")
    typed = page.stderr.rpartition("more: engine ")[2].split()
    assert "counter/7 " in engine(*typed).stdout


def test_a_run_that_waits_for_its_input_can_be_left(grown: Commands) -> None:
    running = grown.start("run", "-")
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(json.dumps(ping()).encode() + b"\n")
    assert json.loads(running.stdout.readline())["value"] == "pong"
    running.send_signal(signal.SIGINT)
    out, error = running.communicate(timeout=10)
    assert (running.returncode, out) == (130, b"")
    assert error.startswith(b"engine: interrupted after ")
    assert b"1 done" in error
