"""The lead of a cluster on real servers: who leads is killed or stopped, and exactly one follows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import pytest

from engine.cluster.server import Server
from tests.support.fabric import servers
from tests.support.processes import until

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(300)

Span = tuple[int, float, float]


class Candidates:
    """Candidates, each a process."""

    def __init__(self, folder: Path, made: list[Server]) -> None:
        self.folder = folder
        self._made = made
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        urls = [server.spec.url for server in self._made]
        words = [sys.executable, "-P", "-m", "tests.support.candidate"]
        for name in names:
            more = [name, str(self.folder), str(len(urls)), *urls]
            environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
            self.processes[name] = subprocess.Popen([*words, *more], env=environ)

    def spans(self, name: str) -> list[Span]:
        """When a candidate led: token, from, until."""
        file = self.folder / f"{name}.led"
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        told = [line.split() for line in lines if line.endswith("\n")]
        return [(int(token), float(since_s), float(until_s)) for token, since_s, until_s in told]

    def leader(self, above: int = 0) -> tuple[str, int] | None:
        """Who leads with a token above one, as far as was written down."""
        led = [(spans[-1][0], name) for name in self.processes if (spans := self.spans(name)) and spans[-1][0] > above]
        return (max(led)[1], max(led)[0]) if led else None

    async def elected(self, above: int = 0) -> tuple[str, int]:
        await until(lambda: self.leader(above), 90)
        found = self.leader(above)
        assert found is not None
        return found

    def check(self) -> None:
        """No two led at the same time, and what they did was done in the order of their tokens."""
        spans = {name: self.spans(name) for name in self.processes}
        for one, other in combinations(spans, 2):
            for token, since_s, until_s in spans[one]:
                for token_also, since_also_s, until_also_s in spans[other]:
                    assert token != token_also
                    assert until_s <= since_also_s or until_also_s <= since_s, (one, other, token, token_also)
        acts = [int(line) for line in (self.folder / "acts").read_text().splitlines() if line != "refused"]
        assert acts == sorted(acts)


@contextmanager
def candidates(folder: Path, made: list[Server]) -> Iterator[Candidates]:
    """Candidates that are killed afterwards."""
    group = Candidates(folder, made)
    try:
        yield group
    finally:
        for process in group.processes.values():
            process.kill()
            process.wait(timeout=20)


async def test_one_follows_a_leader_that_was_killed_one_that_was_stopped_and_a_dead_server(tmp_path: Path) -> None:
    async with servers(tmp_path, 3) as made:
        with candidates(tmp_path, made) as group:
            group.start("a", "b", "c")
            first, token = await group.elected()
            group.processes[first].kill()
            second, token_2 = await group.elected(token)
            assert second != first

            os.kill(group.processes[second].pid, signal.SIGSTOP)
            third, token_3 = await group.elected(token_2)
            assert third not in (first, second)
            os.kill(group.processes[second].pid, signal.SIGCONT)

            spans = len(group.spans(third))
            assert made[0].pid is not None
            os.kill(made[0].pid, signal.SIGKILL)
            await until(lambda: (found := group.leader(token_3 - 1)) and len(group.spans(found[0])) > spans + 3, 90)
            group.check()
            assert int((tmp_path / "fence").read_text()) >= token_3
