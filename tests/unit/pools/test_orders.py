"""Orders are answered by their numbers, wait while nothing may be said, and go to the process that comes next."""

from __future__ import annotations

from typing import Any

import pytest

from pools.errors import KindNotLoaded, WorkerDied
from pools.orders import Orders, seen


class Channel:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send(self, _letter: str, data: dict[str, Any]) -> None:
        """Keep it."""
        self.sent.append(data)


async def test_an_answer_finds_who_gave_the_order() -> None:
    orders, channel = Orders(), Channel()
    first, second = orders.give(channel, {"verb": "a"}), orders.give(channel, {"verb": "b"})  # type: ignore[arg-type]
    assert channel.sent == [{"verb": "a", "id": 1}, {"verb": "b", "id": 2}]
    orders.answered({"id": 2, "verb": "done", "value": 7})
    assert (second.result(), first.done(), len(orders)) == (7, False, 1)
    orders.answered({"id": 1, "verb": "failed", "error": ["KindNotLoaded", "no", None], "trace": "line 1"})
    with pytest.raises(KindNotLoaded):
        first.result()
    orders.answered({"id": 9, "verb": "done", "value": 0})


async def test_orders_wait_while_they_are_held_and_go_on_in_their_order() -> None:
    orders, channel = Orders(), Channel()
    orders.hold()
    waiting = orders.give(channel, {"verb": "a"})  # type: ignore[arg-type]
    orders.give(channel, {"verb": "b"})  # type: ignore[arg-type]
    assert (channel.sent, len(orders)) == ([], 2)
    orders.go_on(channel)  # type: ignore[arg-type]
    assert [sent["verb"] for sent in channel.sent] == ["a", "b"]
    orders.answered({"id": 1, "verb": "done", "value": None})
    assert waiting.done()


async def test_what_waited_for_one_process_is_given_to_the_next_and_answered_there() -> None:
    before, after, channel = Orders(), Orders(), Channel()
    before.hold()
    waiting = before.give(None, {"verb": "a"})
    after.give(channel, {"verb": "setup"})  # type: ignore[arg-type]
    after.take_over(channel, before.taken())  # type: ignore[arg-type]
    assert (channel.sent, len(before)) == ([{"verb": "setup", "id": 1}, {"verb": "a", "id": 2}], 0)
    after.answered({"id": 2, "verb": "done", "value": 5})
    assert waiting.result() == 5
    before.give(channel, {"verb": "b"})  # type: ignore[arg-type]
    assert channel.sent[-1]["verb"] == "b"


async def test_what_can_be_answered_no_more_fails_whether_it_was_sent_or_waited() -> None:
    orders, channel = Orders(), Channel()
    sent = orders.give(channel, {"verb": "a"})  # type: ignore[arg-type]
    orders.hold()
    waiting = orders.give(channel, {"verb": "b"})  # type: ignore[arg-type]
    sent.add_done_callback(seen)
    orders.fail(WorkerDied("gone"))
    for future in (sent, waiting):
        with pytest.raises(WorkerDied):
            future.result()
    assert orders.taken() == []
