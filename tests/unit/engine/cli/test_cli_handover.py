"""Each line is accepted under an id or refused with its number, and what was accepted is said whatever happens then."""

from __future__ import annotations

import json
import os
import threading
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from engine.cli import handover as module
from engine.cli.handover import hand_over
from engine.errors import DependencyCycle, DuplicateTask, FrameTooLarge, IntakeFull, SubmitStopped, UnknownKind
from engine.submission import Submission


class Engine:
    """Accepts so many tasks."""

    def __init__(self, room: int = 1_000) -> None:
        self.room = room
        self.submissions: list[list[Submission]] = []

    async def submit(self, tasks: list[Submission]) -> list[str]:
        """As `Client.submit`."""
        self.submissions.append(tasks)
        ids = [f"x-{self.room - at}" for at in range(len(tasks))][: self.room]
        self.room -= len(ids)
        if len(ids) == len(tasks):
            return ids
        if ids:
            raise SubmitStopped("full", ids=ids, retry_after_s=1.0)
        raise IntakeFull("full")


async def handed(client: Engine, folder: Path, *lines: Any, form: str = "ndjson") -> int:
    """Hand over some lines."""
    file = folder / "tasks"
    file.write_bytes(b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines))
    descriptor = os.open(file, os.O_RDONLY)
    try:
        return await hand_over(client, Namespace(json=True, output=form, quiet=False), descriptor)  # type: ignore[arg-type]
    finally:
        for thread in threading.enumerate():
            if thread.name == "intake":
                thread.join()  # else it might read what the next test opens under this number
        os.close(descriptor)


def task(key: int, **more: Any) -> dict[str, Any]:
    """A task line."""
    return {"agent": f"counter/{key}", "method": "add", "args": [1], **more}


def said(captured: Any) -> list[dict[str, Any]]:
    """The lines of standard output."""
    return [json.loads(line) for line in captured.out.splitlines()]


async def test_tasks_are_called_as_they_are_named_or_by_their_place(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    client = Engine()
    assert await handed(client, tmp_path, task(1, id="a"), b"", task(2), task(3, deadline_s=5, id=9)) == 0
    captured = capfd.readouterr()
    assert said(captured) == [{"id": "a", "task": "x-1000"}, {"id": 2, "task": "x-999"}, {"id": 9, "task": "x-998"}]
    assert captured.err == ""
    assert [each.deadline_s for each in client.submissions[0]] == [None, None, 5.0]


async def test_as_a_document_it_is_whole_also_where_the_last_of_it_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(IntakeFull):
        await handed(Engine(room=0), tmp_path, b"{", task(1), form="json")
    document = json.loads(capfd.readouterr().out)
    assert [row.get("line") for row in document.pop("tasks")] == [1]
    assert document == {"schema": module.SCHEMA, "accepted": 0, "bad_lines": 1}


async def test_a_bad_line_is_answered_with_its_number_and_the_others_are_accepted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = [task(1), b"{", task(2, deadline_s=-1, id="b"), {"agent": "Counter/1", "method": "x", "id": 4}, task(3, priority=1)]
    assert await handed(Engine(), tmp_path, *lines, b'{"id": 1, "id": 2}') == 1
    captured = capfd.readouterr()
    refused = {line["line"]: line.get("id") for line in said(captured) if "line" in line}
    assert refused == {2: None, 3: "b", 4: 4, 5: None, 6: None}
    assert [line["id"] for line in said(captured) if "task" in line] == [0]
    assert captured.err == ""


async def test_many_lines_are_several_submissions(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    client = Engine(10_000)
    assert await handed(client, tmp_path, *(task(key) for key in range(2_500))) == 0
    assert max(map(len, client.submissions)) <= 1_000
    assert [line["id"] for line in said(capfd.readouterr())] == list(range(2_500))


async def test_what_was_accepted_before_a_refusal_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SubmitStopped):
        await handed(Engine(2), tmp_path, *(task(key) for key in range(5)))
    assert [line["id"] for line in said(capfd.readouterr())] == [0, 1]
    with pytest.raises(IntakeFull):
        await handed(Engine(0), tmp_path, task(1))
    assert said(capfd.readouterr()) == []


class Choosy(Engine):
    """Refuses what comes with a task for an agent of these keys, as an engine does that accepts all or none."""

    def __init__(self, refusals: dict[str, Exception], at_once: int = 1_000) -> None:
        super().__init__(10_000)
        self.refusals = refusals
        self.at_once = at_once

    async def submit(self, tasks: list[Submission]) -> list[str]:
        """As `Client.submit`, in parts of so many."""
        ids: list[str] = []
        for at in range(0, len(tasks), self.at_once):
            part = tasks[at : at + self.at_once]
            refusal = next((self.refusals[each.address] for each in part if each.address in self.refusals), None)
            if refusal is not None:
                if ids:
                    raise SubmitStopped("some", ids=ids, retry_after_s=None) from refusal
                raise refusal
            ids += await super().submit(part)
        return ids


@pytest.mark.parametrize("at_once", [1, 2, 3, 1_000])
async def test_a_task_that_is_refused_for_itself_takes_no_other_with_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], at_once: int
) -> None:
    wrong = {"counter/3": DuplicateTask("another"), "counter/7": UnknownKind("none"), "counter/9": FrameTooLarge("large")}
    client = Choosy(wrong, at_once)
    with pytest.raises(DuplicateTask, match="another"):
        await handed(client, tmp_path, *(task(key, id=key) for key in range(10)))
    captured = capfd.readouterr()
    refused = {line["line"]: (line["id"], line["error"]["type"]) for line in said(captured) if "line" in line}
    assert refused == {4: (3, "DuplicateTask"), 8: (7, "UnknownKind"), 10: (9, "FrameTooLarge")}
    assert [line["id"] for line in said(captured) if "task" in line] == [0, 1, 2, 4, 5, 6, 8]
    assert captured.err == ""
    accepted = [each.address for each in (each for part in client.submissions for each in part)]
    assert accepted == [f"counter/{key}" for key in (0, 1, 2, 4, 5, 6, 8)]


async def test_a_circle_is_refused_with_all_that_came_with_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DependencyCycle):
        await handed(Choosy({"counter/3": DependencyCycle("round")}), tmp_path, *(task(key) for key in range(5)))
    assert said(capfd.readouterr()) == []
