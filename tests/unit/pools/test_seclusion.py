"""The other side of a task in a process of its own: what it says, and the line that ends it. The whole is `test_isolation`."""

from __future__ import annotations

import mmap
import os
import signal
import socket
import subprocess
import sys
import time

import orjson
import pytest

from pools.gauges import BUSY_SINCE_NS, CELLS
from pools.kind import Kind
from pools.seclusion import HEAD, Seclusion, framed
from tests.support.commands import ROOT
from tests.support.processes import ended_within
from tests.unit.pools.test_isolation import Heavy, Light


def test_a_message_is_its_length_and_its_json() -> None:
    said = framed({"n": 1, "value": ["ü", 2**53]})
    (size_bytes,) = HEAD.unpack_from(said)
    assert len(said) == HEAD.size + size_bytes
    assert orjson.loads(said[HEAD.size :]) == {"n": 1, "value": ["ü", 2**53]}


class Fork:
    """One task in a fork of this process, seen by hand."""

    def __init__(self, made: type[Light | Heavy], method: str, argument: object = None) -> None:
        kind = Kind(made)
        ours, theirs = socket.socketpair()
        far, self.lifeline = os.pipe2(os.O_CLOEXEC)
        sample = os.memfd_create("sample", os.MFD_CLOEXEC)
        self.cells = memoryview(mmap.mmap(-1, CELLS * 8)).cast("Q")
        self.pid = os.fork()
        if not self.pid:
            Seclusion(theirs, far, sample, self.cells).run(kind, kind.make(1), kind.methods[method], argument, "3.4", None)
        theirs.close()
        os.close(far)
        os.close(sample)
        self.socket = ours

    def end(self) -> tuple[bytes, int]:
        """What it said, and its exit status."""
        said = b""
        while part := self.socket.recv(1 << 16):
            said += part
        self.socket.close()
        os.close(self.lifeline)
        return said, os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def said_by(fork: Fork) -> dict[str, object]:
    said, status = fork.end()
    assert status == 0
    assert HEAD.unpack_from(said)[0] == len(said) - HEAD.size  # one message, and nothing else
    told: dict[str, object] = orjson.loads(said[HEAD.size :])
    return told


def test_it_says_the_value_the_state_and_what_is_sent_in_one_message_and_ends() -> None:
    assert said_by(Fork(Light, "add", 2)) == {"value": 2, "state": [2, 0.25], "outbox": []}


def test_of_a_log_it_says_what_was_appended() -> None:
    raw = orjson.loads(Kind(Heavy).fields[2].save(bytes(range(256))))
    told = said_by(Fork(Heavy, "change", 5))
    assert told["state"] == [[[5]], {"deep": {"x": [[5]]}}, raw, None, [{"x": 5}, 5]]


def test_it_says_what_a_task_failed_with() -> None:
    assert said_by(Fork(Light, "raise_it", "value")) == {"error": ["ValueError", "as told", None]}
    error = said_by(Fork(Light, "add", "text"))["error"]
    assert isinstance(error, list)
    assert error[0] == "BadArgument"


def test_it_says_nothing_where_its_process_ends() -> None:
    assert Fork(Light, "die", 4).end() == (b"", 4)


def test_a_fork_whose_line_is_cut_ends_though_its_agent_hangs() -> None:
    fork = Fork(Light, "spin")
    deadline_s = time.monotonic() + 10
    while not fork.cells[BUSY_SINCE_NS]:
        assert time.monotonic() < deadline_s
    os.close(fork.lifeline)
    assert ended_within([fork.pid], 5)
    assert os.waitstatus_to_exitcode(os.waitpid(fork.pid, 0)[1]) == -signal.SIGIO
    fork.socket.close()


LINE = """
import os, sys
from pools.seclusion import die_with
near, far = os.pipe()
if sys.argv[1] == "before":
    os.close(far)
die_with(near)
print("alive", flush=True)
os.close(far)
while True:
    pass
"""


@pytest.mark.parametrize(("when", "status", "said"), [("before", 1, b""), ("after", -signal.SIGIO, b"alive\n")])
def test_a_process_ends_when_its_line_is_cut_also_where_that_was_before_it_asked(when: str, status: int, said: bytes) -> None:
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", LINE, when], env=environ, capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (status, said)
