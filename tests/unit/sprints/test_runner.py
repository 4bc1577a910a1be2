"""A sprint is run to its end: what follows from an event happens when that is on the disk, and a killed one goes on."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from checkpoints.files import Disk
from sprints import runner as module
from sprints.errors import CheckerFailed
from sprints.hook import Hook
from sprints.item import Item
from sprints.ledger import lines_of
from sprints.outcome import Outcome
from sprints.verification import verify
from tests.support.sprinting import Answers, Rig, document, done

PHASES = ["plan", "exec", "test", "ship"]


def writing(folder: Path) -> Answers:
    """Agents that write what they are to write."""

    def deed(item: Item) -> Outcome:
        for path in item.artifacts:
            (folder / "work" / path).write_text(f"{item.id} wrote this")
        return done(item)

    return Answers(deed)


async def test_items_are_done_in_order_checked_and_shipped_and_the_ledger_says_so(tmp_path: Path) -> None:
    tasks = [
        {"id": "late", "after": ["first"], "artifacts": ["late.txt"]},
        {"id": "first", "artifacts": ["first.txt"], "check": {"command": ["test", "-s", "first.txt"]}},
        {"id": "wrong", "args": [1], "check": {"expr": "[0]", "equals": 2}},
        {"id": "lies", "artifacts": ["never.txt"]},
    ]
    agents = writing(tmp_path)
    agents.deed = lambda item: done(item) if item.id in ("wrong", "lies") else writing(tmp_path).deed(item)
    rig = Rig(tmp_path, document(*tasks), agents)
    await rig.run()
    assert [event["phase"] for event in rig.told("phase")] == PHASES
    verdicts = {event["item"]: event["verdict"] for event in rig.told("receipt")}
    assert verdicts == {"first": "done", "late": "done", "wrong": "failed", "lies": "unproven"}
    assert agents.sent.index("first") < agents.sent.index("late")
    (shipped,) = rig.told("shipped")
    assert sorted(shipped["items"]) == ["first", "late"]
    assert (tmp_path / "releases" / "current" / "files" / "late.txt").read_text() == "late wrote this"
    assert rig.told("ended")[0]["counts"]["done"] == 2
    assert verify(rig.archive.path(rig.id), sprint=rig.id, is_over=True) == []


async def test_nothing_is_done_before_what_says_so_is_on_the_disk(tmp_path: Path) -> None:
    seen: list[bool] = []

    class Watching(Answers):
        async def send(self, items, *, is_again):  # type: ignore[no-untyped-def]
            lines = [line.facts for line in lines_of(Disk(), f"{rig.archive.path(rig.id)}/ledger.jsonl", rig.id)]
            known = {name for facts in lines if facts["e"] == "dispatched" for name in facts["items"]}
            seen.append({item.id for item in items} <= known and rig.ledger.synced == rig.ledger.number)
            await super().send(items, is_again=is_again)

    rig = Rig(tmp_path, document({"id": "a"}, {"id": "b", "after": ["a"]}), Watching())
    await rig.run()
    assert seen == [True, True]


async def test_a_killed_sprint_goes_on_in_its_phase_and_asks_again_only_for_what_has_no_receipt(tmp_path: Path) -> None:
    row = document(*({"id": f"t{at}", "artifacts": [f"t{at}.txt"]} for at in range(6)))
    whole = writing(tmp_path)
    agents = Answers(lambda item: whole.deed(item) if item.id in ("t0", "t1", "t2") else None)
    rig = Rig(tmp_path, row, agents, speed=1.0)
    running = asyncio.create_task(rig.runner.run())
    async with asyncio.timeout(10):
        while len(rig.told("receipt")) < 3:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await rig.close()
    second = Rig(tmp_path, row, writing(tmp_path), sprint=rig.id)
    await second.run()
    assert sorted(second.agents.again) == ["t3", "t4", "t5"] == sorted(second.agents.sent)
    told = [event["e"] for event in second.archive.events(rig.id)]
    assert told.count("sprint") == 1
    assert told.count("receipt") == 6
    assert [event["phase"] for event in second.archive.events(rig.id) if event["e"] == "phase"] == PHASES
    (shipped,) = second.told("shipped")
    assert sorted(shipped["items"]) == [f"t{at}" for at in range(6)]
    assert verify(rig.archive.path(rig.id), is_over=True) == []


async def test_what_is_late_is_taken_back_and_carried(tmp_path: Path) -> None:
    agents = Answers(lambda item: None if item.id == "slow" else done(item))
    rig = Rig(tmp_path, document({"id": "slow"}, {"id": "quick"}, {"id": "behind", "after": ["slow"]}), agents, speed=20_000.0)
    await rig.run()
    assert agents.recalled == ["slow"]
    carried = {name: event["why"] for event in rig.told("carried") for name in event["items"]}
    assert set(carried) == {"slow", "behind"}
    assert rig.told("ended")[0]["counts"]["done"] == 1


async def test_a_slow_check_holds_up_nobody_elses_receipt(tmp_path: Path) -> None:
    tasks = [
        {"id": "slow", "check": {"command": ["sleep", "30"], "timeout_s": 1}},
        {"id": "plain"},
        {"id": "next", "after": ["plain"]},
    ]
    rig = Rig(tmp_path, document(*tasks), Answers(), speed=20.0)
    await rig.run()
    assert [event["item"] for event in rig.told("receipt")] == ["plain", "next", "slow"]
    assert "longer than 1 s" in rig.told("receipt")[2]["why"]


async def test_a_hook_that_fails_and_one_that_is_late_leave_the_release_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = document({"id": "a", "artifacts": ["a.txt"]})
    rig = Rig(tmp_path, row, writing(tmp_path), hooks=[Hook(command=("false",))])
    await rig.run()
    assert "false" in rig.told("not_shipped")[0]["why"]
    monkeypatch.setattr("sprints.shipper.HOOK_LEAST_S", 0.2)
    again = Rig(tmp_path, row, writing(tmp_path), hooks=[Hook(command=("sleep", "30"))])
    began_s = time.monotonic()
    await again.run()
    assert time.monotonic() - began_s < 10
    assert not again.told("shipped")
    assert not (tmp_path / "releases" / "current").exists()


async def test_a_sprint_is_paused_resumed_and_aborted_from_outside(tmp_path: Path) -> None:
    rig = Rig(tmp_path, document({"id": "a"}, {"id": "b", "after": ["a"]}), Answers(lambda item: None), speed=1.0)
    running = asyncio.create_task(rig.run())
    async with asyncio.timeout(10):
        while not rig.agents.sent:
            await asyncio.sleep(0.01)
        await rig.runner.pause()
        while not rig.told("paused"):
            await asyncio.sleep(0.01)
        assert rig.runner.sprint.is_paused
        await rig.runner.resume()
        while not rig.told("resumed"):
            await asyncio.sleep(0.01)
        await rig.runner.abort("as told")
        await running
    assert rig.told("aborted")[0]["why"] == "as told"
    assert rig.agents.recalled == ["a"]
    assert {name for event in rig.told("carried") for name in event["items"]} == {"a", "b"}


async def test_without_a_process_for_checks_an_item_is_unproven_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    rig = Rig(tmp_path, document({"id": "a"}), Answers())
    tried = []

    async def fail(_answered: object) -> list[object]:
        tried.append(1)
        raise CheckerFailed("no process")

    monkeypatch.setattr(rig.witness, "receipts", fail)
    await rig.run()
    (receipt,) = rig.told("receipt")
    assert (receipt["verdict"], len(tried)) == ("unproven", 3)
    assert "no process" in receipt["why"]


async def test_a_defect_of_a_part_ends_the_run_and_is_not_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(tmp_path, document({"id": "a"}), Answers(), speed=1.0)

    async def fail(_answered: object) -> list[object]:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(rig.witness, "receipts", fail)
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(10):
            await rig.run()


async def test_a_full_disk_holds_the_sprint_up_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    full = [2]

    class FullDisk(Disk):
        """A disk that is full for the first writes of the ledger."""

        def create(self, path: str):  # type: ignore[no-untyped-def]
            file = super().create(path)
            if not path.endswith("ledger.jsonl"):
                return file
            write = file.write

            def refuse(data: bytes) -> None:
                if full[0]:
                    full[0] -= 1
                    raise OSError(28, "No space left on device")
                write(data)

            monkeypatch.setattr(file, "write", refuse)
            return file

    rig = Rig(tmp_path, document({"id": "a"}), Answers(), files=FullDisk())
    await rig.run()
    assert full == [0]
    assert verify(rig.archive.path(rig.id), is_over=True) == []
    assert rig.told("receipt")[0]["verdict"] == "done"
