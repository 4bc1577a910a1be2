"""The engine as a person starts it: the command line, with directories of its own, so that no engine of the user is touched.
What it started it also ends: first by the command line, and what is then left by its process id."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from bench.yardlink import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NAME", "Daemon", "engine_argv", "own_daemon"]

#: the name of the engines that are measured.
NAME = "bench"

#: the pools file that the project ships.
SHIPPED = ROOT / "pools.yaml"

#: seconds that one command may take.
COMMAND_TIMEOUT_S = 60.0

#: seconds that processes get to end after the command said so.
END_TIMEOUT_S = 10.0


def engine_argv() -> list[str]:
    """The command line: as installed beside this interpreter, else as a module."""
    installed = Path(sys.executable).parent / "engine"
    return [str(installed)] if installed.is_file() else [sys.executable, "-m", "engine"]


class Daemon:
    """One daemon to be: where it lives and how it is spoken to."""

    def __init__(self, home: str) -> None:
        self._home = home
        self.environ = {**os.environ, "ENGINE_HOME": home}

    def run(self, *args: str) -> str:
        """Run one command of the command line; returns what it printed.  Raises OSError with what it said when it failed."""
        argv = [*engine_argv(), *args, "--name", NAME]
        done = subprocess.run(
            argv,
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise OSError(f"{' '.join(argv)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def spawn(self, count: int, pools: Path = SHIPPED) -> float:
        """Start it with so many counters on pools from a file; returns the seconds from exec to the end of the command."""
        start = time.perf_counter()
        self.run("spawn", "--count", str(count), "-f", str(pools))
        return time.perf_counter() - start

    def pools(self, text: str) -> Path:
        """A pools file of its own."""
        path = Path(self._home) / "pools.yaml"
        path.write_text(text)
        return path

    def processes(self) -> list[psutil.Process]:
        """The daemon and its workers: every process that lives in its directory."""
        mark = f"ENGINE_HOME={self._home}"
        return [process for process in psutil.process_iter() if mark in _environment(process)]

    def end(self) -> None:
        """Stop it, and kill what has not gone."""
        left = self.processes()
        if left:
            self.run("stop")
        _, late = psutil.wait_procs(left, END_TIMEOUT_S)
        for process in late:
            process.kill()
        psutil.wait_procs(late, END_TIMEOUT_S)


def _environment(process: psutil.Process) -> set[str]:
    try:
        text = Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:
        return set()
    return set(os.fsdecode(text).split("\0"))


@contextmanager
def own_daemon() -> Iterator[Daemon]:
    """A daemon's place for the time of the block; nothing of it is left behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        daemon = Daemon(home)
        try:
            yield daemon
        finally:
            daemon.end()
