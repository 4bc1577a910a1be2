"""The yardsticks with their real processes: right replies, and nothing left behind."""

from __future__ import annotations

import psutil
import pytest

from bench.tasks import mixed_tasks, once_each, turn_tasks
from bench.yardstick import WORKERS, Yardstick
from bench.yardworker import FORMS

#: more than the frames in flight hold, and no whole number of frames.
TASKS = 10_001


@pytest.mark.parametrize("form", FORMS)
async def test_a_list_can_be_run_again_and_again(form: str) -> None:
    parts = Yardstick.share(mixed_tasks(TASKS))
    async with Yardstick(form) as yardstick:
        assert await yardstick.run(parts) > 0
        assert await yardstick.run(parts) > 0
    assert [part.done for part in parts] == [2] * WORKERS


@pytest.mark.parametrize("form", FORMS)
async def test_one_at_a_time_every_trip_is_timed(form: str) -> None:
    parts = Yardstick.share(turn_tasks(101))
    async with Yardstick(form) as yardstick:
        spent = await yardstick.turns(parts)
    assert len(spent) == 101
    assert min(spent) > 0


async def test_fewer_tasks_than_workers_end_too() -> None:
    async with Yardstick() as yardstick:
        await yardstick.run(Yardstick.share(once_each(0, 1)))


async def test_a_wrong_reply_ends_the_run() -> None:
    parts = Yardstick.share(once_each(0, 10, amount=1))
    parts[1].done = 1
    async with Yardstick() as yardstick:
        with pytest.raises(ValueError, match="returned 1, not 2"):
            await yardstick.run(parts)


async def test_no_process_is_left_behind() -> None:
    async with Yardstick() as yardstick:
        pids = yardstick.pids
        assert all(map(psutil.pid_exists, pids))
    assert not any(map(psutil.pid_exists, pids))


async def test_a_worker_that_is_gone_is_an_error_and_not_a_wait() -> None:
    async with Yardstick() as yardstick:
        psutil.Process(yardstick.pids[0]).kill()
        with pytest.raises(ConnectionError, match="is gone"):
            await yardstick.run(Yardstick.share(mixed_tasks(TASKS)))
