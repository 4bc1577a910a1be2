"""An event says what happened, for people and for programs."""

from __future__ import annotations

from pools.events import Event


def test_an_event_has_a_name_a_text_and_a_time() -> None:
    event = Event("worker.died", "p1: exit status 1", 1_795_219_200.5)
    assert event == ("worker.died", "p1: exit status 1", 1_795_219_200.5)
    assert event._asdict() == {"name": "worker.died", "text": "p1: exit status 1", "time_s": 1_795_219_200.5}
