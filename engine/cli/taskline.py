"""One line of a task file, read.

Owns the way from the bytes of a line to a task that can be sent. Lines in the usual form are read fast, where that provably
changes nothing in them; every other one is read with care.
"""

from __future__ import annotations

from typing import Any

import orjson

from engine.errors import BadAddress, BadArgument
from engine.exactjson import NotExact, NotJson, read
from engine.options import PLAIN as NO_DEFAULTS
from engine.options import Options, name_of
from engine.submission import LINE, Submission, submission_of, task_of

__all__ = ["NotTask", "read_submission", "read_task"]

Task = tuple[Any, ...]

#: Types that the fast parser never changes; a float may have been an integer too large for it.
PLAIN = frozenset({int, str, bool, type(None)})
#: Types of a plain id.
NAMES = frozenset({int, str, type(None)})
#: How a key ends where there is no blank before its colon.
KEY = b'":'


class NotTask(ValueError):
    """A line is not a task; `name` is its id, where it has one."""

    def __init__(self, message: str, name: Any = None) -> None:
        super().__init__(message)
        self.name = name


def read_task(line: bytes) -> tuple[Any, Task | Submission]:
    """The id (None where it has none) and the task (address, method, *arguments) of a line; with conditions a submission.

    Raises NotTask.
    """
    return _plain_task(line) or _any_task(line)


def _plain_task(line: bytes) -> tuple[Any, Task] | None:
    """The same for {"agent", "method"}, perhaps with an "id" and flat "args"; None for any other line.

    No key is there twice: there are as many key ends as keys, and no blank can hide one more.
    """
    try:
        value = orjson.loads(line)
        address, method = value["agent"], value["method"]
    except (ValueError, KeyError, TypeError):
        return None
    name, arguments = value.get("id"), value.get("args", [])
    if (
        line.count(KEY) != len(value)
        or len(value) != 2 + ("id" in value) + ("args" in value)
        or b'" ' in line
        or b'"\t' in line
        or b'"\r' in line
        or type(name) not in NAMES
        or type(address) is not str
        or "/" not in address
        or type(method) is not str
        or type(arguments) is not list
        or not PLAIN.issuperset(map(type, arguments))
    ):
        return None
    return name, (address, method, *arguments)


def read_submission(line: bytes, defaults: Options = NO_DEFAULTS) -> Submission:
    """What a line asks to be accepted: a task, perhaps with more fields. defaults: what it does not say.  Raises NotTask."""
    plain = _plain_task(line)
    value = _value(line) if plain is None else None
    try:
        if plain is None:
            return submission_of(value, defaults=defaults)
        if plain[0] is not None:
            name_of('an "id"', plain[0])
        return submission_of(plain[1], defaults=defaults)._replace(name=plain[0])
    except (BadArgument, BadAddress) as error:
        name = plain[0] if plain is not None else value.get("id") if type(value) is dict else None
        raise NotTask(str(error), name) from error


def _value(line: bytes) -> Any:
    try:
        return read(line)
    except NotJson as error:
        raise NotTask(f"not JSON: {error}") from error
    except NotExact as error:
        raise NotTask(str(error)) from error


def _any_task(line: bytes) -> tuple[Any, Task | Submission]:
    value = _value(line)
    try:
        if type(value) is dict and not value.keys() <= LINE:
            submission = submission_of(value)
            return submission.name, submission
        return task_of(value)
    except BadArgument as error:
        raise NotTask(str(error), value.get("id") if type(value) is dict else None) from error
