"""What is recorded of an envelope: each task has one outcome, whoever writes, in whatever order, whatever is not answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any, NamedTuple

import pytest
from nats.errors import TimeoutError as Late
from nats.js.errors import APIError, NotFoundError

from engine.cluster import recording
from engine.cluster.recording import Recording, parts_of
from engine.cluster.records import RECORD_BYTES, Outcome, TaskResult, decode, encode


class Kept(NamedTuple):
    seq: int
    data: bytes
    headers: dict[str, str]


class FakeStream:
    """A stream of one subject: written where its last message is the one that the writer knows. chance: loses answers."""

    def __init__(self, chance: Random | None = None) -> None:
        self.messages: list[Kept] = []
        self._chance = chance

    async def _pass(self) -> None:
        if self._chance is not None:
            for _ in range(self._chance.randrange(3)):
                await asyncio.sleep(0)

    async def publish(self, _subject: str, data: bytes, *, stream: str, headers: dict[str, str]) -> Kept:
        await self._pass()
        last = self.messages[-1].seq if self.messages else 0
        if headers["Nats-Expected-Last-Subject-Sequence"] != str(last):
            raise APIError(code=400, err_code=10071, description="wrong last sequence")
        made = Kept(last + 3, data, headers)
        if self._chance is None or self._chance.random() < 0.8:
            self.messages.append(made)
        if made not in self.messages or (self._chance is not None and self._chance.random() < 0.3):
            raise Late
        await self._pass()
        return made

    async def get_msg(self, _stream: str, *, seq: int, subject: str, next: bool) -> Kept:
        await self._pass()
        if self._chance is not None and self._chance.random() < 0.1:
            raise Late
        for message in self.messages:
            if message.seq >= seq:
                return message
        raise NotFoundError


def recording_of(stream: FakeStream) -> Recording:
    fake: Any = stream
    return Recording(fake, "c-results", "c.task.result.s.1")


def result(node: str, *rows: int) -> TaskResult:
    return TaskResult("s", "1", node, "x", tuple(Outcome(f"{node}-{row}") for row in rows), rows)


def in_stream(stream: FakeStream) -> list[tuple[int, Any]]:
    found = []
    for message in stream.messages:
        read = decode(message.data, TaskResult)
        found += [(row, outcome.value) for row, outcome in zip(read.places, read.outcomes, strict=True)]
    return found


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "AGAIN_S", 0)


async def test_parts_follow_each_other_and_are_read_as_one() -> None:
    stream = FakeStream()
    mine = recording_of(stream)
    assert await mine.add(result("n1", 2, 5)) == 0
    assert await mine.add(result("n1", 0)) == 0
    other = recording_of(stream)
    await other.read()
    assert other.outcomes == {0: Outcome("n1-0"), 2: Outcome("n1-2"), 5: Outcome("n1-5")} == mine.outcomes
    assert len(stream.messages) == 2


async def test_who_comes_second_adds_only_what_is_missing_and_counts_the_rest() -> None:
    stream = FakeStream()
    await recording_of(stream).add(result("n1", 0, 2))
    late = recording_of(stream)
    assert await late.add(result("n2", 0, 1, 2, 3)) == 2
    assert in_stream(stream) == [(0, "n1-0"), (2, "n1-2"), (1, "n2-1"), (3, "n2-3")]
    again = recording_of(stream)
    assert await again.add(result("n1", 0, 2)) == 0, "its own, written before its gateway was started again"
    assert len(stream.messages) == 2


async def test_what_somebody_else_wrote_there_is_passed_over() -> None:
    stream = FakeStream()
    stream.messages.append(Kept(4, b"nonsense", {}))
    assert await recording_of(stream).add(result("n1", 0)) == 0
    assert decode(stream.messages[1].data, TaskResult) == result("n1", 0)


@pytest.mark.parametrize("seed", range(100))
async def test_each_task_has_one_outcome_whoever_writes_and_whatever_is_lost(seed: int) -> None:
    chance = Random(seed)
    stream, many = FakeStream(chance), chance.randrange(1, 12)

    async def work(node: str) -> int:
        mine, left, second = recording_of(stream), list(range(many)), 0
        chance.shuffle(left)
        while left:
            size = chance.randrange(1, len(left) + 1)
            part, left = sorted(left[:size]), left[size:]
            second += await mine.add(result(node, *part))
        return second

    nodes = ["n1", "n2", "n3"]
    second = await asyncio.gather(*map(work, nodes))
    found = in_stream(stream)
    assert sorted(row for row, _ in found) == list(range(many)), f"seed {seed}"
    first = Counter(value.partition("-")[0] for _, value in found)
    assert [many - first[node] for node in nodes] == second


def test_what_is_too_large_for_one_record_is_recorded_in_parts_and_a_value_too_large_is_told_of() -> None:
    outcomes = Outcome("a" * 600_000), Outcome("b" * 600_000), Outcome("c" * RECORD_BYTES), Outcome("small")
    parts = list(parts_of(TaskResult("s", "1", "n1", "x", outcomes)))
    assert all(len(encode(part)) <= RECORD_BYTES for part in parts)
    found = {row: outcome for part in parts for row, outcome in zip(part.places, part.outcomes, strict=True)}
    assert found[0] == outcomes[0]
    assert found[1] == outcomes[1]
    assert found[3] == outcomes[3]
    assert found[2].error is not None
    assert found[2].error.type == "FrameTooLarge"
    assert list(found) == [0, 1, 2, 3]
    small = TaskResult("s", "1", "n1", "x", (Outcome(1),))
    assert list(parts_of(small)) == [small]


async def test_what_a_task_with_a_key_asks_for_is_recorded_with_its_outcome() -> None:
    stream = FakeStream()
    first, second = recording_of(stream), recording_of(stream)
    first.check = "0000abcd"
    await first.add(result("n1", 0))
    assert await second.add(result("n2", 0)) == 1
    assert (second.recorded_check, second.outcomes[0].value) == ("0000abcd", "n1-0")
    plain = recording_of(stream := FakeStream())
    await plain.add(result("n1", 0))
    await (other := recording_of(stream)).read()
    assert other.recorded_check == ""
