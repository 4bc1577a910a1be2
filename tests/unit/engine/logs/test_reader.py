"""The log read from its files, and on over new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from engine.logs.file import LogFile
from engine.logs.line import text_line
from engine.logs.reader import BEHIND, Reader
from pools.events import Event


def line(text: str) -> bytes:
    return text_line(Event("agent.print", text, 100.0, "info")).encode()


@pytest.fixture
def follow() -> Iterator[Callable[..., Followed]]:
    with ExitStack() as stack:

        def make(*facts: Any) -> Followed:
            made = Followed(*facts)
            stack.enter_context(made.reader)
            stack.callback(made.log.close)
            return made

        yield make


class Followed:
    """A log that is written while it is followed."""

    def __init__(self, path: Path, size_bytes: int = 10_000, files: int = 3) -> None:
        self.log = LogFile(path, size_bytes, files)
        self.now_s = 0.0
        self.reader = Reader(path, self.sleep, lambda: self.now_s)
        self.sleeps = 0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.sleeps += 1
        assert self.sleeps < 1_000

    def past(self) -> list[str]:
        return [event.text for event in self.reader.past()]

    def fresh(self, events: Iterator[Event | None]) -> list[str]:
        """What comes until there is nothing."""
        found = []
        while (event := next(events)) is not None:
            found.append(event.text)
        return found


def test_everything_that_there_is_the_oldest_first(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    followed = follow(tmp_path / "x", 200)
    for number in range(9):
        followed.log.write(line(str(number)))
    assert (tmp_path / "x.2").exists()
    found = followed.past()
    assert found == [str(number) for number in range(9 - len(found), 9)]
    assert len(found) > 3


def test_no_log_is_empty_and_is_followed_once_it_is_there(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    followed = follow(tmp_path / "x")
    assert followed.past() == []
    events = followed.reader.follow()
    assert followed.fresh(events) == []
    followed.log.write(line("first"))
    assert followed.fresh(events) == ["first"]


def test_what_comes_is_told_in_order_over_new_files_and_none_twice(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    followed = follow(tmp_path / "x", 400, 10)
    followed.log.write(line("before"))
    assert followed.past() == ["before"]
    events, found = followed.reader.follow(), []
    for number in range(60):
        followed.log.write(line(str(number)))
        if number % 7 == 0:
            found += followed.fresh(events)
    found += followed.fresh(events)
    assert found == [str(number) for number in range(60)]
    assert (tmp_path / "x.5").exists()


def test_a_text_of_several_lines_comes_whole(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    followed = follow(tmp_path / "x")
    assert followed.past() == []
    events = followed.reader.follow()
    followed.log.write(line("a\nb"))
    followed.log.write(line("next"))
    assert followed.fresh(events) == ["a\nb", "next"]


def test_half_a_line_waits_for_its_rest(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    followed = follow(tmp_path / "x")
    assert followed.past() == []
    events = followed.reader.follow()
    whole = line("whole")
    followed.log.write(whole[:20])
    assert followed.fresh(events) == []
    followed.log.write(whole[20:])
    assert followed.fresh(events) == ["whole"]


def test_a_log_that_is_emptied_is_read_from_its_beginning(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    followed = follow(tmp_path / "x")
    followed.log.write(line("one") * 5)
    assert len(followed.past()) == 5
    events = followed.reader.follow()
    with (tmp_path / "x").open("r+b") as file:
        file.truncate(0)
    assert followed.fresh(events) == []
    followed.log.write(line("anew"))
    assert followed.fresh(events) == ["anew"]


def test_a_reader_that_is_too_slow_is_told_what_it_has_missed(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    made = follow(tmp_path / "log", 1_000, 2)
    made.log.write(line("first"))
    assert made.past() == ["first"]
    events = made.reader.follow()
    for number in range(100):
        made.log.write(line(f"line {number:03}" + "x" * 100))
    found = made.fresh(events)
    gap = found.index(BEHIND)
    before, after = ([text[:8] for text in part] for part in (found[:gap], found[gap + 1 :]))
    assert before == [f"line {number:03}" for number in range(gap)]
    assert after == [f"line {number:03}" for number in range(100 - len(after), 100)]
    assert before
    assert after


def test_files_that_are_moved_while_they_are_read_are_not_missed_and_none_comes_twice(
    tmp_path: Path, follow: Callable[..., Followed]
) -> None:
    made = follow(tmp_path / "log", 1_000, 5)
    for number in range(16):
        made.log.write(line(f"line {number:03}" + "x" * 150))
    assert len(list(tmp_path.iterdir())) == 4
    found = []
    for event in made.reader.past():
        found.append(event.text[:8])
        if len(found) == 2:
            for number in range(16, 24):
                made.log.write(line(f"line {number:03}" + "x" * 150))
    found += [text[:8] for text in made.fresh(made.reader.follow())]
    assert [text for text in found if text != BEHIND[:8]] == [f"line {number:03}" for number in range(24)]


def test_the_last_are_found_without_a_look_at_what_is_older(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    made = follow(tmp_path / "log", 1_000, 5)
    for number in range(16):
        made.log.write(line(f"{number:03}\n" + "x" * 150))
    (tmp_path / "log.3").write_bytes(b"{" * 500)  # would be an event, if it was read

    def last(count: int, wanted: Callable[[Event], bool] = lambda _event: True) -> list[str]:
        with Reader(tmp_path / "log") as reader:
            return [event.text[:3] for event in reader.last(count, wanted)]

    assert last(0) == []
    assert last(1) == ["015"]
    assert last(9) == [f"{number:03}" for number in range(7, 16)]
    assert last(3, lambda event: int(event.text[:3]) % 3 == 0) == ["009", "012", "015"]
    assert last(100)[0] == "{{{"
    assert made.reader.last(2, lambda _event: True)[-1].text.startswith("015")
    events = made.reader.follow()
    made.log.write(line("016"))
    assert made.fresh(events) == ["016"]


def test_the_last_of_no_log_are_none(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    assert follow(tmp_path / "log").reader.last(5, lambda _event: True) == []
