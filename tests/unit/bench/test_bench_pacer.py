"""Tasks are sent at their rate whatever becomes of those before."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from bench.pacer import pace


async def test_each_is_sent_when_it_is_due_and_ends_as_it_does() -> None:
    loop = asyncio.get_running_loop()
    count = 0

    def send() -> Any:
        nonlocal count
        count += 1
        future = loop.create_future()
        if count % 10:
            loop.call_later(0.05, future.set_result, count)
        else:
            future.set_exception(OSError("as told"))
        return future

    ended = await pace(send, 500, 0.4)
    assert len(ended) == count
    assert 150 <= count <= 201
    assert sum(isinstance(value, OSError) for _, _, value in ended) == count // 10
    assert all(end_s >= due_s for due_s, end_s, _ in ended)
    dues = sorted(due_s for due_s, _, _ in ended)
    assert all(0.0019 < after - before < 0.0021 for before, after in pairwise(dues))
