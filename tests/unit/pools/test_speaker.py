"""Who speaks is found by the frames below which it is asked, or by the context of what an async task has made."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from pools.job import DRIVEN, Waiting, Worn, read_job
from pools.speaker import Speakers, speak
from pools.speech import NOBODY, Mouth, Speaker, Speech
from tests.support.agents import Tally
from tests.support.rigs import Rig

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def speakers() -> Any:
    rig = Rig(Tally)
    return rig, Speakers(rig.kinds, rig.executor.turns)


def test_nobody_speaks_where_no_agent_runs(speakers: Any) -> None:
    assert speakers[1].find() is NOBODY


def test_what_an_async_task_has_made_speaks_for_it(speakers: Any) -> None:
    rig, found = speakers
    kind = next(iter(rig.kinds))
    section = {"n": 7, "k": kind, "i": [3], "m": "none", "c": "abcd", "q": [5], "tp": [PARENT], "fx": 0}
    job = read_job(section, rig.kinds, rig.answers)
    token = DRIVEN.set(Waiting(job, 0, None, None))
    try:
        assert found.find() == Speaker(f"{kind}/3", "abcd-5", "")
        method = next(iter(rig.kinds[kind].kind.methods.values()))
        DRIVEN.set(Waiting(job, 0, Worn(method, parent=PARENT), None))
        assert found.find() == Speaker(f"{kind}/3", "abcd-5", PARENT.split("-")[1])
    finally:
        DRIVEN.reset(token)


def test_a_task_without_a_number_has_one_name_however_often_it_speaks(speakers: Any) -> None:
    rig, found = speakers
    kind = next(iter(rig.kinds))
    jobs = [read_job({"n": 0, "k": kind, "i": [at], "m": "none"}, rig.kinds, rig.answers) for at in range(3)]
    names = [[found._of(Waiting(job, 0, None, None), "").task for job in jobs] for _ in range(2)]
    assert names[0] == names[1]
    assert len(set(names[0])) == 3


def test_a_process_whose_streams_lead_elsewhere_is_left_alone(monkeypatch: pytest.MonkeyPatch, speakers: Any) -> None:
    loop: Any = None
    speak({"pool": "p", "worker": "p.0"}, loop, {})
    mouth = Mouth(-1)
    monkeypatch.setattr(sys, "stderr", Speech(mouth, "stderr", 2))
    speak({"pool": "p", "worker": "p.0"}, loop, {})
    whose: Callable[[], Speaker] = mouth.whose
    assert (mouth.place, whose()) == (("p", "p.0"), NOBODY)
