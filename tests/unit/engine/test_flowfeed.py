"""The feed has what was told since somebody came, and listens to nobody once they stay away."""

from __future__ import annotations

import asyncio

from engine.flowfeed import EVENTS, PAGE, FlowFeed
from sprints.listeners import Listeners, Stepped


async def test_steps_are_read_from_a_number_on() -> None:
    listeners = Listeners()
    feed = FlowFeed(listeners)
    began = await feed.read("a:*", None, 0)
    for name in ("a:one", "b:two", "a:three"):
        listeners.tell(Stepped(name, 1.0))
    said = await feed.read("a:*", began["next"], 5)
    assert [step[0] for step in said["steps"]] == ["a:one", "a:three"]
    assert said["lost"] == 0
    assert (await feed.read("a:*", said["next"], 0.01))["steps"] == []
    feed._stop()


async def test_who_waits_is_told_at_once() -> None:
    listeners = Listeners()
    feed = FlowFeed(listeners)
    began = await feed.read("*:*", None, 0)
    reading = asyncio.ensure_future(feed.read("*:*", began["next"], 30))
    await asyncio.sleep(0)
    listeners.tell(Stepped("a:one", 1.0))
    async with asyncio.timeout(5):
        assert [step[0] for step in (await reading)["steps"]] == ["a:one"]
    feed._stop()


async def test_what_is_more_than_is_kept_is_counted_and_comes_in_pages() -> None:
    listeners = Listeners()
    feed = FlowFeed(listeners)
    since = (await feed.read("*:*", None, 0))["next"]
    for _ in range(EVENTS + 5):
        listeners.tell(Stepped("a:one", 1.0))
    said = await feed.read("*:*", since, 0)
    assert (said["lost"], len(said["steps"])) == (5, PAGE)
    count = PAGE
    while (said := await feed.read("*:*", said["next"], 0.001))["steps"]:
        count += len(said["steps"])
    assert count == EVENTS
    feed._stop()


async def test_it_listens_no_more_once_nobody_comes_and_says_that_something_was_missed() -> None:
    listeners = Listeners()
    feed = FlowFeed(listeners, listen_s=0.02)
    since = (await feed.read("*:*", None, 0))["next"]
    assert listeners.is_heard
    async with asyncio.timeout(5):
        while listeners.is_heard:
            await asyncio.sleep(0.005)
    listeners.tell(Stepped("a:one", 1.0))
    assert (await feed.read("*:*", since, 0))["lost"] >= 1
    feed._stop()
