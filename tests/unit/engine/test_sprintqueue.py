"""Who waits for a backlog is next in its turn, and stands on the disk where somebody was told of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from engine import sprintqueue
from engine.sprintqueue import SprintQueue
from sprints.archive import Archive
from sprints.backlog import read_backlog
from sprints.campaign import Campaign, Hands
from sprints.errors import BadBacklog, TakenOut, TooManyQueued
from sprints.queue import Queue, Queued, new_queued_id
from sprints.settings import Settings
from tests.support.sprinting import document

HANDS = cast(Hands, None)


def campaign(folder: Path, *, queued: str = "", name: str = "app") -> Campaign:
    backlog = read_backlog(document({"id": "a"}, name=name))
    return Campaign(Archive(str(folder)), backlog, Settings(str(folder), queued=queued), HANDS)


async def kept(queue: SprintQueue, folder: Path, **more: Any) -> str:
    return (await queue.keep(campaign(folder, queued=new_queued_id(), **more))).id


async def test_the_first_is_next_and_one_that_left_is_not(tmp_path: Path) -> None:
    queue = SprintQueue(str(tmp_path))
    here = queue.join(campaign(tmp_path))
    first, second = [await kept(queue, tmp_path) for _ in range(2)]
    other = await kept(queue, tmp_path, name="other")
    assert (queue.count("app"), queue.count("other"), queue.count("none")) == (3, 1, 0)
    queue.leave(here)
    with pytest.raises(TakenOut):
        await here.turn
    cancelled = queue.find(first)
    assert cancelled is not None
    cancelled.turn.cancel()
    found = queue.next("app")
    assert found is not None
    assert found.id == second
    assert queue.next("app") is None
    assert Queue(str(tmp_path)).ids() == [first, second, other]  # it is forgotten once it has begun
    queue.forget(second)
    assert Queue(str(tmp_path)).ids() == [first, other]


async def test_many_at_once_stand_on_the_disk_as_they_stand_here_and_no_more_than_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sprintqueue, "QUEUED", 7)
    queue = SprintQueue(str(tmp_path))
    found = await asyncio.gather(*(kept(queue, tmp_path) for _ in range(9)), return_exceptions=True)
    assert [type(one) for one in found].count(TooManyQueued) == 2
    ids = Queue(str(tmp_path)).ids()
    assert len(ids) == 7
    here = []
    while (waiting := queue.next("app")) is not None:
        here.append(waiting.id)
    assert here == ids


async def test_those_on_the_disk_are_there_again_but_who_has_begun_or_waits_here(tmp_path: Path) -> None:
    before = SprintQueue(str(tmp_path))
    begun, first, second, bad = [await kept(before, tmp_path, name=name) for name in ("app", "app", "app", "bad")]
    queue = SprintQueue(str(tmp_path))

    def made(queued: Queued) -> Campaign:
        if queued.backlog["name"] == "bad":
            raise BadBacklog("as told")
        return campaign(tmp_path, queued=queued.id)

    found = list(queue.restored({begun, ""}, made))
    assert [one.settings.queued for one in found if isinstance(one, Campaign)] == [first, second]
    assert [type(one) for one in found if not isinstance(one, Campaign)] == [BadBacklog]
    assert Queue(str(tmp_path)).ids() == [first, second, bad]
    for one in found:
        if isinstance(one, Campaign):
            queue.join(one)
    assert [type(one) for one in queue.restored(set(), made)] == [BadBacklog]
    queue.close()
    assert queue.count("app") == 0
    assert Queue(str(tmp_path)).ids() == [first, second, bad]
