"""The engine of a node as its gateway meets it, without processes: it accepts tasks, answers, and refuses what a test says."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.cluster.local import Local
from engine.cluster.records import TaskEnvelope
from engine.errors import TaskOpen
from engine.submission import Submission
from pools.errors import UnknownKind

__all__ = ["FakeClient", "envelope", "local"]


class FakeClient:
    """An engine that knows the kind `counter`; `says` are raised by the next submissions, first to last."""

    def __init__(self, *says: Exception | None) -> None:
        self.says = list(says)
        self.accepted: Counter[Any] = Counter()
        self.asked: Counter[str] = Counter()
        #: What `stats` tells.
        self.stands: dict[str, Any] = {"journal": {"changes": "taken"}, "workers": {"full": 0, "stopped": 0}}

    async def stats(self) -> dict[str, Any]:
        return self.stands

    async def submit(self, tasks: list[Submission]) -> list[str]:
        said = self.says.pop(0) if self.says else None
        if said is not None:
            raise said
        if any(task.address.partition("/")[0] != "counter" for task in tasks):
            raise UnknownKind("no such kind")
        self.accepted.update(task.name for task in tasks)
        return [f"id-{task.name}" for task in tasks]

    async def result(self, id: str, wait_s: float) -> Any:
        self.asked[id] += 1
        if self.asked[id] == 1:
            raise TaskOpen("not yet")
        return id.rpartition(".")[2]


def envelope(*addresses: str) -> TaskEnvelope:
    return TaskEnvelope("s", "7", tuple([address, "get", None, None, None] for address in addresses))


def local(client: FakeClient) -> Local:
    fake: Any = client
    return Local(fake)
