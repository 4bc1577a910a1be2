"""A monitor that somebody watches: the real command on a terminal of its own, whose screens are read and thrown away."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import termios
import threading
import time
from typing import TYPE_CHECKING, Self

from bench.daemon import NAME, engine_argv
from bench.processes import cpu_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Pane"]

#: rows and columns of its terminal.
ROWS, COLUMNS = 48, 160
#: seconds that it gets to end by itself.
END_S = 5.0


class Pane:
    """A monitor of the measured engine, within a `with` block.

    environ: where its engine is found.  delay_s: between two looks.
    """

    def __init__(self, environ: Mapping[str, str], delay_s: float = 1.0) -> None:
        self._environ = {**environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._argv = [*engine_argv(), "--name", NAME, "monitor", "-d", f"{delay_s:g}"]
        self.pid = self._terminal = -1
        self.drawn_bytes = 0

    def __enter__(self) -> Self:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(self._argv[0], self._argv, self._environ)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._terminal, 65_536)
            except OSError:
                return
            if not part:
                return
            self.drawn_bytes += len(part)

    @property
    def cpu_ns(self) -> int:
        """Nanoseconds that it has run on a core.  Raises OSError where it has ended."""
        return cpu_ns([self.pid])

    def hold(self) -> None:
        """Have it stand still, as if nobody watched."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it watch again."""
        os.kill(self.pid, signal.SIGCONT)

    def __exit__(self, *_: object) -> None:
        self.go_on()
        os.kill(self.pid, signal.SIGTERM)
        deadline_s = time.monotonic() + END_S
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > deadline_s:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                break
            time.sleep(0.01)
        os.close(self._terminal)
