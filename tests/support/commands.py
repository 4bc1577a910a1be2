"""The real command line, with directories of its own, and nothing of it left behind."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.processes import children, ended_within

__all__ = ["POOLS", "ROOT", "Commands", "Terminal", "commands"]

ROOT = Path(__file__).resolve().parents[2]

#: Pools that start fast on a small machine.
POOLS = "agents: 10000\npools:\n  p1: {agents: 5000}\n  p2: {agents: 5000}\n"


class Commands:
    """Runs `engine` in a folder of its own, where ./pools.yaml has two small pools."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self._started: list[subprocess.Popen[bytes]] = []
        (folder / "pools.yaml").write_text(POOLS)
        self.environ = {name: text for name, text in os.environ.items() if not name.startswith("ENGINE_")}
        self.environ |= {"ENGINE_HOME": str(self.home), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            self.environ.pop(name, None)

    @staticmethod
    def words(*words: str) -> list[str]:
        """The whole command."""
        return [sys.executable, "-P", "-m", "engine", *words]

    def __call__(
        self, *words: str, stdin: str | bytes = "", timeout_s: float = 60, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        text = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            self.words(*words),
            input=text,
            capture_output=True,
            cwd=self.folder,
            env=self.environ | environ,
            timeout=timeout_s,
            check=False,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *words: str, **facts: Any) -> subprocess.Popen[bytes]:
        """Start a command; its streams are pipes without buffers unless told otherwise, and are closed at the end."""
        streams = {"bufsize": 0, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | facts
        self._started.append(subprocess.Popen(self.words(*words), cwd=self.folder, env=self.environ, **streams))
        return self._started[-1]

    def close(self) -> None:
        """End every command that was started, and every engine; no process may stay."""
        for process in self._started:
            process.kill()
            process.wait(timeout=10)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with suppress(BrokenPipeError):
                        stream.close()
        for run in sorted((self.home / "run").glob("*")):
            lock = run / "daemon.lock"
            pid = int(lock.read_text().strip() or 0) if lock.exists() else 0
            done = self("stop", "--emergency", "--name", run.name)
            assert done.returncode == 0, done.stderr
            assert not pid or ended_within([pid], 10)

    def document(self, *words: str) -> Any:
        """What a command that must succeed prints as JSON."""
        done = self(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def file(self, name: str, *lines: Any) -> str:
        """Write a file of JSON lines; a text stands for itself. Returns its name."""
        (self.folder / name).write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
        return name

    def pids(self) -> list[int]:
        """The engine's process, the one that workers are forked from, and the workers'."""
        pid = self.document("stats")["pid"]
        return [pid, *children(pid), *(worker["pid"] for worker in self.document("ps")["workers"])]


@contextmanager
def commands(folder: Path) -> Iterator[Commands]:
    """Commands whose engines are ended afterwards, whatever happened."""
    made = Commands(folder)
    try:
        yield made
    finally:
        made.close()


class Terminal:
    """A command that believes it stands at a terminal."""

    def __init__(self, made: Commands, *words: str, columns: int = 80, stdout: Any = None, term: str = "xterm") -> None:
        self._ours, theirs = pty.openpty()
        self._seen = b""
        os.set_blocking(self._ours, False)
        with suppress(ImportError):
            import fcntl
            import struct
            import termios

            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        environ = made.environ | {"TERM": term}
        self.process = subprocess.Popen(
            made.words(*words),
            stdin=theirs,
            stdout=stdout if stdout is not None else theirs,
            stderr=theirs,
            cwd=made.folder,
            env=environ,
            start_new_session=True,
        )
        os.close(theirs)

    def send(self, text: str) -> None:
        """Type something."""
        os.write(self._ours, text.encode())

    def until(self, text: str, within_s: float = 30.0) -> str:
        """Everything that was shown, once it has a text in it."""
        deadline_s = time.monotonic() + within_s
        while text not in self.seen:
            left_s = deadline_s - time.monotonic()
            assert left_s > 0, f"no {text!r} in {self.seen!r}"
            select.select([self._ours], [], [], left_s)
            if not self._read() and text not in self.seen:
                raise AssertionError(f"it ended without {text!r}: {self.seen!r}")
        return self.seen

    @property
    def seen(self) -> str:
        """Everything that was shown so far."""
        return self._seen.decode(errors="replace")

    def _read(self) -> bool:
        try:
            part = os.read(self._ours, 65_536)
        except BlockingIOError:
            return True
        except OSError:
            return False  # the other end is closed
        self._seen += part
        return bool(part)

    def end(self, within_s: float = 30.0) -> int:
        """The exit code of the command; what it still shows is read."""
        deadline_s = time.monotonic() + within_s
        while self.process.poll() is None and time.monotonic() < deadline_s:
            select.select([self._ours], [], [], 0.05)
            self._read()
        code = self.process.wait(timeout=1)
        while select.select([self._ours], [], [], 0)[0] and self._read():
            continue
        os.close(self._ours)
        return code
