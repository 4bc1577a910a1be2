"""Where in time the screens are."""

from __future__ import annotations

import asyncio

import pytest

from engine.dashboard.rewind import Rewind
from engine.dashboard.source import Past, want
from engine.errors import NotRecorded
from tests.support.sources import NOW_S, PlantedSource

OVERVIEW = want("overview")


def rewound(source: PlantedSource) -> tuple[Rewind, list[float | None]]:
    seen: list[float | None] = []
    rewind = Rewind(source, source.clock, lambda: seen.append(rewind.moment_s))
    return rewind, seen


def recorded(count: int = 10) -> PlantedSource:
    source = PlantedSource()
    source.recorded = {NOW_S - at: {"overview": {"at": at}} for at in range(1, count + 1)}
    return source


async def test_a_step_goes_back_from_the_newest_and_then_from_where_it_is() -> None:
    rewind, _ = rewound(recorded())
    await rewind.step(-3.0)
    assert rewind.document(OVERVIEW).value == {"at": 4}
    assert rewind.document(OVERVIEW).time_s == NOW_S - 4
    await rewind.step(-3.0)
    assert rewind.document(OVERVIEW).value == {"at": 7}


async def test_nobody_goes_before_the_first_instant() -> None:
    rewind, _ = rewound(recorded())
    await rewind.step(-1_000.0)
    assert rewind.moment_s == NOW_S - 10


async def test_forth_past_the_last_is_now_but_in_a_file() -> None:
    source = recorded()
    rewind, _ = rewound(source)
    await rewind.step(-3.0)
    await rewind.step(60.0)
    assert rewind.moment_s is None
    source.is_file = True
    await rewind.step(-3.0)
    await rewind.step(60.0)
    assert rewind.moment_s == NOW_S - 1


async def test_without_a_recording_there_is_no_way_back() -> None:
    rewind, seen = rewound(PlantedSource())
    with pytest.raises(NotRecorded, match="nothing was recorded yet"):
        await rewind.step(-5.0)
    assert rewind.moment_s is None
    assert seen == []


async def test_who_scrubs_faster_than_answers_come_skips_what_lies_between() -> None:
    source = recorded()
    gate, asked = asyncio.Event(), []
    answer = source.at

    async def at(time_s: float) -> dict[str, object]:
        asked.append(time_s)
        await gate.wait()
        return await answer(time_s)

    source.at = at  # type: ignore[method-assign]
    rewind, _ = rewound(source)
    first = asyncio.create_task(rewind.go(NOW_S - 9))
    await asyncio.sleep(0)
    for back in (8, 7, 6, 5):
        await rewind.go(NOW_S - back)
    gate.set()
    await first
    assert asked == [NOW_S - 9, NOW_S - 5]
    assert rewind.document(OVERVIEW).value == {"at": 5}


async def test_what_is_not_recorded_is_said_so_and_a_failure_too() -> None:
    source = recorded()
    rewind, _ = rewound(source)
    await rewind.step(-3.0)
    assert isinstance(rewind.document(want("ps")).error, NotRecorded)

    async def at(_time_s: float) -> dict[str, object]:
        raise OSError("a disk has failed")

    source.at = at  # type: ignore[method-assign]
    await rewind.step(-3.0)
    assert str(rewind.document(OVERVIEW).error) == "a disk has failed"
    assert rewind.document(OVERVIEW).value is None


async def test_back_at_now_nothing_of_the_past_is_left() -> None:
    rewind, seen = rewound(recorded())
    await rewind.step(-3.0)
    rewind.leave()
    assert rewind.moment_s is None
    assert rewind.document(OVERVIEW).value is None
    assert seen[-1] is None


async def test_what_was_before_a_gap_is_not_shown_for_an_instant_within_it() -> None:
    source = recorded()
    source.recorded |= {NOW_S - 3_600 - at: {"overview": {"at": 3_600 + at}} for at in range(10)}
    source.gap_s = 5.0
    rewind, seen = rewound(source)
    for to_s, meant in ((1_000, 10), (3_000, 3_600), (3_605, 3_605), (3_598, 3_598)):
        await rewind.go(NOW_S - to_s)
        assert rewind.document(OVERVIEW).value == {"at": meant if meant != 3_598 else 3_600}
    await rewind.go(NOW_S - 10)
    await rewind.step(-5.0)
    assert (rewind.moment_s, rewind.document(OVERVIEW).value) == (NOW_S - 3_600, {"at": 3_600})
    await rewind.step(60.0)
    assert (rewind.moment_s, rewind.document(OVERVIEW).value) == (NOW_S - 10, {"at": 10})
    assert seen[-1] == NOW_S - 10


async def test_behind_the_last_instant_that_was_recorded_it_is_that_one() -> None:
    source = recorded()
    source.gap_s = 5.0
    rewind, _ = rewound(source)
    await rewind.go(NOW_S - 3)
    rewind.past = Past(NOW_S - 10, NOW_S + 100, 10)  # as it was known
    del source.recorded[NOW_S - 1]
    await rewind.go(NOW_S + 50)
    assert rewind.moment_s == NOW_S - 2
