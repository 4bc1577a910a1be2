"""The verbs of looking back: what they ask, what they answer, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import NotRecorded
from engine.order import Order
from engine.rewind.recording import Moment
from engine.rewound import RewindVerbs, RewoundHere, recorder_of
from pools.errors import BadArgument

FOUND = Moment(5.5, 5.0, 4.0, None, None, {"stats": {"time_s": 5.0}, "overview": {"x": 1}})


class Recorder:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.is_closed = False

    async def at(self, **facts: Any) -> Moment:
        """One moment."""
        self.asked.append(facts)
        return FOUND

    async def past(self, **facts: Any) -> dict[str, Any]:
        """No instants."""
        self.asked.append(facts)
        return {"count": 0}

    async def close(self) -> None:
        """Note it."""
        self.is_closed = True


def verbs(recorder: Recorder | None) -> RewindVerbs:
    return RewindVerbs(recorder)  # type: ignore[arg-type]


async def test_the_documents_of_an_instant_stand_under_their_names() -> None:
    recorder = Recorder()
    answer = await verbs(recorder).verbs["at"](Order({"time_s": 5.5}))
    assert answer == {
        "schema": "engine.at/v1", "asked_s": 5.5, "time_s": 5.0, "before_s": 4.0, "after_s": None, "gap": None,
        "stats": {"time_s": 5.0}, "overview": {"x": 1},
    }  # fmt: skip
    await verbs(recorder).verbs["at"](Order({}))
    assert recorder.asked == [{"time_s": 5.5}, {"time_s": None}]


async def test_instants_are_asked_for_between_two_and_in_pages() -> None:
    recorder = Recorder()
    answer = await verbs(recorder).verbs["past"](Order({"since_s": 1, "skip": 2, "limit": 3}))
    assert answer == {"schema": "engine.past/v1", "count": 0}
    await verbs(recorder).verbs["past"](Order({}))
    assert recorder.asked == [
        {"since_s": 1.0, "until_s": None, "skip": 2, "limit": 3},
        {"since_s": None, "until_s": None, "skip": 0, "limit": 0},
    ]


@pytest.mark.parametrize("wrong", ["now", True, -1, 1e13, float("nan"), [1]])
async def test_an_instant_is_a_number_of_seconds(wrong: Any) -> None:
    with pytest.raises(BadArgument, match="time_s must be seconds since 1970"):
        await verbs(Recorder()).verbs["at"](Order({"time_s": wrong}))


async def test_an_engine_that_records_nothing_says_how_it_would() -> None:
    with pytest.raises(NotRecorded, match=r"Engine\(…, rewind='folder'\)"):
        await RewoundHere().at()


async def test_a_recording_ends_once() -> None:
    recorder = Recorder()
    here = RewoundHere()
    here.recorder = recorder  # type: ignore[assignment]
    await here._end_recording()
    await here._end_recording()
    assert recorder.is_closed


def test_a_recorder_touches_nothing_before_it_is_started(tmp_path: Path) -> None:
    recorder_of(tmp_path / "rewind", None, lambda _name, _text: None)  # type: ignore[arg-type]
    assert not (tmp_path / "rewind").exists()
