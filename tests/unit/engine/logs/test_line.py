"""An event is a line in either form, and the line is the event again."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.logs.line import json_line, read_lines, text_line
from pools.events import LEVELS, Event

EVENT = Event("agent.print", "hello", 1_795_219_200.25, "info", "p1", "p1.0", "counter/17", "5f2c9a01-17", "mine", "")

NO_LINES = ("Cs", "Cc", "Zl", "Zp")
words = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, blacklist_categories=NO_LINES), max_size=20)
texts = st.text(st.characters(min_codepoint=32, blacklist_categories=NO_LINES) | st.just("\n"), max_size=60)


def test_a_line_of_text_says_when_how_much_what_and_who() -> None:
    line = text_line(EVENT)
    local = datetime.fromtimestamp(EVENT.time_s).astimezone()
    fields = "worker=p1.0 agent=counter/17 task=5f2c9a01-17 called=mine"
    assert line == f"{local:%Y-%m-%d %H:%M:%S}.250{local:%z} info    agent.print {fields}: hello\n"


def test_a_line_of_json_has_all_of_it() -> None:
    assert json.loads(json_line(EVENT, "main")) == {
        "ts": "2026-11-21T00:00:00.250000Z",
        "level": "info",
        "event": "agent.print",
        "engine": "main",
        "pool": "p1",
        "worker": "p1.0",
        "agent": "counter/17",
        "task": "5f2c9a01-17",
        "called": "mine",
        "correlation": "5f2c9a01-17",
        "text": "hello",
    }
    assert json.loads(json_line(EVENT._replace(trace="ab" * 16), "main"))["correlation"] == "ab" * 16


@pytest.mark.parametrize("text", ["", "a: b", "two\nlines", "\n", "ends\n", " x", "tab\there", "=", '"', "für", "\u2028"])
def test_a_text_of_any_form_is_read_as_it_was(text: str) -> None:
    event = EVENT._replace(text=text)
    assert list(read_lines(f"{line}\n" for line in text_line(event).split("\n")[:-1])) == [event]
    assert list(read_lines([json_line(event, "main")])) == [event]


@given(text=texts, agent=words, task=words, called=words, level=st.sampled_from(LEVELS[:-1]), ms=st.integers(0, 10**12))
def test_what_is_written_is_read(text: str, agent: str, task: str, called: str, level: str, ms: int) -> None:
    event = Event("agent.log", text, ms / 1000, level, agent=agent, task=task, called=called, trace="ab" * 16)
    for line in (text_line(event), json_line(event, "main")):
        (found,) = read_lines(part + "\n" for part in line.split("\n")[:-1])
        assert found == event


def test_control_characters_do_nothing_to_a_terminal() -> None:
    line = text_line(EVENT._replace(text="\x1b[2Jgone\r\x07"))
    assert line.endswith(": \\x1b[2Jgone\\x0d\\x07\n")


def test_several_events_follow_each_other_whatever_their_form() -> None:
    second = EVENT._replace(text="a\nb\nc", name="task.failed", level="error")
    lines = [*text_line(second).splitlines(), *json_line(EVENT, "main").splitlines(), *text_line(EVENT).splitlines()]
    assert list(read_lines(lines)) == [second, EVENT, EVENT]


def test_a_line_of_neither_form_is_an_event_of_the_time_before() -> None:
    found = list(read_lines([text_line(EVENT), "Fatal Python error: Segmentation fault\n", "{broken\n", "\n"]))
    assert found[1:] == [
        Event("worker.output", "Fatal Python error: Segmentation fault", EVENT.time_s),
        Event("worker.output", "{broken", EVENT.time_s),
    ]


def test_a_line_of_an_older_engine_is_read() -> None:
    (event,) = read_lines(["2026-11-22 08:49:01 worker.died p1: exit status 3"])
    assert (event.name, event.text, event.matters) == ("worker.died", "p1: exit status 3", "warning")


@pytest.mark.parametrize(
    "line",
    [
        "2026-13-45 10:00:00.000+0000 info    agent.print agent=loud/1: no such day",
        '2026-11-22 10:00:00.000+0000 info    agent.print agent="\\q": no such text',
        "2026-99-99 11:11:11 worker.died no such day",
        '{"ts": "2026-11-22T10:00:00Z", "level": "loud", "event": "x", "text": "no such level"}',
        '{"ts": "2026-11-22T10:00:00Z", "level": ["info"], "event": "x", "text": "no level"}',
    ],
)
def test_what_only_looks_like_a_line_of_the_log_is_one_of_neither_form(line: str) -> None:
    assert list(read_lines([line])) == [Event("worker.output", line, 0.0)]


@pytest.mark.parametrize("line", ["{}", '{"ts": 5}', '{"ts": "2026-11-21T00:00:00Z", "event": "x"}', "[1]", '{"ts": "x"}'])
def test_json_of_another_sort_is_a_line_of_neither_form(line: str) -> None:
    assert list(read_lines([line])) == [Event("worker.output", line, 0.0)]
