"""What tasks build on, brought to a node: as it was made, once, and never as if it had been made there."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cluster.chest import NotThere
from engine.cluster.inputs import Input
from engine.cluster.supplies import InputMissing, Supplies, Unsupplied

MADE_S = 1_000_000.25


class FakeChest:
    """Files by their sha256, in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.got: list[str] = []
        self.error: Exception | None = None

    async def has(self, sha256: str) -> bool:
        return sha256 in self.files

    async def put(self, sha256: str, descriptor: int, size_bytes: int) -> None:
        data = os.pread(descriptor, size_bytes, 0)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise NotThere("was written while it was read")
        self.files[sha256] = data

    async def read(self, sha256: str, _most_bytes: int) -> bytes:
        if sha256 not in self.files:
            raise NotThere("no such file")
        return self.files[sha256]

    async def get(self, sha256: str, folder: int, path: str, made_ns: int | None = None) -> None:
        if self.error is not None:
            raise self.error
        data = await self.read(sha256, 0)
        self.got.append(path)
        (parent := Path(f"/proc/self/fd/{folder}", path).parent).mkdir(parents=True, exist_ok=True)
        place = parent / Path(path).name
        place.write_bytes(data)
        if made_ns is not None:
            os.utime(place, ns=(made_ns, made_ns))


class Two:
    """A node that drives, and one that does."""

    def __init__(self, folder: Path) -> None:
        self.chest = FakeChest()
        chest: Any = self.chest
        self.said: list[str] = []
        self.work = [folder / name / "work" for name in ("n1", "n2")]
        for work in self.work:
            work.mkdir(parents=True)
        self.driving, self.doing = (Supplies(chest, work.parent, self.said.append) for work in self.work)

    def made(self, path: str, text: str) -> Input:
        """A file that the driver has, and the servers do not yet."""
        file = self.work[0] / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return Input(path, hashlib.sha256(text.encode()).hexdigest(), len(text), MADE_S)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    before = set(os.listdir("/proc/self/fd"))
    yield made
    assert set(os.listdir("/proc/self/fd")) <= before


async def test_files_come_as_they_were_made_and_what_is_there_is_let_be(two: Two) -> None:
    inputs = [two.made("a", "A"), two.made("deep/er/b", "B")]
    reference = await two.driving.keep("work", inputs)
    assert await two.driving.keep("work", inputs) == reference
    await two.doing.have(reference)
    assert (two.work[1] / "deep/er/b").read_text() == "B"
    assert (two.work[1] / "a").stat().st_mtime == MADE_S, "it was written here, as far as can be seen"
    await two.doing.have(reference)
    assert sorted(two.chest.got) == ["a", "deep/er/b"]

    (two.work[1] / "a").write_text("changed")
    (two.work[1] / "deep/er/b").unlink()
    await two.doing.have(reference)
    assert [(two.work[1] / path).read_text() for path in ("a", "deep/er/b")] == ["A", "B"]
    assert len(two.chest.got) == 4


async def test_what_is_from_the_future_is_from_now(two: Two) -> None:
    one = two.made("a", "A")._replace(made_s=time.time() + 1e6)
    await two.doing.have(await two.driving.keep("work", [one]))
    assert (two.work[1] / "a").stat().st_mtime <= time.time()


async def test_what_the_servers_have_no_more_comes_from_who_drives_or_is_named(two: Two) -> None:
    here, changed, gone = two.made("here", "H"), two.made("changed", "C"), two.made("gone", "G")
    (two.work[0] / "changed").write_text("other")
    (two.work[0] / "gone").unlink()
    await two.doing.have(await two.driving.keep("work", [here]))
    for missing in (changed, gone):
        with pytest.raises(InputMissing, match=f"{missing.path}, on which this task builds, is not to be had"):
            await two.doing.have(await two.driving.keep("work", [here, missing]))
    with pytest.raises(InputMissing, match="the list of what this task builds on"):
        await two.doing.have("0" * 64)


async def test_a_node_that_cannot_take_them_says_so_once_and_lets_another_do_it(two: Two) -> None:
    reference = await two.driving.keep("work", [two.made("a", "A")])
    two.chest.error = OSError(28, "No space left on device")
    for _ in range(2):
        with pytest.raises(Unsupplied):
            await two.doing.have(reference)
    assert two.said == ["what a task builds on cannot be written here: [Errno 28] No space left on device"]
    two.chest.error = TimeoutError("the servers take long")
    with pytest.raises(TimeoutError):
        await two.doing.have(reference)
    two.chest.error = None
    await two.doing.have(reference)


async def test_what_is_a_link_is_no_input(two: Two) -> None:
    reference = await two.driving.keep("work", [two.made("a", "A")])
    outside = two.work[1].parent / "outside"
    outside.write_text("A")
    (two.work[1] / "a").symlink_to(outside)
    await two.doing.have(reference)
    assert two.chest.got == ["a"]
