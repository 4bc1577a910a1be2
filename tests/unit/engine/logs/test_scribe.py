"""Who tells an event goes on at once; what cannot be written is counted and told."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from engine.logkeys import LogSpec
from engine.logs import scribe as module
from engine.logs.levels import Levels
from engine.logs.line import read_lines
from engine.logs.scribe import Scribe, note, scribe
from pools.events import Event


class Paper:
    """Something to write on that may be slow, or full."""

    def __init__(self) -> None:
        self.text = b""
        self.is_full = self.is_closed = False
        self.goes_on = threading.Event()
        self.goes_on.set()

    def write(self, lines: bytes) -> None:
        self.goes_on.wait(10)
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.text += lines

    def close(self) -> None:
        self.is_closed = True

    @property
    def events(self) -> list[Event]:
        return list(read_lines(self.text.decode().splitlines()))


def said(text: str, level: str = "info") -> Event:
    return Event("agent.print", text, 100.0, level)


def made(paper: Paper, form: str = "text", level: str = "info") -> Scribe:
    return Scribe(paper, form, "main", Levels(level))


def wait_for(condition: object) -> None:
    deadline_s = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline_s:  # type: ignore[operator]
        time.sleep(0.002)
    assert condition()  # type: ignore[operator]


def test_what_is_told_is_written_in_order_and_all_of_it_at_the_end() -> None:
    paper = Paper()
    log = made(paper)
    for number in range(5_000):
        log.put(said(str(number)))
    log.close()
    assert [event.text for event in paper.events] == [str(number) for number in range(5_000)]
    assert (log.written, log.dropped, paper.is_closed) == (5_000, 0, True)


def test_what_matters_too_little_is_not_written() -> None:
    paper = Paper()
    log = made(paper, level="warning")
    log.put(said("no"))
    log.put(said("yes", "error"))
    log.close()
    assert [event.text for event in paper.events] == ["yes"]


def test_json_is_an_object_a_line() -> None:
    paper = Paper()
    log = made(paper, "json")
    log.put(said("one\ntwo"))
    log.close()
    assert json.loads(paper.text)["text"] == "one\ntwo"


def test_a_slow_disk_keeps_nobody_waiting_and_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_CHARS", 10_000)
    paper = Paper()
    paper.goes_on.clear()
    log = made(paper)
    began_s = time.monotonic()
    for number in range(1_000):
        log.put(said(str(number)))
    assert time.monotonic() - began_s < 1
    assert log.dropped > 800
    paper.goes_on.set()
    wait_for(lambda: not log._waiting)
    log.put(said("after"))
    log.close()
    told = next(event for event in paper.events if event.name == "log.dropped")
    assert "events are missing here" in told.text
    missing = [int(one.text.split()[0].replace(",", "")) for one in paper.events if one.name == "log.dropped"]
    assert sum(missing) == log.dropped
    assert paper.events[-1].text == "after"


def test_a_full_disk_harms_nobody_and_is_told_when_there_is_room() -> None:
    paper = Paper()
    log = made(paper)
    paper.is_full = True
    log.put(said("lost"))
    wait_for(lambda: log.dropped == 1)
    paper.is_full = False
    log.put(said("kept"))
    log.close()
    assert [event.name for event in paper.events] == ["log.dropped", "agent.print"]
    assert "1 events are missing here: [Errno 28] No space left on device" in paper.events[0].text
    assert log.written == 1


def test_every_line_goes_to_another_descriptor_too() -> None:
    ours, theirs = os.pipe()
    paper = Paper()
    log = Scribe(paper, "text", "main", Levels(), theirs)
    log.put(said("both"))
    log.close()
    assert os.read(ours, 1_000) == paper.text
    for end in (ours, theirs):
        os.close(end)


def test_an_end_without_a_beginning() -> None:
    paper = Paper()
    log = made(paper)
    log.close()
    log.put(said("late"))
    assert (paper.text, paper.is_closed, log.dropped) == (b"", True, 1)


def test_the_log_of_a_daemon_takes_its_output_too(tmp_path: Path) -> None:
    out, error = os.dup(1), os.dup(2)
    try:
        log = scribe(tmp_path / "x", LogSpec(), "main", None)
        log.put(said("first"))
        wait_for(lambda: log.written == 1)
        os.write(2, b"Traceback\n")
        log.close()
    finally:
        os.dup2(out, 1)
        os.dup2(error, 2)
        os.close(out)
        os.close(error)
    assert (tmp_path / "x").read_text().endswith(": first\nTraceback\n")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_single_note(tmp_path: Path, form: str) -> None:
    spec = LogSpec(form=form)
    note(tmp_path / "x", spec, "main", said("one"))
    note(tmp_path / "x", spec, "main", said("two"))
    note(tmp_path / "nowhere" / "x", spec, "main", said("lost"))
    assert [event.text for event in read_lines((tmp_path / "x").read_text().splitlines())] == ["one", "two"]


def test_what_is_lost_while_a_loss_is_told_is_told_next() -> None:
    paper = Paper()
    paper.goes_on.clear()
    log = made(paper)
    log._lose(5, "full")
    log.put(said("one"))
    wait_for(lambda: not log._waiting)
    time.sleep(0.05)  # the thread stands before the paper
    log._lose(3, "full")
    paper.goes_on.set()
    wait_for(lambda: log.written == 1)
    log.put(said("two"))
    log.close()
    assert [event.text.split()[0] for event in paper.events if event.name == "log.dropped"] == ["5", "3"]
