"""Candidates for the lead, each a process of its own, and the proof that no two of them led at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from types import MappingProxyType

from engine.cluster.access import Access
from tests.support.commands import ROOT
from tests.support.processes import until

__all__ = ["Candidates", "Span", "candidates"]

Span = tuple[int, float, float]


class Candidates:
    """Candidates, each a process. access: to the servers."""

    def __init__(self, folder: Path, access: Access) -> None:
        self.folder = folder
        self._access = access
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str, environ: Mapping[str, str] = MappingProxyType({}), prefix: Sequence[str] = ()) -> None:
        """Start some of them. environ: variables that they have beside this process's.  prefix: of their command."""
        access = self._access
        words = [*prefix, sys.executable, "-P", "-m", "tests.support.candidate"]
        for name in names:
            more = [name, str(self.folder), str(len(access.urls)), str(access.credentials), str(access.ca or ""), *access.urls]
            mine = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"} | dict(environ)
            self.processes[name] = subprocess.Popen([*words, *more], env=mine)

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
        """Who leads with a token above one, once somebody does."""
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
def candidates(folder: Path, access: Access) -> Iterator[Candidates]:
    """Candidates that are killed afterwards."""
    group = Candidates(folder, access)
    try:
        yield group
    finally:
        for process in group.processes.values():
            process.kill()
            process.wait(timeout=20)
