"""Workers are forked from one process; they outlive it, and end with whoever holds their lifeline."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pools.forkserver import ForkServer
from pools.gauges import Gauges
from pools.process import WorkerProcess
from tests.support.processes import children, descriptors, ended_within, is_alive, until


@pytest.fixture
def gauges() -> Iterator[Gauges]:
    made = Gauges(2)
    yield made
    made.close()


@pytest.fixture
def server(gauges: Gauges) -> Iterator[ForkServer]:
    made = ForkServer(gauges=gauges.descriptor, rows=2, environ=os.environ, output=None, is_kept=False)
    yield made
    made.close()


class Watched:
    """A process that is watched: what was told of it."""

    def __init__(self, server: ForkServer) -> None:
        loop = asyncio.get_running_loop()
        server.watch(loop)
        self.process: WorkerProcess = server.fork()
        self.births: list[int] = []
        self.ends: list[int | None] = []
        self.process.watch(loop, self.births.append, self.ends.append)

    async def born(self) -> int:
        """Its pid, once it is told."""
        await until(lambda: self.births)
        return self.births[0]

    async def ended(self) -> int | None:
        """Its exit status, once it is told."""
        await until(lambda: self.ends)
        self.process.socket.close()
        return self.ends[0]


async def test_workers_are_forks_of_one_process_that_runs_no_worker(server: ForkServer) -> None:
    both = [Watched(server), Watched(server)]
    pids = [await one.born() for one in both]
    assert server.pid in children()
    assert children(server.pid) == pids
    command = Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")
    assert command[1:4] == [b"-P", b"-m", b"pools.zygote"]
    for one in both:
        one.process.kill()
        assert await one.ended() == -signal.SIGKILL
    assert [one.births for one in both] == [[pid] for pid in pids]
    assert not any(map(is_alive, pids))


async def test_the_status_of_a_worker_that_ends_by_itself_is_told(server: ForkServer) -> None:
    one = Watched(server)
    pid = await one.born()
    os.kill(pid, signal.SIGTERM)
    assert await one.ended() == -signal.SIGTERM
    other = Watched(server)
    await other.born()
    other.process.socket.close()
    assert await other.ended() == 0
    assert not other.process.is_alive


async def test_a_worker_that_is_killed_before_it_is_born_does_not_live(server: ForkServer) -> None:
    one = Watched(server)
    one.process.kill()
    assert await one.ended() in (-signal.SIGKILL, -signal.SIGIO, 1)
    assert children(server.pid) == []


async def test_workers_outlive_what_they_were_forked_from_and_their_ends_are_seen(server: ForkServer) -> None:
    one, other = Watched(server), Watched(server)
    pids = [await one.born(), await other.born()]
    first = server.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: server.pid is None)
    assert all(map(is_alive, pids))
    assert not one.ends
    os.kill(pids[0], signal.SIGKILL)
    assert await one.ended() is None
    assert not other.ends
    third = Watched(server)
    assert await third.born() in children(server.pid)
    assert server.pid not in (None, first)
    for last in (other, third):
        last.process.kill()
        await last.ended()
    assert ended_within(pids, 1.0)


async def test_a_zygote_that_was_killed_unseen_is_replaced_by_the_next_fork(server: ForkServer) -> None:
    one = Watched(server)
    pid = await one.born()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
    other = Watched(server)
    await until(lambda: other.births or other.ends)
    if other.ends:  # the first one had yet to close what it has of the zygote's, so that nobody read the request
        other.process.socket.close()
        other = Watched(server)
    assert await other.born() not in (pid, None)
    assert is_alive(pid)
    for last in (one, other):
        last.process.kill()
        await last.ended()


async def test_forks_that_were_asked_for_of_a_zygote_that_died_have_ended(server: ForkServer) -> None:
    one = Watched(server)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    other = Watched(server)
    os.kill(server.pid, signal.SIGKILL)
    assert await other.ended() is None
    one.process.kill()
    await one.ended()


@pytest.mark.parametrize("is_zygote_gone", [False, True])
def test_discarding_needs_no_loop(server: ForkServer, is_zygote_gone: bool) -> None:
    before = descriptors()
    process = server.fork()
    while process.pid is None:
        server._read()
    if is_zygote_gone:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
    process.discard()
    assert process.pid is not None
    assert not is_alive(process.pid)
    assert not process.is_alive
    server.close()
    assert descriptors() == before
    server.close()


def test_closing_ends_every_fork(server: ForkServer) -> None:
    process = server.fork()
    while process.pid is None:
        server._read()
    os.kill(process.pid, signal.SIGSTOP)
    server.close()
    assert not is_alive(process.pid)
    process.ended(None)
    process.socket.close()


def test_a_hanging_worker_ends_when_its_lifeline_is_cut_though_its_zygote_is_gone(server: ForkServer) -> None:
    process = server.fork()
    while process.pid is None:
        server._read()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    # The loop of a worker waits in epoll; one that hangs is stood in for by a worker that reads nothing of its socket.
    cut = os.dup(process.socket.fileno())
    os.close(process._lifeline)
    process._lifeline = -1
    assert ended_within([process.pid], 1.0)
    os.close(cut)
    process.discard()


def test_an_interpreter_that_cannot_be_started_leaves_nothing(server: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    before = descriptors()
    with pytest.raises(OSError, match="nonexistent"):
        server.fork()
    assert descriptors() == before
    assert server.pid is None


async def test_an_interpreter_that_ends_at_once_ends_its_forks(server: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    try:
        one = Watched(server)
    except BrokenPipeError:  # it was gone before it was asked: there is no fork that could end
        pass
    else:
        assert await one.ended() is None
        assert one.births == []
    assert server.pid is None


@pytest.mark.parametrize("is_kept", [False, True])
async def test_what_keeps_state_is_loaded_before_the_forks_where_they_keep_some_and_else_not_at_all(
    gauges: Gauges, is_kept: bool
) -> None:
    server = ForkServer(gauges=gauges.descriptor, rows=2, environ=os.environ, output=None, is_kept=is_kept)
    one = Watched(server)
    pid = await one.born()
    maps = [Path(f"/proc/{process}/maps").read_text() for process in (server.pid, pid)]
    assert [f"{os.sep}lz4{os.sep}" in text for text in maps] == [is_kept, is_kept]
    one.process.kill()
    await one.ended()
    server.close()


async def test_one_that_was_not_listened_to_ends_without_a_word(gauges: Gauges, tmp_path: Path) -> None:
    with (tmp_path / "said").open("w") as said:
        server = ForkServer(gauges=gauges.descriptor, rows=2, environ=os.environ, output=said.fileno(), is_kept=False)
        process = server.fork()
        await until(lambda: server.pid is not None and children(server.pid))
        server.close()
        process.socket.close()
    assert (tmp_path / "said").read_text() == ""
