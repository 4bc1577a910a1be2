"""What somebody's function does with events harms no engine."""

from __future__ import annotations

import pytest

from engine.hearer import heard_by
from pools.events import Event


def test_who_hears_of_events_is_told_each_of_them() -> None:
    heard: list[Event] = []
    hear = heard_by(heard.append)
    assert hear is not None
    hear(Event("a", "text", 1.0))
    assert heard == [Event("a", "text", 1.0)]
    assert heard_by(None) is None


def test_what_it_raises_is_named_once_and_it_is_called_again(capfd: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []

    def bad(event: Event) -> None:
        heard.append(event.name)
        raise LookupError(f"no {event.name}")

    hear = heard_by(bad)
    assert hear is not None
    for name in ("worker.died", "b", "c"):
        hear(Event(name, "", 1.0))
    assert heard == ["worker.died", "b", "c"]
    said = capfd.readouterr().err
    assert said.count("LookupError: no worker.died") == said.count("Traceback") == 1
    assert "on_event failed at worker.died" in said
    assert "in bad" in said


def test_who_ends_the_process_is_not_kept_from_it() -> None:
    def leave(_event: Event) -> None:
        raise SystemExit(3)

    hear = heard_by(leave)
    assert hear is not None
    with pytest.raises(SystemExit):
        hear(Event("a", "", 1.0))
