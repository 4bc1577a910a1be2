"""The dashboard in a real terminal, on a real engine: numbers move, a worker dies and comes back, it ends cleanly."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Commands, commands

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed: apt-get install tmux")

#: Seconds that something may take to be seen, on a machine that does much else.
SEEN_S = 40.0


class Tmux:
    """A terminal with a shell, on a server of its own."""

    def __init__(self, made: Commands, columns: int = 100, lines: int = 30) -> None:
        self._environ = {**made.environ, "TMUX_TMPDIR": str(made.folder), "PS1": "$ ", "TERM": "xterm-256color"}
        self._environ.pop("TMUX", None)
        self._run("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(lines), "-c", str(made.folder), "sh")

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", "engine-test", *words], env=self._environ, capture_output=True, text=True, check=False, timeout=20
        )
        return done.stdout

    def type(self, *keys: str) -> None:
        """Press keys, by their names in tmux."""
        self._run("send-keys", *keys)

    @property
    def seen(self) -> str:
        """What stands on the terminal."""
        return self._run("capture-pane", "-p")

    def until(self, *texts: str) -> str:
        """What is seen, once it has all of some texts."""
        deadline_s = time.monotonic() + SEEN_S
        while not all(text in (seen := self.seen) for text in texts):
            assert time.monotonic() < deadline_s, f"no {texts} in\n{seen}"
            time.sleep(0.1)
        return seen

    def pid(self, words: str) -> int:
        """The process of the shell's command."""
        shell = self._run("display-message", "-p", "#{pane_pid}").strip()
        done = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", shell], capture_output=True, text=True, check=True, timeout=20
        )
        return next(int(line.split()[0]) for line in done.stdout.splitlines() if words in line)

    def close(self) -> None:
        """End the server, and what runs in it."""
        self._run("kill-server")


@contextmanager
def terminal(made: Commands) -> Iterator[Tmux]:
    tmux = Tmux(made)
    try:
        yield tmux
    finally:
        tmux.close()


@pytest.mark.timeout(180)
def test_from_start_to_quit_with_a_death_between(tmp_path: Path) -> None:
    with commands(tmp_path) as engine, terminal(engine) as tmux:
        assert engine("spawn", "--count", "1000").returncode == 0
        tmux.type(
            f"stty -g > before; {shlex.join(engine.words('monitor'))}; code=$?; stty -g > after; echo ended with $code", "Enter"
        )
        seen = tmux.until("MICRO-AGILE SWARM MONITOR", "● LIVE", "Total                   1,000")
        assert "✓ OK" in seen

        tasks = engine.file(
            "tasks.jsonl", *({"agent": f"counter/{n % 1000}", "method": "add", "args": [1]} for n in range(3_000))
        )
        assert engine("run", tasks, "--quiet").returncode == 0
        tmux.until("Complete                3,000", "100 %")

        tmux.type("2")
        tmux.until("WORKERS BY HEAT", "running")
        victim = engine.document("ps")["workers"][0]
        os.kill(victim["pid"], signal.SIGKILL)
        tmux.type("1")
        seen = tmux.until(f"Worker {victim['worker']} died and runs again", "by signal 9")
        assert "WARN" in seen
        tmux.until("Errors/min                   1", "Recoveries/min               1")
        assert engine.document("stats")["workers"]["running"] == 2
        assert engine("ask", "counter/7", "add", "1").stdout.strip() == "4"
        tmux.until("Complete                3,001")

        tmux.type("q")
        tmux.until("ended with 0")
        assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()
        assert engine.document("stats")["agents"]["total"] == 1_000


@pytest.mark.timeout(180)
def test_an_engine_that_is_started_anew_is_seen_again(tmp_path: Path) -> None:
    with commands(tmp_path) as engine, terminal(engine) as tmux:
        tmux.type(f"{shlex.join(engine.words('monitor', '--wait'))}; echo ended with $?", "Enter")
        tmux.until("✗ NO ENGINE", "no engine named")
        assert engine("spawn", "--count", "500").returncode == 0
        tmux.until("● LIVE", "Total                     500")
        assert engine("stop").returncode == 0
        tmux.until("✗ NO ENGINE, as of", "Total                     500")
        assert engine("start").returncode == 0
        tmux.until("● LIVE", "Total                     500")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_however_it_is_ended_the_terminal_is_as_it_was(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with commands(tmp_path) as engine, terminal(engine) as tmux:
        monitor = shlex.join(engine.words("monitor", "--wait"))
        tmux.type(f"stty -g > before; {monitor}; code=$?; stty -g > after; echo ended with $code", "Enter")
        tmux.until("MICRO-AGILE SWARM MONITOR", "Quit")
        os.kill(tmux.pid("monitor"), number)
        seen = tmux.until(f"ended with {code}")
        assert "SWARM MONITOR" not in seen
        assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()


@contextmanager
def held(engine: Commands, **facts: Any) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A dashboard on a terminal that a test holds: the other end of it, and the process."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 48, 160, 0, 0))
    with os.fdopen(near, "rb", buffering=0) as terminal:
        words = engine.words("monitor", "--wait", "-d", "0.2")
        ways: dict[str, Any] = {"stdin": far, "stdout": far, "stderr": far} | facts
        process = subprocess.Popen(words, env=engine.environ, cwd=engine.folder, start_new_session=True, **ways)
        os.close(far)
        try:
            yield terminal.fileno(), process
        finally:
            process.kill()
            process.wait()


def read_until(terminal: int, text: bytes) -> None:
    """Take what comes until a text was among it."""
    seen = b""
    while text not in seen:
        assert select.select([terminal], [], [], SEEN_S)[0], seen
        seen += os.read(terminal, 65_536)


@pytest.mark.timeout(120)
def test_it_ends_by_a_signal_though_its_terminal_takes_nothing_any_more(tmp_path: Path) -> None:
    with commands(tmp_path) as engine, held(engine) as (terminal, process):
        assert engine("spawn", "--count", "500").returncode == 0
        read_until(terminal, b"LIVE")
        main = Path(f"/proc/{process.pid}/task/{process.pid}/status")
        before, since_s, deadline_s = "", time.monotonic(), time.monotonic() + SEEN_S
        while time.monotonic() < since_s + 3.0:  # a loop that turns wakes four times a second: this one waits for the terminal
            turns = next(line for line in main.read_text().splitlines() if line.startswith("voluntary"))
            before, since_s = turns, since_s if turns == before else time.monotonic()
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        process.terminate()
        assert process.wait(SEEN_S) == 143


@pytest.mark.timeout(120)
def test_it_ends_with_a_terminal_that_went_without_a_signal(tmp_path: Path) -> None:
    with commands(tmp_path) as engine, held(engine) as (terminal, process):
        read_until(terminal, b"SWARM MONITOR")
        os.dup2(os.open(os.devnull, os.O_RDONLY), terminal)  # nobody's controlling terminal sends no SIGHUP
        assert process.wait(SEEN_S) == 129


@pytest.mark.timeout(120)
def test_it_is_drawn_on_the_terminal_though_errors_go_elsewhere(tmp_path: Path) -> None:
    with (
        commands(tmp_path) as engine,
        (tmp_path / "errors").open("wb") as errors,
        held(engine, stderr=errors) as (seen, process),
    ):
        read_until(seen, b"SWARM MONITOR")
        process.terminate()
        read_until(seen, b"\x1b[?1049l")
        assert process.wait(SEEN_S) == 143
        assert (tmp_path / "errors").read_bytes() == b""


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    with commands(tmp_path) as engine, terminal(engine) as tmux:
        tmux.type(f"{shlex.join(engine.words('monitor', '--wait'))}; echo ended with $?", "Enter")
        tmux.until("MICRO-AGILE SWARM MONITOR", "Quit")
        tmux.type("C-c")
        tmux.until("ended with 130")


@pytest.mark.timeout(120)
def test_a_recording_that_cannot_go_on_is_told_of_at_once_and_at_the_end(tmp_path: Path) -> None:
    with commands(tmp_path) as engine, terminal(engine) as tmux:
        assert engine("spawn", "--count", "500").returncode == 0
        words = shlex.join(engine.words("monitor", "--record", "monday"))
        tmux.type(f"ulimit -f 8; {words}; echo ended with $?", "Enter")
        tmux.until("recording monday", "Total                     500")
        tmux.until("The recording has ended", "NOT recording monday", "● LIVE")
        tmux.type("q")
        tmux.until("engine: monday: nothing more is recorded: File too large", "ended with 1")
        assert engine("monitor", "--once", "--replay", "monday").returncode == 0
