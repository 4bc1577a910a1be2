"""What a process has used, and what it does, is read from the kernel; one that is gone has used nothing."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pools.usage import cpu_s, is_asleep, is_runnable, resident_bytes


@contextmanager
def process(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs some code and has said that it is there."""
    argv = [sys.executable, "-c", f"import time; print(flush=True)\n{code}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            yield child
        finally:
            child.kill()


def wait_for(claim: object, within_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not claim():  # type: ignore[operator]
        assert time.monotonic() < deadline_s
        time.sleep(0.002)


def test_processor_time_is_that_of_the_process_and_only_grows() -> None:
    with process("while True: pass") as child:
        before = cpu_s(child.pid)
        wait_for(lambda: cpu_s(child.pid) > before + 0.2)
        assert is_runnable(child.pid)
        assert not is_asleep(child.pid)


def test_the_time_of_every_thread_counts() -> None:
    with process(
        "import threading\nthreading.Thread(target=lambda: sum(range(10**9)), daemon=True).start()\ntime.sleep(60)"
    ) as child:
        before = cpu_s(child.pid)
        wait_for(lambda: cpu_s(child.pid) > before + 0.2)
        assert not is_asleep(child.pid)  # the main thread may wait for what that one holds
        assert is_runnable(child.pid)


def test_our_own_time_is_what_the_process_clock_says() -> None:
    before = time.process_time()
    seen = cpu_s(os.getpid())
    assert before <= seen <= time.process_time()


def test_a_process_that_sleeps_uses_nothing_and_is_asleep() -> None:
    with process("time.sleep(60)") as child:
        wait_for(lambda: is_asleep(child.pid))
        before = cpu_s(child.pid)
        time.sleep(0.05)
        assert cpu_s(child.pid) == before
        assert not is_runnable(child.pid)


def test_a_process_that_was_stopped_is_neither_asleep_nor_runnable() -> None:
    with process("while True: pass") as child:
        child.send_signal(signal.SIGSTOP)
        wait_for(lambda: not is_runnable(child.pid))
        assert not is_asleep(child.pid)


def test_a_process_whose_name_looks_like_a_state_is_not_mistaken() -> None:
    with process("open('/proc/self/comm', 'w').write(') S (x) S')\nwhile True: pass") as child:
        wait_for(lambda: cpu_s(child.pid) > 0.1)
        assert is_runnable(child.pid)
        assert not is_asleep(child.pid)


def test_a_process_that_is_gone_has_used_nothing_and_does_nothing() -> None:
    with process("") as child:
        child.wait()
    pid = child.pid
    assert (cpu_s(pid), resident_bytes(pid), is_asleep(pid), is_runnable(pid)) == (0.0, 0, False, False)


def test_memory_grows_by_what_is_written_to() -> None:
    before = resident_bytes()
    kept = mmap.mmap(-1, 20_000_000)
    kept.write(b"x" * 1_000_000 * 20)
    assert resident_bytes() - before > 15_000_000
    kept.close()
    assert abs(resident_bytes(os.getpid()) - resident_bytes()) < 1_000_000
