"""Accepted tasks go by the names that their senders know."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from engine.register import Register
from engine.voices import Voices
from pools.events import Event
from pools.span import SPAN

SESSION = "0123456789abcdef"


def said(task: str = "", text: str = "x", name: str = "agent.print") -> Event:
    return Event(name, text, 1.0, agent="loud/1", task=task)


def test_a_task_is_called_by_its_id_and_by_what_its_sender_calls_it() -> None:
    heard: list[Event] = []
    voices = Voices(heard.append, None)
    voices.hear(said(f"{SESSION}-5"))
    voices.register = register = Register(SESSION)
    register.tasks[5] = SimpleNamespace(name="mine")  # type: ignore[assignment]
    register.tasks[6] = SimpleNamespace(name=None)  # type: ignore[assignment]
    for number in ("5", "6", "7", "x", "5.1"):
        voices.hear(said(f"{SESSION}-{number}"))
    voices.hear(said("ffffffffffffffff-5"))
    assert [(event.task, event.called) for event in heard] == [
        (f"{SESSION}-5", ""),
        ("01234567-5", "mine"),
        ("01234567-6", ""),
        ("01234567-7", ""),
        (f"{SESSION}-x", ""),
        (f"{SESSION}-5.1", ""),
        ("ffffffffffffffff-5", ""),
    ]


def test_where_nobody_listens_it_is_a_line() -> None:
    ours, theirs = os.pipe()
    voices = Voices(None, theirs)
    voices.hear(said("a-1", "hello"))
    voices.hear(Event("worker.output", "raw", 1.0))
    assert os.read(ours, 1_000) == b"loud/1 [a-1] hello\nraw\n"
    os.close(ours)
    os.close(theirs)
    voices.hear(said())  # nobody reads it any more


def test_spans_are_told_apart() -> None:
    heard: list[Any] = []
    voices = Voices(heard.append, None)
    voices.hear(said(text="[1]", name=SPAN))
    voices.on_span = heard.append
    voices.hear(said(text="[2]", name=SPAN))
    assert heard == ["[2]"]
