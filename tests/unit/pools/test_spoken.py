"""What agents send where nothing is kept leaves in order, and an agent is spawned before it is told anything more."""

from __future__ import annotations

import asyncio
from typing import Any

from pools.address import Key, parse
from pools.lane import Lane
from pools.spoken import Spoken


class Way:
    """Keeps what is offered."""

    def __init__(self, sent: list[Any]) -> None:
        self.sent = sent

    def offer(self, lanes: list[Lane]) -> None:
        for lane in lanes:
            tokens, keys, methods, arguments = lane.cut(len(lane))
            self.sent += [(lane.kind, *row) for row in zip(keys, methods, arguments, tokens, strict=True)]

    def send(self, letter: str, said: dict[str, Any]) -> None:
        self.sent.append((letter, said))


class Setup:
    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.way = Way(self.sent)
        self.count = 0
        self.spoken = Spoken(
            self.resolve,
            wire=lambda: self.way,
            loop=asyncio.get_running_loop(),
            sent=self.counted,  # type: ignore[arg-type]
        )

    def resolve(self, address: str) -> tuple[Any, str, Key]:
        return (self.way, *parse(address))

    def counted(self) -> None:
        self.count += 1


async def test_messages_of_one_turn_leave_together_in_order() -> None:
    setup = Setup()
    setup.spoken.send("asker/1", [("tell", "tally/1", "add", 1), ("tell", "tally/2", "add", 2)])
    assert setup.sent == []
    await asyncio.sleep(0)
    assert setup.sent == [("tally", 1, "add", 1, "asker/1"), ("tally", 2, "add", 2, "asker/1")]
    assert setup.count == 2


async def test_what_was_told_before_a_spawn_leaves_before_it() -> None:
    setup = Setup()
    setup.spoken.send("asker/1", [("tell", "tally/1", "add", 1), ("spawn", "tally", "x"), ("tell", "tally/x", "add", 2)])
    await asyncio.sleep(0)
    assert setup.sent == [
        ("tally", 1, "add", 1, "asker/1"),
        ("s", {"verb": "spawn", "kind": "tally", "key": "x"}),
        ("tally", "x", "add", 2, "asker/1"),
    ]


async def test_a_timer_is_a_message_to_oneself_later() -> None:
    setup = Setup()
    setup.spoken.send("asker/1", [("timer", 0.01, "hear", 5)])
    await asyncio.sleep(0)
    assert setup.sent == []
    async with asyncio.timeout(5):
        while not setup.sent:
            await asyncio.sleep(0.001)
    assert setup.sent == [("asker", 1, "hear", 5, "asker/1")]


async def test_timers_can_be_told_and_set_again_elsewhere() -> None:
    setup, other = Setup(), Setup()
    assert setup.spoken.is_idle
    setup.spoken.send("asker/1", [("timer", 60.0, "ring", 5)])
    ((left_s, *message),) = setup.spoken.timers()
    assert 59 < left_s <= 60
    assert message == ["asker/1", "ring", 5]
    other.spoken.set(0.0, *message)
    await asyncio.sleep(0.02)
    assert other.sent == [("asker", 1, "ring", 5, "asker/1")]
    assert other.spoken.timers() == []
    other.spoken.send("asker/1", [("tell", "tally/1", "add", 1)])
    assert not other.spoken.is_idle
