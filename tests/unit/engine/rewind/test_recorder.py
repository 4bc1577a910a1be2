"""Once a second the scene is recorded, and each answer that shows it; a disk that takes nothing stops that and nothing else."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from checkpoints.faults import Fault
from checkpoints.simdisk import SimDisk
from engine.errors import EngineStopped, NotRecorded
from engine.rewind import recorder as module
from engine.rewind.recorder import Recorder
from engine.rewind.ring import Ring
from engine.rewind.spec import ANSWERS_BURST, DOCUMENT_BYTES, PENDING
from tests.support.processes import until


class Scene:
    """Counts how often it was looked at."""

    def __init__(self) -> None:
        self.looks = self.seen = 0
        self.error: Exception | None = None
        self.more: dict[str, Any] = {}

    def now(self, *, is_seen: bool = True) -> dict[str, Any]:
        """The next document."""
        if self.error is not None:
            raise self.error
        self.looks += 1
        self.seen += is_seen
        return {"stats": {"time_s": round(time.time(), 3), "looks": self.looks, **self.more}}


class Rig:
    """A recorder, its scene, its disk and what was noted."""

    def __init__(self, files: Any, folder: str, every_s: float) -> None:
        self.scene = Scene()
        self.notes: list[tuple[str, str]] = []
        self.ring = Ring(folder, files)
        self.recorder = Recorder(self.ring, self.scene, lambda name, text: self.notes.append((name, text)), every_s=every_s)


@asynccontextmanager
async def recording(files: Any = None, folder: str = "ring", every_s: float = 0.01) -> AsyncIterator[Rig]:
    rig = Rig(files, folder, every_s)
    rig.recorder.start()
    try:
        yield rig
    finally:
        await rig.recorder.close()


async def test_it_records_at_its_pace_and_what_it_gave_is_what_is_found(tmp_path: Path) -> None:
    async with recording(folder=str(tmp_path)) as rig:
        await until(lambda: rig.scene.looks > 20)
        found = await rig.recorder.past(limit=100)
        assert len(found["instants"]) >= 20
        for time_s in found["instants"]:
            moment = await rig.recorder.at(time_s)
            assert moment.document["stats"]["time_s"] == moment.time_s == time_s
        assert (found["state"], found["reason"], found["every_s"]) == ("recording", "", 0.01)
        assert rig.scene.seen == 0


async def test_an_answer_is_recorded_as_it_was_told(tmp_path: Path) -> None:
    async with recording(folder=str(tmp_path), every_s=3_600) as rig:
        await until(lambda: rig.scene.looks == 1)
        told = []
        for _ in range(ANSWERS_BURST):
            await asyncio.sleep(0.002)
            told.append(rig.recorder.shown())
        for documents in told:
            assert (await rig.recorder.at(documents["stats"]["time_s"])).document == documents
        assert rig.scene.seen == len(told)


async def test_of_answers_without_pause_so_many_are_recorded_and_no_more(tmp_path: Path) -> None:
    async with recording(folder=str(tmp_path), every_s=3_600) as rig:
        for _ in range(ANSWERS_BURST * 5):
            rig.recorder.shown()
            await asyncio.sleep(0.0012)
        assert ANSWERS_BURST - 5 <= (await rig.recorder.past())["count"] <= ANSWERS_BURST + 8


async def test_a_last_document_is_recorded_at_the_end_and_then_nothing(tmp_path: Path) -> None:
    async with recording(folder=str(tmp_path), every_s=3_600) as rig:
        await until(lambda: rig.scene.looks == 1)
        await asyncio.sleep(0.005)
    ring = Ring(tmp_path)
    ring.load()
    assert ring.past()["count"] == rig.scene.looks == 2
    with pytest.raises(NotRecorded):
        await rig.recorder.at()
    assert rig.recorder.shown()["stats"]["looks"] == 3
    ring.load()
    assert ring.past()["count"] == 2


async def test_a_full_disk_stops_the_recording_and_is_said_and_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.1)
    disk = SimDisk()
    async with recording(disk.process()) as rig:
        await until(lambda: rig.recorder.facts()["count"] > 3)
        disk.space_bytes = disk.used_bytes
        await until(lambda: rig.recorder.facts()["state"] == "stopped")
        assert rig.recorder.facts()["reason"] == "No space left on device"
        looks = rig.scene.looks
        await until(lambda: rig.scene.looks > looks + 5)  # who shows it is not held up
        assert (await rig.recorder.at()).document["stats"]["looks"] <= looks
        assert (await rig.recorder.past())["state"] == "stopped"
        disk.space_bytes = None
        await until(lambda: rig.recorder.facts()["state"] == "recording")
        assert rig.notes == [
            ("rewind.stopped", "nothing is recorded: No space left on device"),
            ("rewind.recording", "recording goes on"),
        ]
    ring = Ring("ring", disk.process())
    ring.load()
    assert ring.damage == []


async def test_a_folder_that_cannot_be_had_at_first_is_taken_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.05)
    other = Ring(tmp_path)
    other.open()
    async with recording(folder=str(tmp_path)) as rig:
        await until(lambda: rig.recorder.facts()["state"] == "stopped")
        assert str(os.getpid()) in rig.recorder.facts()["reason"]
        other.close()
        await until(lambda: rig.recorder.facts()["count"] > 2)
        assert rig.recorder.facts()["state"] == "recording"


async def test_a_folder_that_somebody_removes_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shutil import rmtree

    monkeypatch.setattr(module, "RETRY_S", 0.05)
    async with recording(folder=str(tmp_path / "rewind")) as rig:
        await until(lambda: rig.recorder.facts()["count"] > 3)
        rmtree(tmp_path / "rewind")
        await until(lambda: rig.recorder.facts()["state"] == "stopped")
        await until(lambda: rig.recorder.facts()["state"] == "recording" and rig.recorder.facts()["count"] > 2)
        assert list((tmp_path / "rewind").glob("*.rewind"))


async def test_a_disk_that_does_not_come_on_is_not_waited_for() -> None:
    disk = SimDisk()
    gate = threading.Event()
    process = disk.process()
    io = process.io

    def held(kind: str, *given: Any, **named: Any) -> Any:
        if kind == "write":
            gate.wait(10)
        return io(kind, *given, **named)

    process.io = held  # type: ignore[method-assign,assignment]
    async with recording(process) as rig:
        await until(lambda: rig.scene.looks > PENDING + 5)
        assert rig.recorder.facts()["state"] == "stopped"
        assert rig.recorder.facts()["reason"] == "the disk takes too long"
        gate.set()
        await until(lambda: rig.recorder.facts()["state"] == "recording")


async def test_a_document_that_is_too_large_is_told_and_its_asker_has_it(tmp_path: Path) -> None:
    async with recording(folder=str(tmp_path), every_s=3_600) as rig:
        await until(lambda: rig.scene.looks == 1)
        rig.scene.more = {"text": "x" * DOCUMENT_BYTES}
        await asyncio.sleep(0.002)
        assert len(rig.recorder.shown()["stats"]["text"]) == DOCUMENT_BYTES
        assert "16,777,216" in rig.recorder.facts()["reason"]
        rig.scene.more = {}
        await asyncio.sleep(0.002)
        rig.recorder.shown()
        await until(lambda: rig.recorder.facts()["state"] == "recording")


async def test_while_the_engine_ends_nothing_is_recorded_and_nothing_is_said(tmp_path: Path) -> None:
    async with recording(folder=str(tmp_path)) as rig:
        await until(lambda: rig.recorder.facts()["count"] > 1)
        rig.scene.error = EngineStopped("it ends")
        await asyncio.sleep(0.05)
        assert rig.recorder.facts()["state"] == "recording"
    assert rig.notes == []


async def test_what_nobody_foresaw_is_said(tmp_path: Path) -> None:
    async with recording(folder=str(tmp_path)) as rig:
        rig.scene.error = ZeroDivisionError("oh")
        await until(lambda: rig.recorder.facts()["state"] == "stopped")
        assert rig.recorder.facts()["reason"] == "internal error, ZeroDivisionError: oh"
    assert (tmp_path / "LOCK").exists()  # and it ends as it should


async def test_a_write_that_fails_otherwise_is_said_too() -> None:
    disk = SimDisk()
    async with recording(disk.process()) as rig:
        await until(lambda: rig.recorder.facts()["count"] > 1)
        disk.faults.append(Fault(path=".rewind", kinds=("write",), error=errno.EIO))
        await until(lambda: rig.recorder.facts()["state"] == "stopped")
        assert rig.recorder.facts()["reason"] == os.strerror(errno.EIO)
