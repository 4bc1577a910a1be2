"""What is sent at the same time travels together: who shares an envelope, and what each caller hears."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from engine.cluster.access import FabricAway
from engine.cluster.gathering import Gathering, Parcel, packed


def parcel(*words: str) -> Parcel:
    return Parcel([["counter", word, None, None, None] for word in words], [])


def words_of(parcels: Sequence[Parcel]) -> str:
    return "".join(row[1] for each in parcels for row in each.rows)


class Road:
    """Where envelopes go: each is on its way until it is let through."""

    def __init__(self, spread: int = 1) -> None:
        self.sent: list[str] = []
        self.under_way: list[asyncio.Future[None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.gathering = Gathering(self._post, self._begin, lambda _subject: spread)

    def _begin(self, doing: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.ensure_future(doing))

    async def _post(self, subject: str, parcels: Sequence[Parcel]) -> None:
        self.sent.append(f"{subject}:{words_of(parcels)}")
        way: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.under_way.append(way)
        try:
            await way
        except OSError:
            for each in parcels:
                each.refuse(FabricAway("away"))
        else:
            for each in parcels:
                each.kept.set_result(None)

    def send(self, subject: str, *words: str, most: int = 10) -> asyncio.Future[None]:
        return asyncio.ensure_future(self.gathering.send(subject, parcel(*words), most))

    async def settle(self) -> None:
        """Let everything run that can."""
        for _ in range(10):
            await asyncio.sleep(0)


async def test_who_sends_in_one_turn_shares_an_envelope_and_who_comes_later_waits_for_the_next() -> None:
    road = Road()
    calls = [road.send("a", "1"), road.send("a", "2", "3"), road.send("b", "x")]
    await road.settle()
    assert road.sent == ["a:123", "b:x"]
    calls += [road.send("a", "4"), road.send("a", "5")]
    await road.settle()
    assert road.sent == ["a:123", "b:x"], "what comes while an envelope is under way waits for it"
    road.under_way[0].set_result(None)
    await road.settle()
    assert road.sent == ["a:123", "b:x", "a:45"]
    assert [call.done() for call in calls] == [True, True, False, False, False]
    for way in road.under_way[1:]:
        way.set_result(None)
    await asyncio.gather(*calls)


async def test_a_sender_that_is_alone_does_not_wait() -> None:
    road = Road()
    for word in "123":
        call = road.send("a", word)
        await road.settle()
        road.under_way[-1].set_result(None)
        await call
    assert road.sent == ["a:1", "a:2", "a:3"]


async def test_an_error_is_told_to_each_of_an_envelope_and_the_next_one_goes() -> None:
    road = Road()
    lost = [road.send("a", "1"), road.send("a", "2")]
    await road.settle()
    later = road.send("a", "3")
    await road.settle()
    road.under_way[0].set_exception(OSError())
    for call in lost:
        with pytest.raises(FabricAway):
            await call
    await road.settle()
    road.under_way[1].set_result(None)
    await later


async def test_who_was_cancelled_before_it_left_is_not_sent() -> None:
    road = Road()
    first = road.send("a", "1")
    await road.settle()
    second, third = road.send("a", "2"), road.send("a", "3")
    await road.settle()
    second.cancel()
    road.under_way[0].set_result(None)
    await road.settle()
    assert road.sent == ["a:1", "a:3"]
    road.under_way[1].set_result(None)
    await asyncio.gather(first, third)


async def test_what_waits_when_it_is_closed_is_refused() -> None:
    road = Road()
    first = road.send("a", "1")
    await road.settle()
    second = road.send("a", "2")
    await road.settle()
    road.gathering.close(FabricAway("closed"))
    with pytest.raises(FabricAway, match="closed"):
        await second
    road.under_way[0].set_result(None)
    await first


def told(lengths: Sequence[int], most: int, spread: int) -> list[list[int]]:
    made = [Parcel([[]] * length, [], None) for length in lengths]  # type: ignore[arg-type]
    return [[len(each.rows) for each in envelope] for envelope in packed(made, most, spread)]


def test_envelopes_are_filled_in_order_and_dealt_over_the_nodes_that_can() -> None:
    assert told([1] * 5, 100, 1) == [[1] * 5]
    assert told([1] * 5, 2, 1) == [[1, 1], [1, 1], [1]]
    assert told([1] * 5, 100, 2) == [[1, 1, 1], [1, 1]]
    assert told([1], 100, 3) == [[1]]
    assert told([7, 7, 7], 10, 1) == [[7], [7], [7]], "the tasks of a call stay together"
    assert told([9, 1, 5, 5], 10, 1) == [[9, 1], [5, 5]]
    assert told([9, 1], 10, 4) == [[9], [1]]
