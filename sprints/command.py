"""One command that is run to its end: an argument list, never a shell.

Owns its process from start to end, the time it has and how much of its output is kept: the last of it, in bounded memory,
however much it writes. What its end means is its caller's to say.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple, cast

from sprints.lineage import end_lineage

__all__ = ["OUTPUT_BYTES", "Ended", "run_command"]

#: Bytes of output that are kept, the last: what a failing tool says last is why it fails.
OUTPUT_BYTES = 4_096
#: Bytes that are read at once.
PIECE_BYTES = 1 << 16
#: Pieces that are read after the end: a pipe holds no more, and whoever holds its other end may write for ever.
LAST_PIECES = 16


class Ended(NamedTuple):
    """How a command ended. code: its exit code, minus the signal that killed it.  output: the last of what it wrote."""

    code: int
    output: str
    is_late: bool = False

    @property
    def last_line(self) -> str:
        """The last line that it wrote, without its end; empty where there is none."""
        return self.output.strip().rpartition("\n")[2]

    @property
    def why(self) -> str:
        """Why it counts as failed, in a phrase."""
        if self.is_late:
            how = "it ran out of time and was killed with all that it had started"
        elif self.code < 0:
            how = f"it was killed by {signal.Signals(-self.code).name}"
        else:
            how = f"it ended with exit code {self.code}"
        last = self.output.strip()
        return f"{how}: {last}" if last else how


def run_command(
    argv: Sequence[str],
    *,
    folder: str,
    given: bytes = b"",
    timeout_s: float | None = None,
    environ: Mapping[str, str] | None = None,
    is_group: bool = True,
) -> Ended:
    """Run a command and wait for its end.

    given: what it can read.  timeout_s: None where somebody else ends it.  is_group: whether it has a session of its own;
    else it stays in that of this process.

    Raises OSError where it cannot be started.
    """
    source = os.memfd_create("given", os.MFD_CLOEXEC)
    try:
        left = memoryview(given)
        while left:
            left = left[os.write(source, left) :]
        os.lseek(source, 0, os.SEEK_SET)
        process = subprocess.Popen(
            list(argv),
            cwd=folder,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=None if environ is None else dict(environ),
            start_new_session=is_group,
        )
    finally:
        os.close(source)
    with process:
        return _wait(process, None if timeout_s is None else time.monotonic() + timeout_s)


def _wait(process: subprocess.Popen[bytes], until_s: float | None) -> Ended:
    """Read what it writes until it has ended, or has no more time."""
    output, is_late = bytearray(), False
    pipe = cast(IO[bytes], process.stdout).fileno()
    os.set_blocking(pipe, False)
    ended = os.pidfd_open(process.pid)
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    poll.register(ended, select.POLLIN)
    try:
        while True:
            left_ms = None if until_s is None else (until_s - time.monotonic()) * 1000
            ready = dict(poll.poll(None if left_ms is None else max(left_ms, 0)))
            if pipe in ready and not _read(pipe, output):
                poll.unregister(pipe)
            if ended in ready:
                break
            if until_s is not None and time.monotonic() >= until_s:
                is_late = True
                end_lineage(process.pid)
                break
        for _ in range(LAST_PIECES):
            if not _read(pipe, output):
                break
        return Ended(process.wait(), output.decode("utf-8", "replace"), is_late)
    except BaseException:
        end_lineage(process.pid)
        raise
    finally:
        os.close(ended)


def _read(pipe: int, output: bytearray) -> bool:
    """Take what the pipe has now; False where it has nothing, or has ended."""
    try:
        piece = os.read(pipe, PIECE_BYTES)
    except BlockingIOError:
        return False
    output += piece
    del output[:-OUTPUT_BYTES]
    return bool(piece)
