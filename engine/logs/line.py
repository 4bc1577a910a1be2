"""One event as a line of the log, and back.

Owns the two forms, text for people and JSON for programs, and what they have in common: a line can be read again in either. The
lines of a text that has several follow with a tabulator in front.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from pools.events import LEVELS, Event

__all__ = ["json_line", "read_lines", "text_line"]

#: What a line may say of an event beside its time, level, name and text, and under which name it does.
FIELDS = {"pool": "pool", "worker": "worker", "agent": "agent", "task": "task", "called": "called", "trace": "correlation"}
_NAMES = {called: field for field, called in FIELDS.items()}

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PLAIN = re.compile(r"[^\s\"=\x00-\x1f\x7f-\x9f]+")
_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3,6}[+-]\d{4}) (?P<level>[a-z]+) +(?P<name>[^\s:]+)"
    r"(?P<fields>(?: [a-z]+=(?:\"(?:[^\"\\]|\\.)*\"|[^\s\"=]+?))*): (?P<text>.*)",
    re.DOTALL,
)
_FIELD = re.compile(r" ([a-z]+)=(\"(?:[^\"\\]|\\.)*\"|\S+)")
#: How a line of a log began before it had levels.
_OLD = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ([a-z_]+\.[a-z_.-]+) (.*)", re.DOTALL)


def _correlation(event: Event) -> str:
    """The id that everything has in common that came of one task that was sent: its trace's, else its own."""
    return event.trace or event.task


def text_line(event: Event) -> str:
    """An event as text, with its end of line: time, level, name, what is known of it, text."""
    moment = datetime.fromtimestamp(event.time_s).astimezone()
    told = event._replace(pool="") if event.worker else event  # which tells the pool
    fields = "".join(f" {called}={_quoted(value)}" for field, called in FIELDS.items() if (value := getattr(told, field)))
    text = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", event.text).replace("\n", "\n\t")
    stamp = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}{moment:%z}"
    return f"{stamp} {event.matters:<7} {event.name}{fields}: {text}\n"


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) and not value.endswith(":") else json.dumps(value)


def json_line(event: Event, engine: str) -> str:
    """An event as JSON, with its end of line. engine: the name of the one that says it."""
    moment = datetime.fromtimestamp(event.time_s, UTC)
    facts = {"ts": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"), "level": event.matters}
    facts |= {"event": event.name, "engine": engine}
    facts |= {field: value for field in FIELDS if field != "trace" and (value := getattr(event, field))}
    if _correlation(event):
        facts["correlation"] = _correlation(event)
    return json.dumps({**facts, "text": event.text}, ensure_ascii=False) + "\n"


def read_lines(lines: Iterable[str]) -> Iterator[Event]:
    """The events that lines of a log tell, in either form; what is of neither is one too, without a time of its own."""
    held: Event | None = None
    last_s = 0.0
    for line in lines:
        rest = line.removesuffix("\n")
        if held is not None and rest.startswith("\t"):
            held = held._replace(text=f"{held.text}\n{rest[1:]}")
            continue
        if held is not None:
            yield held
        held = _read(rest, last_s) if rest else None
        last_s = last_s if held is None else held.time_s
    if held is not None:
        yield held


def _read(line: str, last_s: float) -> Event:
    """The event of a first line. last_s: the time of the one before."""
    try:
        event = _read_json(line) if line.startswith("{") else _read_text(line)
    except (ValueError, KeyError, TypeError, OverflowError):  # it only looks like one: no such day, no such level
        event = None
    return Event("worker.output", line, last_s) if event is None else event


def _read_text(line: str) -> Event | None:
    """The event of a line of text, of this engine or an older one; None for another. Raises ValueError, OverflowError."""
    found = _LINE.fullmatch(line)
    if found is not None and found["level"] in LEVELS:
        moment = datetime.fromisoformat(found["time"])
        fields = {
            _NAMES[name]: json.loads(value) if value.startswith('"') else value
            for name, value in _FIELD.findall(found["fields"])
            if name in _NAMES
        }
        fields.setdefault("pool", fields.get("worker", "").partition(".")[0])
        return Event(found["name"], found["text"], moment.timestamp(), found["level"], **fields)
    old = _OLD.fullmatch(line)
    return None if old is None else Event(old[2], old[3], time.mktime(time.strptime(old[1], "%Y-%m-%d %H:%M:%S")))


def _read_json(line: str) -> Event | None:
    """The event of a line of JSON; None for another. Raises ValueError, KeyError, TypeError, OverflowError."""
    said = json.loads(line)
    moment = datetime.fromisoformat(said["ts"])
    fields = {field: str(said[field]) for field in FIELDS if field in said}
    trace = said.get("correlation", "")
    if trace != fields.get("task", ""):
        fields["trace"] = str(trace)
    if said["level"] not in LEVELS:
        return None
    return Event(str(said["event"]), str(said["text"]), moment.timestamp(), said["level"], **fields)
