"""Lines come as they are written, in bounded memory, without holding up the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.intake import AHEAD, CHUNK_BYTES, Intake, TooLong


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The reading and the writing end of a pipe."""
    ends = list(os.pipe())
    yield ends[0], ends[1]
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


async def every_line(intake: Intake) -> list[bytes | TooLong]:
    async with asyncio.timeout(20):
        return [line async for lines in intake.lines() for line in lines]


def opened(tmp_path: Path, text: bytes) -> int:
    file = tmp_path / "lines"
    file.write_bytes(text)
    return os.open(file, os.O_RDONLY)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\nb", [b"a", b"b"]),
        (b"\n\na\n", [b"", b"", b"a"]),
        (b"a\r\nb\r\n", [b"a\r", b"b\r"]),
    ],
)
async def test_a_file_is_cut_into_its_lines(tmp_path: Path, text: bytes, lines: list[bytes]) -> None:
    assert await every_line(Intake(opened(tmp_path, text))) == lines


async def test_lines_that_reach_over_chunks_are_whole(tmp_path: Path) -> None:
    lines = [str(number).encode() * (number % 50 + 1) for number in range(30_000)]
    text = b"\n".join(lines)
    assert len(text) > 3 * CHUNK_BYTES
    intake = Intake(opened(tmp_path, text))
    assert await every_line(intake) == lines
    assert intake.read_bytes == len(text)


async def test_a_line_is_given_on_before_the_next_one_is_written(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    lines = Intake(reading).lines()
    for text in (b"one", b"two"):
        os.write(writing, text + b"\n")
        async with asyncio.timeout(20):
            assert await anext(lines) == [text]
    os.write(writing, b"half")
    os.close(writing)
    async with asyncio.timeout(20):
        assert await anext(lines) == [b"half"]
        assert [more async for more in lines] == []


async def test_a_line_that_is_too_long_is_passed_over_and_not_kept(tmp_path: Path) -> None:
    long = b"x" * (3 * CHUNK_BYTES)
    found = await every_line(Intake(opened(tmp_path, b"a\n" + long + b"\nb\n" + long), most_bytes=1_000))
    assert [type(line) for line in found] == [bytes, TooLong, bytes, TooLong]
    assert [line for line in found if isinstance(line, bytes)] == [b"a", b"b"]


async def test_a_line_of_the_most_bytes_is_read(tmp_path: Path) -> None:
    found = await every_line(Intake(opened(tmp_path, b"x" * 10 + b"\n" + b"y" * 11 + b"\nz"), most_bytes=10))
    assert [type(line) for line in found] == [bytes, TooLong, bytes]


async def test_no_more_is_read_ahead_than_some_chunks(tmp_path: Path) -> None:
    descriptor = opened(tmp_path, b"x\n" * (CHUNK_BYTES * 10))
    lines = Intake(descriptor).lines()
    async with asyncio.timeout(20):
        await anext(lines)
        while (at := os.lseek(descriptor, 0, os.SEEK_CUR)) < (AHEAD + 1) * CHUNK_BYTES:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    assert at == os.lseek(descriptor, 0, os.SEEK_CUR) == (AHEAD + 1) * CHUNK_BYTES


async def test_a_closed_intake_ends_although_nothing_comes(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.write(writing, b"one\nhalf")
    intake = Intake(reading)
    lines = intake.lines()
    async with asyncio.timeout(20):
        assert await anext(lines) == [b"one"]
        intake.close()
        assert [more async for more in lines] == []


async def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(IsADirectoryError):
        await every_line(Intake(descriptor))
    os.close(descriptor)
