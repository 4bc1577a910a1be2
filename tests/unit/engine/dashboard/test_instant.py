"""What the header tells at one moment."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dashboard.instant import Instant, instant_of
from engine.dashboard.source import EMPTY, Document
from engine.errors import NotRunning
from tests.support.sources import NOW_S, OVERVIEW


def told(overview: Document = Document(OVERVIEW, NOW_S), after_s: float = 0.0, **facts: Any) -> Instant:
    return instant_of("engine", overview, NOW_S + after_s, **({"is_live": True, "is_stale": False} | facts))


def test_the_time_that_is_left_runs_on_between_two_documents() -> None:
    assert told().left == "07:41"
    assert told(after_s=1.5).left == "07:39"
    assert told(after_s=10_000).left == "00:00"


def test_it_runs_at_the_pace_of_the_sprint() -> None:
    fast = {**OVERVIEW, "sprint": {**OVERVIEW["sprint"], "speed": 60.0}}
    assert told(Document(fast, NOW_S), after_s=1.0).left == "06:41"


@pytest.mark.parametrize("facts", [{"is_live": False}, {"is_stale": True}, {"moment_s": NOW_S}, {"is_file": True}])
def test_it_stands_still_where_nothing_is_known_of_now(facts: dict[str, Any]) -> None:
    assert told(after_s=100.0, **facts).left == "07:41"


@pytest.mark.parametrize(
    ("facts", "state", "tone"),
    [
        ({}, "● LIVE 2.0 s", "success"),
        ({"is_stale": True}, "○ STALE, 2.0 s old", "warning"),
        ({"is_live": False}, "✗ NO ENGINE, as of 2.0 s ago", "error"),
        ({"moment_s": NOW_S - 9}, "◀ PAST", "warning"),
        ({"moment_s": NOW_S - 9, "is_file": True}, "‖ REPLAY", "warning"),
        ({"moment_s": NOW_S - 9, "is_file": True, "is_playing": True}, "▶ REPLAY", "warning"),
    ],
)
def test_how_old_it_is_is_said_in_words(facts: dict[str, Any], state: str, tone: str) -> None:
    assert told(after_s=2.0, **facts)[:2] == (state, tone)


def test_before_the_first_answer_nothing_is_claimed() -> None:
    assert told(EMPTY).state == "◌ WAITING"
    assert told(EMPTY, is_live=False).state == "◌ WAITING", "it may be there, and be slow"
    assert told(EMPTY._replace(error=NotRunning("none runs")), is_live=False).state == "✗ NO ENGINE"


def test_a_note_stands_beside_the_name() -> None:
    assert told(note="recording monday").facts[:2] == ("engine", "recording monday")
    assert told().facts[:2] == ("engine", "durability sync")
    assert told(EMPTY)[2:] == (("engine",), "–", "–", "", "–", "", None, False)


def test_of_the_engine_the_name_comes_first() -> None:
    assert told().facts == ("engine", "durability sync", "up 13 min", "version 0.9.0")


def test_between_two_sprints_it_says_when_the_next_begins() -> None:
    none = dict.fromkeys(OVERVIEW["sprint"])
    instant = told(Document({**OVERVIEW, "sprint": {**none, "next_in_s": 512.0}}, NOW_S))
    assert (instant.has_sprint, instant.next) == (False, "next in 08:32")
