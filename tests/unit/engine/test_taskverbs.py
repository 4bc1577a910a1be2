"""The verbs about tasks answer in JSON, and refuse what they cannot read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from engine.accepted import Accepted
from engine.detached import Detached
from engine.errors import NotRequeued, TaskEnded, TaskOpen
from engine.order import Order
from engine.taskverbs import TaskVerbs
from pools.errors import BadArgument
from tests.support.accepted import Desk, desk

ROW = ["counter/1", "add", 2, "mine", None]


class Here(Accepted):
    """An engine that has accepted tasks, and one worker."""

    tracing = None

    def __init__(self, made: Desk) -> None:
        self._made = made

    @property
    def detached(self) -> Detached:
        """The tasks."""
        return self._made.detached

    @property
    def swarm(self) -> Any:
        """A worker that is down, and has every agent."""
        seat = SimpleNamespace(name="p1/0", state="down", reason="it died")
        placement = SimpleNamespace(worker_of=lambda _kind, _key: (0, 0))
        known = [("p1", None, "half-open"), ("p1", "counter", "open"), ("p1", "other", "open"), ("p2", None, "open")]
        told = [{"pool": pool, "kind": kind, "state": state} for pool, kind, state in [*known, ("p1", None, "closed")]]
        breakers = SimpleNamespace(facts=lambda: told)
        pools, deadlocks = [SimpleNamespace(name="p1", seats=[seat])], SimpleNamespace(way=lambda *_agent: [])
        return SimpleNamespace(placement=placement, pools=pools, breakers=breakers, deadlocks=deadlocks)

    def note(self, name: str, text: str) -> None:
        """Nobody looks at events here."""


class Socket:
    """Asks the verbs as a peer does: in JSON, and back."""

    def __init__(self, made: Desk) -> None:
        self.verbs = TaskVerbs(Here(made)).verbs  # type: ignore[arg-type]

    async def ask(self, verb: str, **facts: Any) -> Any:
        """What a verb answers."""
        return orjson.loads(orjson.dumps(await self.verbs[verb](Order({"verb": verb, **facts}))))


async def test_a_task_is_followed_from_its_submission_to_its_result() -> None:
    async with desk() as made:
        peer = Socket(made)
        (name,) = await peer.ask("submit", tasks=[ROW], key="k")
        assert await peer.ask("submit", tasks=[ROW], key="k") == [name]
        await made.sent(1)
        assert (await peer.ask("task", task=name))["state"] == "running"
        with pytest.raises(TaskOpen):
            await peer.ask("result", task=name)
        made.answer()
        assert await peer.ask("result", task=name, wait_s=5) == {"id": name, "state": "done", "value": 1}
        page = await peer.ask("tasks", state="done")
        assert (page["counts"]["done"], page["kept"], [task["name"] for task in page["tasks"]]) == (1, 1, ["mine"])
        with pytest.raises(TaskEnded):
            await peer.ask("cancel-task", task=name)


async def test_a_task_may_be_called_by_a_number() -> None:
    async with desk() as made:
        peer = Socket(made)
        (name,) = await peer.ask("submit", tasks=[["counter/1", "add", 2, 17, None]])
        await made.sent(1)
        made.answer()
        assert (await peer.ask("result", task=17, wait_s=5))["id"] == name
        with pytest.raises(NotRequeued, match="is done"):
            await peer.ask("requeue", tasks=[17])


async def test_dead_letters_are_listed_shown_and_requeued() -> None:
    async with desk() as made:
        peer = Socket(made)
        names = await made.failed(3)
        said = await peer.ask("result", task=names[0])
        assert (said["state"], said["error"]) == ("failed", ["ValueError", "as told", None])
        listed = await peer.ask("dlq", limit=2)
        assert (listed["total"], len(listed["letters"])) == (3, 2)
        assert (await peer.ask("letter", task=names[1]))["args"] == 2
        (one,) = await peer.ask("requeue", tasks=[names[1]])
        assert one["id"] == names[1]
        assert await peer.ask("drop", tasks=[names[2]]) == [names[2]]
        with pytest.raises(NotRequeued, match="no dead letter"):
            await peer.ask("drop", tasks=[names[2]])
        assert len(await peer.ask("requeue", all=True)) == 1
        assert (await peer.ask("dlq"))["total"] == 0
        assert await peer.ask("drop", all=True) == []


async def test_a_page_has_what_is_asked_for_and_why_tells_who_holds_a_task_up() -> None:
    async with desk() as made:
        peer = Socket(made)
        more = {"tags": ["a", "b"], "tenant": "t", "priority": "high", "after": ["first"]}
        (name,) = await peer.ask("submit", tasks=[[*ROW, more]])
        (other,) = await peer.ask("submit", tasks=[["counter/1", "add", 2, None, None, {"tags": ["b"]}]])
        for only, found in (
            ({"tag": "a"}, [name]), ({"tag": "b"}, [other, name]), ({"tag": "c"}, []), ({"tenant": "t"}, [name]),
            ({"kind": "counter"}, [other, name]), ({"kind": "count"}, []), ({"state": "waiting", "tag": "b"}, [name]),
            ({"tag": "b", "skip": 1}, [name]), ({"tag": "b", "limit": 1}, [other]),
        ):  # fmt: skip
            assert [task["id"] for task in (await peer.ask("tasks", **only))["tasks"]] == found, only
        told = await peer.ask("why", task="mine")
        assert (told["task"]["id"], told["args"], told["args_bytes"]) == (name, 2, 1)
        assert told["place"] == {"agent": "counter/1", "pool": "p1", "worker": "p1/0", "state": "down", "reason": "it died"}
        assert told["obstacles"] == [
            {"what": "worker", "text": "worker p1/0 is down: it died"},
            {"what": "breaker", "text": "the breaker of pool p1 is half-open"},
            {"what": "breaker", "text": "the breaker of pool p1 for counter is open"},
        ]
        assert told["waited_for"] == [{"task": "first", "id": None, "state": "unknown", "ended_s": None, "waited_s": 0.0}]


@pytest.mark.parametrize(
    ("verb", "facts"),
    [
        ("submit", {}), ("submit", {"tasks": []}), ("submit", {"tasks": [ROW], "key": 5}), ("result", {}),
        ("result", {"task": "x", "wait_s": "1"}), ("tasks", {"state": "gone"}), ("tasks", {"limit": -1}), ("task", {}),
        ("cancel-task", {"task": None}), ("dlq", {"skip": "x"}), ("letter", {}), ("requeue", {"tasks": "x"}),
        ("drop", {"tasks": 5}), ("drop", {"all": 1}), ("why", {}), ("tasks", {"tag": 5}),
        ("requeue", {"all": "yes"}),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused(verb: str, facts: dict[str, Any]) -> None:
    async with desk() as made:
        with pytest.raises(BadArgument):
            await Socket(made).ask(verb, **facts)
        assert made.detached.register.counts()["accepted"] == 0
