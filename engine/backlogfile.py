"""A backlog, read from its file: YAML, JSON, or JSON lines of tasks.

Owns what a file's texts are as values, and the line of each of them, so that whatever is wrong is named with its file, line and
key. What a backlog may say is known below (`sprints/backlog.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.document import Branch, Form, Leaf, Node, Quoted, Row, read_document
from engine.errors import ConfigError
from engine.exactjson import INTEGERS, NotExact, NotJson, read
from sprints import fields as ways
from sprints.backlog import SCHEMA, Backlog, read_backlog
from sprints.errors import BadBacklog
from sprints.grammar import check_grammar
from sprints.spec import BACKLOG_BYTES, BACKLOG_ITEMS

__all__ = ["LINES", "read_backlog_file"]

#: Bytes of a backlog in YAML, of which each value is an object while it is read: some 100,000 tasks. JSON lines may be longer.
YAML_BYTES = 32 * 1024 * 1024
#: Mappings and lists within each other: what a message on the wire takes, nearly.
DEPTH = 64
#: Values of a backlog in YAML, those behind an alias counted wherever it stands: a dozen of a task.
VALUES = 4_000_000
#: Bytes of one line of tasks: a frame to a worker takes no more.
LINE_BYTES = 16 * 1024 * 1024
#: How the name of a file ends that has a task in each line, and that is JSON as a whole.
LINES, JSON = (".jsonl", ".ndjson"), ".json"

FORM = Form("backlog", "tasks: [...]", YAML_BYTES, DEPTH)
#: A number as JSON writes it: what else looks like one (010, 1_000, .5, 1:30) stays a text.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
#: Agents of a role that a file of tasks alone does not describe.
AGENTS = 10


def read_backlog_file(file: Path) -> Backlog:
    """The backlog in a file; each of its checks can be made.

    A file of JSON lines has a task in each; its first line may be what is said of all of them (`schema`, `name`, `roles`, ...).
    Without that the backlog has the file's name, and each role in it 10 agents of a kind of that name.
    Raises ConfigError where the file cannot be read, BadBacklog for what it says; both name file, line and key.
    """
    document, where = _document(file)
    backlog = read_backlog(document, where)
    check_grammar(backlog.items.values(), where)
    return backlog


def _document(file: Path) -> tuple[Any, ways.Where]:
    """What a file says, and where each value of it stands."""
    if file.suffix in LINES:
        return _read_lines(file)
    if file.suffix == JSON:
        return _read_json(file)
    tree = read_document(file, FORM)
    return _Values(file).value_of(tree, ()), lambda path: f"{file}:{_line(tree, path)}"


def _read_json(file: Path) -> tuple[Any, ways.Where]:
    """JSON is YAML but for a few escapes, so its lines are found as those of YAML are, where that can be read too."""
    try:
        with file.open("rb") as source:
            content = source.read(YAML_BYTES + 1)
        document = read(content) if len(content) <= YAML_BYTES else None
    except OSError as missing:
        raise ConfigError(f"cannot be read: {missing.strerror}", key="", file=file) from missing
    except NotExact as wrong:
        _Values(file, is_json=True).value_of(read_document(file, FORM), ())  # which names the line and key of most
        raise ConfigError(str(wrong), key="", file=file) from wrong
    except NotJson as wrong:
        raise ConfigError(f"not JSON: {wrong}", key="", file=file, line=wrong.line) from wrong
    if document is None:
        raise ConfigError(f"larger than {YAML_BYTES:,} bytes; a file of JSON lines may be larger", key="", file=file)

    def where(path: ways.Path) -> str:
        try:
            return f"{file}:{_line(read_document(file, FORM), path)}"
        except ConfigError:
            return f"{file}:1"

    return document, where


def _line(node: Node, path: ways.Path) -> int:
    """The line of a value, or of what it would stand in."""
    line = node.line
    for part in path:
        if isinstance(node, Branch) and part in node.items:
            line, node = node.lines[str(part)], node.items[str(part)]
        elif isinstance(node, Row) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            line = node.line
        else:
            break
    return line


class _Values:
    """The values of a file's texts."""

    def __init__(self, file: Path, *, is_json: bool = False) -> None:
        self._file = file
        self._is_json = is_json
        self._count = 0

    def value_of(self, node: Node, path: ways.Path) -> Any:
        """What a node is. Raises BadBacklog."""
        self._count += 1
        if self._count > VALUES:
            raise self._wrong(f"more than {VALUES:,} values, aliases counted wherever they stand", node, path)
        if isinstance(node, Branch):
            return {key: self.value_of(inner, (*path, key)) for key, inner in node.items.items()}
        if isinstance(node, Row):
            return [self.value_of(inner, (*path, at)) for at, inner in enumerate(node.items)]
        return self._text(node, path)

    def _text(self, leaf: Leaf, path: ways.Path) -> Any:
        text = leaf.text
        if isinstance(leaf, Quoted) or text is None:
            return text
        if not text:
            return None
        if text in _WORDS:
            return _WORDS[text]
        found = _NUMBER.fullmatch(text)
        if found is None:
            if self._is_json:
                raise self._wrong(f"{text:.30} is not in JSON", leaf, path)
            return text
        if found[2] or found[3]:
            number = float(text)
            if not math.isfinite(number):
                raise self._wrong(f"{text:.30} is a number out of range, put it in quotes", leaf, path)
            return number
        if len(text) > 20 or int(text) not in INTEGERS:
            raise self._wrong(f"{text:.30} is an integer of more than 64 bits, put it in quotes", leaf, path)
        return int(text)

    def _wrong(self, message: str, node: Node, path: ways.Path) -> BadBacklog:
        return BadBacklog(message, key=ways.path_text(path), place=f"{self._file}:{node.line}")


def _read_lines(file: Path) -> tuple[Any, ways.Where]:
    document: dict[str, Any] = {}
    tasks: list[Any] = []
    lines: list[int] = []
    for number, value in _values(file):
        if not tasks and not document and isinstance(value, dict) and "schema" in value and "tasks" not in value:
            document = value
            continue
        if len(tasks) == BACKLOG_ITEMS:
            raise BadBacklog(f"more than {BACKLOG_ITEMS:,} tasks", key="tasks", place=f"{file}:{number}")
        tasks.append(value)
        lines.append(number)
    if not document:
        named = [task.get("role") for task in tasks if isinstance(task, dict)]
        names = dict.fromkeys(name for name in named if isinstance(name, str) and name)
        roles = {name: {"kind": name, "agents": AGENTS} for name in names}
        document = {"schema": SCHEMA, "name": file.stem, "roles": roles or {"none": {"kind": "none", "agents": AGENTS}}}

    def where(path: ways.Path) -> str:
        number = lines[int(path[1])] if len(path) > 1 and path[0] == "tasks" else 1
        return f"{file}:{number}"

    return {**document, "tasks": tasks}, where


def _values(file: Path) -> Iterator[tuple[int, Any]]:
    """The value of each line that is not blank, with its number from 1."""
    size_bytes = 0
    try:
        with file.open("rb") as source:
            for number, line in enumerate(iter(lambda: source.readline(LINE_BYTES + 1), b""), 1):
                size_bytes += len(line)
                if len(line) > LINE_BYTES or size_bytes > BACKLOG_BYTES:
                    most = f"a line of more than {LINE_BYTES:,} bytes" if len(line) > LINE_BYTES else f"{BACKLOG_BYTES:,} bytes"
                    raise ConfigError(f"more than a backlog has: {most}", key="", file=file, line=number)
                if not line.isspace():
                    yield number, _value(file, number, line)
    except OSError as missing:
        raise ConfigError(f"cannot be read: {missing.strerror}", key="", file=file) from missing


def _value(file: Path, number: int, line: bytes) -> Any:
    try:
        return read(line)
    except NotJson as wrong:
        raise ConfigError(f"not JSON: {wrong}", key="", file=file, line=number) from wrong
    except NotExact as wrong:
        raise ConfigError(str(wrong), key="", file=file, line=number) from wrong
