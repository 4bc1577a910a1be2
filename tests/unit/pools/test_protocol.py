"""What PROTOCOL.md says is what the bytes are: its own example, its own numbers, read out of the page itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.control import Control
from engine.sprintverbs import SprintVerbs
from pools.agent import Agent
from pools.answers import ChannelAnswers
from pools.counter import Counter
from pools.job import read_job
from pools.kind import Kind
from pools.lane import Lane
from pools.link import Link
from pools.message import HEAD, LETTERS, LZ4, RESULT, TASK, Frames, Message, encode
from pools.residents import Residents
from pools.spec import COMPRESS_OVER_BYTES, FRAME_BYTES, FRAME_TASKS
from tests.support.clocks import Clock
from tests.support.rigs import Answers, Rig
from tests.support.wires import Sink, Wire, fill

PAGE = (Path(__file__).resolve().parents[3] / "pools" / "PROTOCOL.md").read_text()
#: The example: bytes in hexadecimal, flags in hexadecimal, and the body as text.
SIZE, FLAGS, BODY = re.findall(r"^([0-9a-f]{8}) ([0-9a-f]{2}) (\{.+\})$", PAGE, re.MULTILINE)[0]
FRAME = bytes.fromhex(SIZE) + bytes.fromhex(FLAGS) + BODY.encode()
#: The answer that the page shows.
(ANSWER,) = re.findall(r"^The answer: `(\{.+\})`\.$", PAGE, re.MULTILINE)
TASKS = [("a", 17, "add", 2), ("b", 4, "get", None), ("c", 17, "add", 5)]


def numbers(pattern: str) -> list[int]:
    """The numbers that a sentence of the page names."""
    found = re.search(pattern, PAGE)
    assert found, pattern
    return [int(group.replace(",", "")) for group in found.groups()]


def one(frame: bytes) -> Message:
    (message,) = Frames().feed(frame)
    return message


# -- the example -------------------------------------------------------------------------------------------------------


def test_the_example_has_the_sizes_that_stand_beneath_it() -> None:
    total, head, size, flags, body = numbers(r"(\d+) bytes: (\d) of size \(`[0-9a-f]+` = (\d+)\), (\d) of flags, (\d+) of body")
    assert len(FRAME) == total == head + flags + body == 115
    assert int.from_bytes(FRAME[:head], "little") == size == len(FRAME) - head
    assert FRAME[head] == 0
    assert len(BODY.encode()) == body
    assert f"(`{SIZE}` = {size})" in PAGE
    assert f"{total / len(TASKS):.1f} bytes a task" in PAGE


def test_the_example_is_the_message_that_it_is_said_to_be() -> None:
    from datetime import UTC, datetime

    message = one(FRAME)
    assert (message.letter, message.time_s) == (TASK, int(datetime(2026, 11, 21, tzinfo=UTC).timestamp()))
    assert "sent at 2026-11-21 00:00:00 UTC" in PAGE
    assert message.data == orjson.loads(BODY)["d"]
    (section,) = message.data
    names, codes = section["m"]
    told = zip(section["i"], (names[code] for code in codes), section["a"], strict=True)
    shown = [f"`{section['k']}/{key} {method}({'' if sent is None else sent})`" for key, method, sent in told]
    assert f"Three tasks: {', '.join(shown)}," in PAGE


def test_a_link_writes_the_example_byte_for_byte() -> None:
    clock, wire = Clock(), Wire()
    link = Link(window=10, clock=clock.s, later=clock.later)
    link.attach(wire)
    lane = Lane(link, "counter", Sink())
    fill(lane, *TASKS)
    link.offer([lane])
    ((letter, data),) = wire.sent
    assert encode(letter, data, one(FRAME).time_s) == FRAME


def test_a_worker_answers_the_example_with_the_answer_that_is_shown() -> None:
    rig, sent = Rig(Counter, agents=20), []

    class Out:
        def send(self, letter: str, data: Any) -> None:
            sent.append(encode(letter, data, one(FRAME).time_s))

    (section,) = one(FRAME).data
    rig.executor.accept(section, ChannelAnswers(Out()))  # type: ignore[arg-type]
    assert [frame[HEAD.size :].decode() for frame in sent] == [ANSWER]


def test_the_answer_that_is_shown_reaches_who_asked() -> None:
    clock, sink = Clock(), Sink()
    link = Link(window=10, clock=clock.s, later=clock.later)
    link.attach(Wire())
    lane = Lane(link, "counter", sink)
    fill(lane, *TASKS)
    link.offer([lane])
    read = one(HEAD.pack(len(ANSWER) + 1, 0) + ANSWER.encode())
    assert read.letter == RESULT
    link.take(read.data)
    assert (sink.answers, link.open) == ({"a": 2, "b": 0, "c": 7}, 0)


def test_many_tasks_in_a_frame_cost_what_is_said() -> None:
    """The example's first task again and again, in the example's own section."""
    (section,) = one(FRAME).data
    (count,) = numbers(r"(\d+) such tasks in one frame take")
    names, _ = section["m"]
    many = section | {"i": section["i"][:1] * count, "m": [names, [0] * count], "a": section["a"][:1] * count}
    assert re.search(rf"take {len(encode(TASK, [many], one(FRAME).time_s)) / count:.1f}\s+bytes each", PAGE)


# -- the tables --------------------------------------------------------------------------------------------------------


def test_the_letters_are_those_of_the_table() -> None:
    assert sorted(re.findall(r"^\| `(\w)` \w+ \|", PAGE, re.MULTILINE)) == sorted(LETTERS)


def test_the_limits_of_a_frame_are_those_of_the_page() -> None:
    least, most = numbers(r"`size`: [^|]*; ([\d,]+) to ([\d,]+) \|")
    assert (least, most) == (1, FRAME_BYTES + 1)
    assert numbers(r"at most (\d+) MiB") == [FRAME_BYTES >> 20]
    assert numbers(r"bodies over (\d+) MiB") == [COMPRESS_OVER_BYTES >> 20]
    assert numbers(r"flags`: (\d) plain, (\d) compressed") == [0, LZ4]


def test_sections_have_the_size_that_the_architecture_says() -> None:
    page = (Path(__file__).resolve().parents[3] / "ARCHITECTURE.md").read_text()
    assert f"Sections of up to {FRAME_TASKS:,} tasks" in page


def verbs(start: str) -> set[str]:
    """The verbs between a phrase of the page and the next full stop or semicolon."""
    found = re.search(re.escape(start) + r"([^.;]*)[.;]", PAGE)
    assert found, start
    return set(re.findall(r"`([\w-]+)`", found[1]))


async def test_the_control_verbs_are_those_of_the_page() -> None:
    import asyncio

    from pools.gauges import Gauges
    from pools.shift import Shift
    from tests.support.rigs import ward

    gauges = Gauges(1)
    looks = {"agents", "candidates", "agent", "remove", "leave", "stay", "export", "import"}
    try:
        worker = Shift(asyncio.get_running_loop(), gauges)
        own = {
            *worker._verbs,
            *ward({}).verbs,
            *looks,
            "pause",
            "resume",
            "awaits",
            "deadlock",
            "cancel",
            "spawned",
        }  # the last once state is kept
        assert verbs("To a worker:") == own
    finally:
        gauges.close()
    sprints = SprintVerbs(None, Path("sprints"))  # type: ignore[arg-type]
    control = Control(None, lambda _emergency: None, sprints=sprints)  # type: ignore[arg-type]
    cells = re.findall(r"(?m)^\| (`[^|]+) \|", PAGE[PAGE.index("Of accepted tasks") :])
    of_tasks = {verb for cell in cells for verb in re.findall(r"`([\w-]+)`", cell)}
    assert "submit" in of_tasks
    assert verbs("To the engine's socket:") | of_tasks == {*control._verbs, "cancel", "session"}
    assert verbs("from a worker:") == {"spawn", "finding", "event", "waits", "outside", "progress"}


# -- the sections ------------------------------------------------------------------------------------------------------


class Echo(Agent):
    total: int = 0

    def echo(self, x: Any = 0, y: Any = 0) -> list[Any]:
        return [x, y]


@pytest.mark.parametrize(
    ("sent", "value"), [(None, [0, 0]), (5, [5, 0]), ("x", ["x", 0]), (True, [True, 0]), ([1, 2], [1, 2]), ({"y": 2}, [0, 2])]
)
def test_an_argument_is_read_as_the_page_says(sent: Any, value: Any) -> None:
    assert Rig(Echo).run("echo", (1, "echo", sent)) == [value]


def test_one_name_stands_for_all_tasks_and_arguments_may_be_left_out() -> None:
    kinds = {"counter": Residents(Kind(Counter), owned=frozenset({0}), shards=1)}
    job = read_job({"n": 1, "k": "counter", "i": [1, "x", 3], "m": "get"}, kinds, Answers())
    get = kinds["counter"].kind.methods["get"]
    assert (job.number, job.count, list(job.rows)) == (1, 3, [(1, get, None), ("x", get, None), (3, get, None)])


def test_a_section_may_be_answered_in_parts_and_in_any_order() -> None:
    clock, wire, sink = Clock(), Wire(), Sink()
    link = Link(window=10, clock=clock.s, later=clock.later)
    link.attach(wire)
    lane = Lane(link, "counter", sink)
    fill(lane, *((at, at, "get", None) for at in range(5)))
    link.offer([lane])
    link.take([{"n": 1, "o": 3, "v": [3]}])
    link.take([{"n": 1, "i": [4, 0], "v": [4, None], "e": [[1, "ValueError", "as told", 0.5]]}, {"n": 1, "o": 1, "v": [1, 2]}])
    assert sink.order == [3, 4, 0, 1, 2]
    assert sink.answers[0].retry_after_s == 0.5
    assert link.open == 0
