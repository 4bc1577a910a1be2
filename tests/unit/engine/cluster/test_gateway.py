"""What a gateway tells of the kinds of its engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.cluster import gateway
from engine.cluster.gateway import Gateway
from engine.cluster.nodefile import NodeFile
from engine.cluster.records import NAMES


class Kinds:
    """An engine with so many kinds; 0 for one that stands still."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def agents(self, limit: int) -> dict[str, Any]:
        assert limit == 0
        if not self._count:
            raise TimeoutError
        return {"kinds": {f"kind{at:05}": 1 for at in range(self._count)} | {"empty": 0}}


async def test_of_more_kinds_than_a_heartbeat_has_room_for_the_first_are_told(tmp_path: Path) -> None:
    said: list[str] = []
    made = Gateway(NodeFile(tmp_path / "node.json", "c", "n1", ("n1",), ()), {}, said.append)
    few: Any = Kinds(3)
    many: Any = Kinds(NAMES + 5)
    assert await made._known(few) == ("kind00000", "kind00001", "kind00002")
    assert len(await made._known(many)) == NAMES
    assert len(said) == 1


async def test_an_engine_that_does_not_answer_counts_as_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "STALL_S", 0.0)
    made = Gateway(NodeFile(tmp_path / "node.json", "c", "n1", ("n1",), (), task_lease_s=0.1), {}, lambda _line: None)
    still: Any = Kinds(0)
    with pytest.raises(TimeoutError, match=r"has not answered for 0\.1 s"):
        await made._known(still)
