"""The verbs about tasks answer in JSON, and refuse what they cannot read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from engine.errors import TaskOpen
from engine.order import Order
from engine.taskverbs import TaskVerbs
from pools.errors import BadArgument
from tests.support.accepted import Desk, desk

ROW = ["counter/1", "add", 2, "mine", None]


class Socket:
    """Asks the verbs as a peer does: in JSON, and back."""

    def __init__(self, made: Desk) -> None:
        self.verbs = TaskVerbs(SimpleNamespace(detached=made.detached)).verbs  # type: ignore[arg-type]

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
        assert (await peer.ask("cancel-task", task=name))["state"] == "done"


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
        assert len(await peer.ask("requeue", all=True)) == 2
        assert (await peer.ask("dlq"))["total"] == 0


@pytest.mark.parametrize(
    ("verb", "facts"),
    [
        ("submit", {}), ("submit", {"tasks": []}), ("submit", {"tasks": [ROW], "key": 5}), ("result", {}),
        ("result", {"task": "x", "wait_s": "1"}), ("tasks", {"state": "gone"}), ("tasks", {"limit": -1}), ("task", {"task": 1}),
        ("cancel-task", {"task": None}), ("dlq", {"skip": "x"}), ("letter", {}), ("requeue", {"tasks": "x"}),
        ("requeue", {"all": "yes"}),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused(verb: str, facts: dict[str, Any]) -> None:
    async with desk() as made:
        with pytest.raises(BadArgument):
            await Socket(made).ask(verb, **facts)
        assert made.detached.register.counts()["accepted"] == 0
