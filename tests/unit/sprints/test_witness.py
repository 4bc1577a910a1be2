"""Who looks before and after: an honest task is done, a lie of any kind is not."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sprints import age
from sprints.item import Item
from sprints.outcome import Outcome
from sprints.receipt import Receipt
from sprints.witness import Witness


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[tuple[Path, Witness]]:
    folder = tmp_path / "work"
    folder.mkdir()
    async with Witness(str(folder), checkers=1) as witness:
        yield folder, witness


def item(name: str = "t1", **facts: Any) -> Item:
    return Item(name, name, "maker", "make", **facts)


def answer(name: str = "t1", value: Any = None, **facts: Any) -> Outcome:
    return Outcome(name, True, value, agent="maker/1", **facts)


def aged(path: Path) -> None:
    """Return once a file that is made now would be younger than this one, beyond doubt."""
    until_ns = path.stat().st_mtime_ns + 2 * age.TICK_NS
    while time.time_ns() < until_ns:
        time.sleep(0.01)


async def receipt(witness: Witness, one: Item, outcome: Outcome) -> Receipt:
    return (await witness.receipts([(one, outcome)]))[0]


async def test_an_honest_task_is_done(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    one = item(artifacts=("out/a.txt",), check={"expr": "size", "equals": 5})
    assert witness.begin([one]) == {}
    (folder / "out").mkdir()
    (folder / "out" / "a.txt").write_text("hello")
    got = await receipt(witness, one, answer(value={"size": 5}))
    assert (got.verdict, got.why, got.check) == ("done", None, "expr size")
    assert [(made.path, made.size_bytes) for made in got.artifacts] == [("out/a.txt", 5)]
    assert (await receipt(witness, item("t2"), answer("t2", effects={"steps": 1}))).verdict == "done"


async def test_each_of_the_lies_is_seen(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    (folder / "stale.txt").write_text("from yesterday")
    (folder.parent / "outside.txt").write_text("x")
    lies = {
        "check": item("check", check={"expr": "@"}),
        "missing": item("missing", artifacts=("missing.txt",)),
        "stale": item("stale", artifacts=("stale.txt",)),
        "idle": item("idle"),
        "outside": item("outside", artifacts=("link.txt",)),
        "above": item("above", artifacts=("../outside.txt",)),
    }
    before = witness.begin(lies.values())
    assert list(before) == ["stale.txt"]
    (folder / "link.txt").symlink_to(folder.parent / "outside.txt")
    effects = {"fields": 1}
    outcomes = [answer(name, False, effects={} if name == "idle" else effects) for name in lies]
    got = await witness.receipts(list(zip(lies.values(), outcomes, strict=True)))
    assert {one.item: one.verdict for one in got} == dict.fromkeys(lies, "unproven") | {"check": "failed"}
    assert all(one.why for one in got)


async def test_what_was_found_wrong_where_it_was_done_is_no_evidence(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    one = item(artifacts=("a", "b"))
    witness.begin([one])
    for name in ("a", "b"):
        (folder / name).write_text(name)
    got = await receipt(witness, one, answer(wrong={"b": "was there before"}))
    assert (got.verdict, got.why, [made.path for made in got.artifacts]) == ("unproven", "b was there before", ["a"])


async def test_an_artifact_of_another_task_is_no_evidence(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    first, second, third = item("t1", artifacts=("a",)), item("t2", artifacts=("a",)), item("t3", artifacts=("c",))
    witness.begin([first, second, third])
    (folder / "a").write_text("made by t1")
    os.link(folder / "a", folder / "c")
    got = await witness.receipts([(first, answer("t1")), (second, answer("t2")), (third, answer("t3"))])
    assert [one.verdict for one in got] == ["done", "unproven", "unproven"]
    assert got[1].why == "a is as t1 wrote it"
    assert got[2].why == "c is the same file as a of t1"


async def test_tasks_that_write_one_file_after_each_other_are_both_done(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    first, second = item("t1", artifacts=("log",)), item("t2", artifacts=("log",))
    witness.begin([first])
    (folder / "log").write_text("one\n")
    assert (await receipt(witness, first, answer("t1"))).verdict == "done"
    assert list(witness.begin([second])) == ["log"]
    with (folder / "log").open("a") as file:
        file.write("two\n")
    assert (await receipt(witness, second, answer("t2"))).verdict == "done"


async def test_a_file_that_took_the_place_of_one_that_is_gone_is_its_own(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    first, second = item("t1", artifacts=("a",)), item("t2", artifacts=("b",))
    witness.begin([first, second])
    (folder / "a").write_text("x")
    assert (await receipt(witness, first, answer("t1"))).verdict == "done"
    (folder / "a").rename(folder / "b")  # the same inode, as where a file that is gone has left its number
    (folder / "b").write_text("y")
    assert (await receipt(witness, second, answer("t2"))).verdict == "done"


async def test_what_was_there_before_is_known_after_a_restart(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    (folder / "stale").write_text("old")
    stale, written = item("t1", artifacts=("stale",)), item("t2", artifacts=("new",))
    before = witness.begin([stale, written])
    (folder / "new").write_text("x")
    async with Witness(str(folder), checkers=1) as another:
        another.resume({"e": "dispatched", "items": ["t1", "t2"], "before": before})
        got = await another.receipts([(stale, answer("t1")), (written, answer("t2"))])
        assert [one.verdict for one in got] == ["unproven", "done"]
        another.resume({"e": "receipt"} | got[1].facts())
    async with Witness(str(folder), checkers=1) as third:
        third.resume({"e": "receipt"} | got[1].facts())
        thief = item("t3", artifacts=("new",))
        assert (await receipt(third, thief, answer("t3"))).why == "new is as t2 wrote it"


def turn(way: str, old: Path, new: Path) -> None:
    """Have an old file as a new one, without writing anything."""
    {"rename": os.rename, "link": os.link}[way](old, new)


@pytest.mark.parametrize("way", ["rename", "link"])
@pytest.mark.parametrize("is_outside", [False, True])
async def test_an_older_file_in_a_new_place_is_no_evidence(scene: tuple[Path, Witness], way: str, is_outside: bool) -> None:
    folder, witness = scene
    old = (folder.parent if is_outside else folder) / "old"
    old.write_text("from before")
    aged(old)
    one = item(artifacts=("new",))
    witness.begin([one])
    turn(way, old, folder / "new")
    got = await receipt(witness, one, answer(effects={"fields": 1}))
    assert (got.verdict, got.why) == ("unproven", "new was made and written before its task began")


async def test_a_copy_with_the_time_of_its_original_is_evidence(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    (folder / "old").write_text("from before")
    os.utime(folder / "old", (1, 1))
    one = item(artifacts=("new",))
    witness.begin([one])
    shutil.copy2(folder / "old", folder / "new")
    assert (folder / "new").stat().st_mtime == 1
    assert (await receipt(witness, one, answer())).verdict == "done"


async def test_a_file_that_is_only_touched_is_stale_and_one_that_is_written_as_it_was_is_not(
    scene: tuple[Path, Witness],
) -> None:
    folder, witness = scene
    names = ("touched", "written", "replaced", "emptied", "dated")
    items = [item(name, artifacts=(name,)) for name in names]
    for name in names:
        (folder / name).write_text("as ever")
        os.utime(folder / name, (1, 1))
    witness.begin(items)
    for name in ("written", "emptied"):
        (folder / name).write_text("as ever")
    (folder / "draft").write_text("as ever")
    (folder / "draft").rename(folder / "replaced")
    os.utime(folder / "touched")
    (folder / "dated").write_text("as never, with the time from before")
    os.utime(folder / "dated", (1, 1))
    got = await witness.receipts([(one, answer(one.id, effects={"fields": 1})) for one in items])
    assert [one.verdict for one in got] == ["unproven", "done", "done", "done", "done"]
    assert got[0].why == "touched was there before, and was touched, not written, since"


async def test_a_clock_that_is_set_makes_no_honest_file_old(
    scene: tuple[Path, Witness], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, witness = scene
    one = item(artifacts=("a",))
    place = os.open(folder, os.O_RDONLY)
    began = age.moment_in(place)
    os.close(place)
    assert began is not None
    monkeypatch.setattr("sprints.witness.moment_in", lambda _: began._replace(file_ns=began.file_ns + 3_600 * 10**9))
    witness.begin([one])
    monkeypatch.undo()
    (folder / "a").write_text("made after the clock went back by an hour")
    assert (await receipt(witness, one, answer())).verdict == "done"


async def test_a_retry_of_the_same_task_keeps_its_artifact(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    one = item(artifacts=("a",))
    witness.begin([one])
    (folder / "a").write_text("x")
    assert (await receipt(witness, one, answer())).verdict == "done"
    assert (await receipt(witness, one, answer())).verdict == "done"


async def test_who_failed_is_not_looked_at(scene: tuple[Path, Witness]) -> None:
    _, witness = scene
    one = item(artifacts=("a",), check={"expr": "@"})
    got = await receipt(witness, one, Outcome("t1", False, error_type="ValueError", error="no"))
    assert (got.verdict, got.check, got.artifacts) == ("failed", None, ())


async def test_a_work_folder_that_is_renamed_is_still_the_same(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    one = item(artifacts=("a",))
    witness.begin([one])
    (folder / "a").write_text("x")
    shutil.move(folder, folder.parent / "moved")
    assert (await receipt(witness, one, answer())).verdict == "done"


async def test_thousands_come_back_in_their_order(scene: tuple[Path, Witness]) -> None:
    folder, witness = scene
    items = [item(f"t{number}", artifacts=(f"{number}.txt",), check={"expr": "@"}) for number in range(2_000)]
    witness.begin(items)
    for number in range(0, 2_000, 2):
        (folder / f"{number}.txt").write_text(str(number))
    got = await witness.receipts([(one, answer(one.id, 1)) for one in items])
    assert [one.item for one in got] == [one.id for one in items]
    assert [one.verdict for one in got] == ["done", "unproven"] * 1_000


async def test_a_work_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Witness(str(tmp_path / "none"))
