"""A client hands a backlog over in a file of its own, loads its classes first, and reads what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.sprinterrands import SprintErrands
from sprints.errors import BadBacklog, SprintBusy
from tests.support.bygone import kept
from tests.support.sprinting import document


class Errands(SprintErrands):
    """Errands to an engine that says what a test says; what it was asked."""

    def __init__(self, folder: Path, *, sprint: str = "", error: Exception | None = None) -> None:
        self._name = "engine"
        self._environ = {"ENGINE_HOME": str(folder / "home")}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.handed: dict[str, Any] = {}
        self._sprint = sprint
        self._error = error

    async def request(self, /, verb: str, **facts: Any) -> Any:
        self.asked.append((verb, facts))
        if verb == "sprint-run":
            self.handed = orjson.loads(Path(facts["file"]).read_bytes())
            if self._error is not None:
                raise self._error
        return {"sprint": self._sprint, "backlog": "app"}


async def test_classes_are_loaded_first_and_the_rest_is_asked_as_it_was_said(tmp_path: Path) -> None:
    errands = Errands(tmp_path)
    row = document({"id": "a"}, use=["maker.py:Maker", "package:Other"])
    assert await errands.sprint(row, folder=tmp_path, sprints=None, speed=5.0, seed=7, path=["more"], is_queued=True) == []
    verbs = [verb for verb, _ in errands.asked]
    assert verbs == ["spawn", "spawn", "sprint-run"]
    assert [facts["reference"] for _, facts in errands.asked[:2]] == [f"{tmp_path.resolve()}/maker.py:Maker", "package:Other"]
    facts = dict(errands.asked[2][1])
    assert Path(facts.pop("file")).parent == tmp_path / "home" / "state" / "engine" / "sprints"
    assert facts == {
        "folder": str(tmp_path.resolve()),
        "sprints": None,
        "speed": 5.0,
        "seed": 7,
        "path": [str(tmp_path.resolve()), "more"],
        "price": None,
        "is_plain": False,
        "is_queued": True,
    }
    assert errands.handed["tasks"][0]["id"] == "a"


async def test_what_came_of_it_is_read_once_it_has_ended(tmp_path: Path) -> None:
    errands = Errands(tmp_path, sprint="sp-20261121-001")
    with pytest.raises(SprintBusy):
        await Errands(tmp_path, error=SprintBusy("app", "sp-20261121-001")).sprint(document({"id": "a"}), folder=tmp_path)
    with pytest.raises(BadBacklog):
        await errands.sprint(document(), folder=tmp_path)
    assert errands.asked == []
    assert await errands.sprint(document({"id": "a"}), folder=tmp_path) == []
    assert errands.asked[-1] == ("sprint-wait", {"sprint": "sp-20261121-001"})


def test_rows_are_those_of_the_archive(tmp_path: Path) -> None:
    import asyncio

    archive = tmp_path / "home" / "state" / "engine" / "sprints"
    (first,) = kept(tmp_path, document({"id": "a"}), archive=archive)
    (row,) = asyncio.run(Errands(tmp_path, sprint=first).sprint(document({"id": "a"}), folder=tmp_path))
    assert (row["sprint"]["id"], row["sprint"]["verdicts"]) == (first, {"done": 1})
