"""Results leave in order, at once when nobody waits, and a slow reader slows the writer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from engine.cli.outlet import WAITING_BYTES, Outlet


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """The reading and the writing end of a pipe; a test that closes one takes it out."""
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


async def test_what_is_put_in_leaves_at_once(pipe: list[int]) -> None:
    outlet = Outlet(pipe[1])
    for text in (b"one\n", b"two\n"):
        await outlet.put(text)
        assert await asyncio.to_thread(os.read, pipe[0], 100) == text


async def test_everything_arrives_in_order_and_flush_waits_for_it(pipe: list[int]) -> None:
    outlet = Outlet(pipe[1])
    lines = [b"%d\n" % number for number in range(50_000)]

    def read() -> bytes:
        got = b""
        while len(got) < sum(map(len, lines)):
            got += os.read(pipe[0], 65_536)
        return got

    reader = asyncio.ensure_future(asyncio.to_thread(read))
    for line in lines:
        await outlet.put(line)
    await outlet.flush()
    assert await reader == b"".join(lines)


async def test_who_puts_in_more_than_fits_waits_for_the_reader(pipe: list[int]) -> None:
    outlet = Outlet(pipe[1])
    await outlet.put(b"x" * 200_000)
    putting = asyncio.ensure_future(outlet.put(b"y" * (WAITING_BYTES + 1)))
    done, _ = await asyncio.wait([putting], timeout=0.05)
    assert not done
    left = 200_000 + WAITING_BYTES + 1
    while left:
        left -= len(await asyncio.to_thread(os.read, pipe[0], 65_536))
    async with asyncio.timeout(20):
        await putting
        await outlet.flush()


async def test_a_reader_that_went_away_is_an_error_for_everybody_after(pipe: list[int]) -> None:
    os.close(pipe.pop(0))
    outlet = Outlet(pipe[0])
    await outlet.put(b"x")
    with pytest.raises(BrokenPipeError):
        await asyncio.wait_for(outlet.flush(), 20)
    with pytest.raises(BrokenPipeError):
        await outlet.put(b"y")


async def test_an_empty_outlet_is_flushed_at_once(pipe: list[int]) -> None:
    outlet = Outlet(pipe[1])
    async with asyncio.timeout(20):
        await outlet.flush()
        await outlet.put(b"")
        await outlet.flush()
