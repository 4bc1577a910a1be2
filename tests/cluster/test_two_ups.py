"""Two `engine cluster up` of the same file at once: one brings the cluster up, the other is told who does, and can then too."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.support.clusters import write
from tests.support.commands import Commands
from tests.support.processes import until
from tests.support.sshhosts import Hosts
from tests.support.tinywheels import tiny

pytestmark = pytest.mark.timeout(400)

HOLDS = '"do": "hold"'


async def test_two_at_once_make_one_cluster(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    made = [there.add() for _ in range(2)]
    for at, host in enumerate(made):
        host.home = tmp_path / f"h{at}"
        host.home.mkdir()
    write(engine, there, [host.port for host in made])
    words = ("cluster", "up", "--wheelhouse", str(tiny(tmp_path / "wheels")), "--json")
    try:
        first = engine.start(*words)
        await until(lambda: any(HOLDS in line for line in made[0].heard), 60)
        await until(lambda: any(HOLDS not in line and "engine.cluster" not in line for line in made[1].heard), 60)
        refused = engine(*words)
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert "n1: somebody else brings this cluster up: " in refused.stderr
        assert f"process {first.pid}, since " in refused.stderr

        # Whoever is killed holds nothing any more, and what it has left is gone on with.
        os.kill(first.pid, signal.SIGKILL)
        first.wait(timeout=20)
        free = made[0].home / "c" / "up.lock"
        await until(lambda: not held(free), 60)
        ups = [engine.start(*words) for _ in range(2)]
        codes = sorted([up.wait(timeout=200) for up in ups])
        assert codes in ([0, 0], [0, 3]), [(up.stdout and up.stdout.read(), up.stderr and up.stderr.read()) for up in ups]
        again = engine(*words, timeout_s=200)
        assert again.returncode == 0, again.stderr
        told = json.loads(again.stdout)
        assert [(one["changed"], one["is_attended_anew"]) for one in told["nodes"]] == [([], False)] * 2
        secrets = [(host.home / "c" / "credentials.json").read_bytes() for host in made if host.home is not None]
        assert secrets[0] == secrets[1]
    finally:
        assert engine("cluster", "stop", "--emergency", timeout_s=100).returncode == 0


def held(file: Path) -> bool:
    """Whether somebody has the lock of a file."""
    import fcntl

    with file.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
