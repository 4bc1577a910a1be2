"""The lead of a cluster on real servers: who leads is killed or stopped, and exactly one follows."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.candidates import candidates
from tests.support.fabric import access_to, servers
from tests.support.processes import until

pytestmark = pytest.mark.timeout(300)


async def test_one_follows_a_leader_that_was_killed_one_that_was_stopped_and_a_dead_server(tmp_path: Path) -> None:
    async with servers(tmp_path, 3) as made:
        with candidates(tmp_path, access_to(made)) as group:
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
