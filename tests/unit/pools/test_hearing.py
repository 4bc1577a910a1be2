"""What comes through the pipe of the workers: events, and lines of whatever else writes there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import orjson
import pytest

from pools.events import Event
from pools.hearing import BURST_BYTES, LINE_BYTES, RATE_BYTES, TURN_BYTES, Hearing

EVENT = Event("agent.print", "x", 7.5, "info")


class Rig:
    """An ear, and what it has heard."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.hearing = Hearing(lambda: self.now_s, lambda: 5.0)
        self.events: list[Event] = []
        self.hearing.on_event = self.events.append

    def write(self, data: bytes) -> None:
        for at in range(0, len(data), TURN_BYTES):
            os.write(self.hearing.descriptor, data[at : at + TURN_BYTES])
            self.hearing.hear()
        while self.hearing.hear():
            pass

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.events]


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.hearing.close()


def piece(body: bytes, number: int = 0, *, is_last: bool = True, process: bytes = b"1f") -> bytes:
    return b"\x1e%s,%x%s%s\n" % (process, number, b"." if is_last else b"+", body)


def test_an_event_is_heard_as_it_was_said(rig: Rig) -> None:
    rig.write(piece(orjson.dumps(tuple(EVENT))))
    assert rig.events == [EVENT]


def test_its_pieces_are_put_together_whatever_others_say_between(rig: Rig) -> None:
    one, two = orjson.dumps(tuple(EVENT)), orjson.dumps(tuple(EVENT._replace(text="other")))
    rig.write(piece(one[:9], is_last=False) + piece(two, process=b"2a") + b"raw\n" + piece(one[9:], 1))
    assert rig.texts == ["other", "raw", "x"]


def test_a_piece_whose_beginning_was_lost_is_nothing(rig: Rig) -> None:
    rig.write(piece(b"half", 1) + piece(b"[1", is_last=False) + piece(orjson.dumps(tuple(EVENT))))
    assert rig.events == [EVENT]


def test_a_line_that_was_written_past_the_interpreter_is_an_event_of_nobody(rig: Rig) -> None:
    rig.write(b"Fatal Python error\nand\xff\n")
    assert rig.events[0] == Event("worker.output", "Fatal Python error", 5.0, "info")
    assert rig.texts[1] == "and\\xff"


def test_a_begun_line_before_an_event_is_a_line(rig: Rig) -> None:
    rig.write(b"begun" + piece(orjson.dumps(tuple(EVENT))) + b"rest\n")
    assert rig.texts == ["begun", "x", "rest"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'["a"]', b"null", b'["n","t","no time","","","","","","",""]', b'["n",5,7.5]', b'["n","t",1.5,"x"]'],
)
def test_what_only_looks_like_an_event_is_a_line(rig: Rig, body: bytes) -> None:
    rig.write(piece(body) + piece(orjson.dumps(tuple(EVENT))))
    assert [event.name for event in rig.events] == ["worker.output", "agent.print"]


@pytest.mark.parametrize("line", [b"\x1e", b"\x1e,", b"\x1ezz,0.", b"\x1e1f,zz.x", b"\x1e1f", b"\x1e1f,"])
def test_a_mark_alone_is_a_line_at_most(rig: Rig, line: bytes) -> None:
    rig.write(line + b"\n" + piece(orjson.dumps(tuple(EVENT))))
    assert rig.events[-1] == EVENT


def test_a_line_without_an_end_is_bounded(rig: Rig) -> None:
    rig.write(b"." * (3 * LINE_BYTES) + b"\n")
    assert sum(map(len, rig.texts)) == 3 * LINE_BYTES
    assert len(rig.hearing._rest) <= LINE_BYTES


def test_beyond_what_programs_may_write_lines_are_dropped_counted_and_told(rig: Rig) -> None:
    count = BURST_BYTES // 1_000 + 1_000
    for _ in range(count):
        rig.write(b"." * 999 + b"\n")
    kept = len(rig.events)
    assert kept < count
    rig.write(piece(orjson.dumps(tuple(EVENT))))  # workers have a limit of their own
    assert rig.events[-1] == EVENT
    rig.now_s += 2
    rig.write(b"again\n")
    assert rig.texts[-2] == "again"
    assert rig.texts[-1].startswith(f"{count - kept:,} lines that programs wrote")
    assert f"{RATE_BYTES // 1024} KiB a second" in rig.texts[-1]


async def test_it_hears_in_a_loop(rig: Rig) -> None:
    rig.hearing.watch(asyncio.get_running_loop())
    os.write(rig.hearing.descriptor, b"one\n")
    async with asyncio.timeout(5):
        while not rig.events:
            await asyncio.sleep(0.005)
    assert rig.texts == ["one"]
    rig.hearing.close()


def test_the_end_hears_what_is_left_and_comes_twice_without_harm(rig: Rig) -> None:
    os.write(rig.hearing.descriptor, b"one\nhalf")
    rig.hearing.close()
    rig.hearing.close()
    assert rig.texts == ["one", "half"]
