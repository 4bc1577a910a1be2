"""What is written to a worker's streams is told as events: whole lines, in order, bounded."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from pools.events import Event
from pools.hearing import Hearing
from pools.speech import BEGUN, BURST_BYTES, LINE_CHARS, RATE_BYTES, Mouth, Speaker, Speech, mouth_of

ONE, TWO = Speaker("loud/1", "a-1"), Speaker("loud/2", "a-2")


class Rig:
    """A mouth and the ear that hears it."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.hearing = Hearing(lambda: self.now_s, lambda: 5.0)
        self.end = os.open(f"/proc/self/fd/{self.hearing.descriptor}", os.O_WRONLY | os.O_NONBLOCK)
        self.mouth = Mouth(self.end, lambda: self.now_s, lambda: 7.5)
        self.mouth.place = "p1", "p1.0"
        self.events: list[Event] = []
        self.hearing.on_event = self.events.append
        self.speaker = ONE
        self.mouth.whose = lambda: self.speaker
        self.out, self.err = Speech(self.mouth, "stdout", 1), Speech(self.mouth, "stderr", 2)

    def heard(self) -> list[str]:
        while self.hearing.hear():
            pass
        return [event.text for event in self.events]

    def close(self) -> None:
        self.hearing.close()
        os.close(self.end)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def test_a_print_is_an_event_of_who_speaks(rig: Rig) -> None:
    print("hello", 5, file=rig.out)
    print("oh", file=rig.err)
    assert rig.heard() == ["hello 5", "oh"]
    assert rig.events[0] == Event("agent.print", "hello 5", 7.5, "info", "p1", "p1.0", "loud/1", "a-1")
    assert rig.events[1].level == "warning"


def test_what_nobody_in_particular_says_is_the_workers(rig: Rig) -> None:
    rig.speaker = Speaker()
    print("imported", file=rig.out)
    assert rig.heard() == ["imported"]
    assert (rig.events[0].name, rig.events[0].agent) == ("worker.print", "")


def test_lines_are_whole_whoever_writes_between(rig: Rig) -> None:
    print("one", end=" ", file=rig.out, flush=True)
    rig.speaker = TWO
    print("other", file=rig.out)
    rig.speaker = ONE
    print("one more\nand", file=rig.out)
    print(file=rig.out)
    rig.heard()
    assert [(event.agent, event.text) for event in rig.events] == [
        ("loud/2", "other"), ("loud/1", "one one more"), ("loud/1", "and"), ("loud/1", ""),
    ]  # fmt: skip


def test_what_has_only_begun_is_told_when_it_is_asked_for(rig: Rig) -> None:
    rig.out.write("begun")
    assert rig.heard() == []
    rig.mouth.flush()
    assert rig.heard() == ["begun"]


async def test_it_is_told_after_a_while_by_itself(rig: Rig) -> None:
    rig.mouth.live_in(asyncio.get_running_loop())
    rig.out.write("begun")
    async with asyncio.timeout(5):
        while not rig.heard():
            await asyncio.sleep(0.01)
    assert rig.heard() == ["begun"]


def test_begun_lines_are_bounded(rig: Rig) -> None:
    for number in range(BEGUN + 5):
        rig.speaker = Speaker(f"loud/{number}", "x")
        rig.out.write(str(number))
    assert rig.heard() == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("size", [1, 4_000, 4_096, 50_000, LINE_CHARS])
def test_a_line_of_any_length_comes_whole(rig: Rig, size: int) -> None:
    line = "äx" * (size // 2) + "y" * (size % 2)
    print(line, file=rig.out)
    assert rig.heard() == [line]


def test_a_line_that_is_longer_than_that_comes_in_parts_and_nothing_is_lost(rig: Rig) -> None:
    print("z" * (2 * LINE_CHARS + 5), file=rig.out)
    found = rig.heard()
    assert ("".join(found), len(found)) == ("z" * (2 * LINE_CHARS + 5), 3)
    rig.events.clear()
    rig.out.write("w" * (LINE_CHARS + 5))
    rig.mouth.flush()
    assert "".join(rig.heard()) == "w" * (LINE_CHARS + 5)


@pytest.mark.parametrize("text", ["\x00\x1b[0m", "\x1e0.", "half \ud800", "\u2028", "tab\t", '{"a": 1}'])
def test_a_text_of_any_sort_comes_through(rig: Rig, text: str) -> None:
    print(text, file=rig.out)
    print("next", file=rig.out)
    assert rig.heard() == [text.encode(errors="backslashreplace").decode(), "next"]


def test_bytes_and_the_descriptor_beneath_are_there_for_who_wants_them(rig: Rig) -> None:
    assert rig.out.buffer.write(b"bytes \xff\n") == 8
    assert rig.heard() == ["bytes \\xff"]
    assert (rig.out.fileno(), rig.err.fileno(), rig.out.isatty(), rig.out.encoding) == (1, 2, False, "utf-8")
    assert rig.out.write("x\n") == 2
    with pytest.raises(TypeError, match="must be str, not int"):
        rig.out.write(5)  # type: ignore[arg-type]
    rig.out.close()
    print("still there", file=rig.out)
    assert rig.heard()[-1] == "still there"


def test_a_hundred_thousand_lines_at_once_keep_nobody_waiting_and_none_is_lost(rig: Rig) -> None:
    for number in range(50_000):
        print(number, file=rig.out)
        if number % 1_000 == 0:
            rig.heard()
    while rig.mouth._unsent:
        rig.heard()
        rig.mouth.flush()
    assert rig.heard() == [str(number) for number in range(50_000)]


def test_beyond_what_may_be_said_lines_are_dropped_counted_and_told(rig: Rig) -> None:
    count = BURST_BYTES // 1_000 + 500
    for _ in range(count):
        print("." * 1_000, file=rig.out)
        rig.heard()
    kept = len(rig.events)
    assert BURST_BYTES // 1_200 < kept < count
    rig.speaker = TWO
    print("x" * 1_000, file=rig.out)
    rig.now_s += 1
    print("again", file=rig.out)
    rig.mouth.flush()
    rig.heard()
    assert rig.events[kept].text == "again"
    told = rig.events[kept + 1]
    assert (told.name, told.level, told.worker) == ("log.dropped", "warning", "p1.0")
    assert f"{count - kept + 1:,} lines were dropped, {count - kept:,} of loud/1, 1 of loud/2" in told.text
    assert sum(len(event.text) for event in rig.events[kept + 2 :]) < RATE_BYTES


def test_an_engine_that_does_not_read_holds_up_nobody_and_gets_it_later(rig: Rig) -> None:
    for number in range(20_000):
        print(number, "." * 100, file=rig.out)
    assert rig.mouth._unsent
    while rig.mouth._unsent:
        rig.heard()
        rig.mouth.flush()
    assert [int(text.split()[0]) for text in rig.heard()] == list(range(20_000))


def test_an_engine_that_is_gone_is_told_nothing(rig: Rig) -> None:
    rig.hearing.close()
    print("nobody hears", file=rig.out)
    assert not rig.mouth._unsent


def test_threads_do_not_mix_their_lines(rig: Rig) -> None:
    def talk(name: str) -> None:
        for _ in range(500):
            print(name * 20, file=rig.out)

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    who = threading.local()
    rig.mouth.whose = lambda: Speaker(getattr(who, "name", threading.current_thread().name), "x")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(rig.heard()) == sorted(name * 20 for name in "abcd" for _ in range(500))


def test_a_stream_of_another_sort_leads_nowhere() -> None:
    assert mouth_of(sys.__stdout__) is None
    assert mouth_of(None) is None


def test_a_process_that_ends_at_once_has_said_what_it_said() -> None:
    program = "from pools.speech import listened; import os; listened(); print('last words'); os._exit(3)"
    hearing = Hearing()
    found: list[Event] = []
    hearing.on_event = found.append
    done = subprocess.run([sys.executable, "-c", program], stdout=hearing.descriptor, stderr=hearing.descriptor, check=False)
    hearing.close()
    assert (done.returncode, [event.text for event in found]) == (3, ["last words"])


def test_threads_of_one_agent_do_not_mix_what_they_have_begun(rig: Rig) -> None:
    rig.out.write("ours")
    thread = threading.Thread(target=print, args=("another",), kwargs={"file": rig.out})
    thread.start()
    thread.join()
    rig.out.write(" too\n")
    assert rig.heard() == ["another", "ours too"]
