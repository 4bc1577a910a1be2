"""The process in which checks run: `python -P -m sprints.checker HELD FOLDER [PATH…]`.

Owns the running of one check after the other, as its owner (`sprints/checkers.py`) asks for them over the socket that is its
standard input; FOLDER is the tasks' work folder, and PATH… stand at the end of `sys.path`. What a check does to this process it
does to no other. It has a guard, its parent, which runs nobody's code and holds HELD, the sprint's folder: when the owner ends,
or the process of checks does, the guard ends all that checks have started, wherever they have put it.
The protocol is JSON lines: `[number, kind, what, equals?, value, facts]` there, `[number, why]` back, `why` null for a pass; a
line `[0, name]` says that a library was loaded, whose time is not the check's.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
import signal
import sys
import threading
import types
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any, NoReturn

import orjson

from sprints.command import run_command
from sprints.guard import stand_guard
from sprints.lineage import end_descendants

__all__ = ["WHY_CHARS", "main", "why_not"]

#: Characters of a reason: a receipt is a line that somebody reads.
WHY_CHARS = 1_000
#: Bytes that are read from the socket at once.
PIECE_BYTES = 1 << 18
#: Seconds that an answer may wait for others, also while a check runs that hangs.
SAY_S = 0.002
#: Kinds that run code of others, which may do anything to this process: what was answered before is said before.
FOREIGN = ("call", "command")
#: Schemas and expressions that are held ready: those of a backlog's tasks are few, as they are written by hand.
READY = 256


def why_not(kind: str, what: Any, equals: list[Any], value: Any, facts: dict[str, Any]) -> str | None:
    """Why a check does not pass; None where it does. equals: one value or none. What it raises counts as no pass too."""
    try:
        why = _WAYS[kind](what, equals, value, facts)
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its answer
        why = f"it raised {type(error).__name__}: {error}"
    return None if why is None else why[:WHY_CHARS].encode("utf-8", "replace").decode()


def _call(what: str, _equals: list[Any], value: Any, facts: dict[str, Any]) -> str | None:
    name, _, path = what.partition(":")
    found: Any = importlib.import_module(name)
    for part in path.split("."):
        found = getattr(found, part)
    got = found(value, facts) if _takes_two(found) else found(value)
    if inspect.isawaitable(got):
        got = _awaited(got)
    is_pass = bool(got) and not isinstance(got, tuple | types.GeneratorType)  # `False, "why"` is true for Python
    return None if is_pass else f"{what} returned {_shown(got)}, a pass returns True"


def _awaited(got: Awaitable[Any]) -> Any:
    """What an async function returns, run to its end in a loop of its own."""
    import asyncio

    async def wait() -> Any:
        return await got

    return asyncio.run(wait())


def _takes_two(function: Any) -> bool:
    """Whether it is to be given the facts of the task too."""
    try:
        inspect.signature(function).bind(None, None)
    except (TypeError, ValueError):  # ValueError: it is built in and does not tell
        return False
    return True


def _command(what: list[str], _equals: list[Any], value: Any, facts: dict[str, Any]) -> str | None:
    try:
        ended = run_command(
            what,
            folder=".",
            given=orjson.dumps(value),
            environ=os.environ | {"ENGINE_ITEM": str(facts.get("id", ""))},
            is_group=False,
        )
    except OSError as error:
        return f"{what[0]} cannot be run: {error.strerror}"
    return None if ended.code == 0 else f"{what[0]}: {ended.why}"


def _schema(what: Any, _equals: list[Any], value: Any, _facts: dict[str, Any]) -> str | None:
    validator = _ready("schema", json.dumps(what, sort_keys=True), lambda: _validator(what))
    error = next(validator.iter_errors(value), None)
    return None if error is None else f"{error.json_path}: {error.message}"


def _expr(what: str, equals: list[Any], value: Any, _facts: dict[str, Any]) -> str | None:
    import jmespath

    found = _ready("expr", what, lambda: jmespath.compile(what)).search(value)
    if not equals:
        is_true = found is not None and found is not False and found not in ("", [], {})
        return None if is_true else f"{what} gives {_shown(found)}, which is not true"
    why = _schema({"const": equals[0]}, [], found, {})
    return None if why is None else f"{what} gives {_shown(found)}, not {_shown(equals[0])}"


_WAYS: dict[str, Callable[[Any, list[Any], Any, dict[str, Any]], str | None]] = {
    "call": _call,
    "command": _command,
    "schema": _schema,
    "expr": _expr,
}
#: What is needed for a kind, beside what is there.
LIBRARIES = {"schema": ("jsonschema",), "expr": ("jmespath", "jsonschema")}
_held: dict[tuple[str, str], Any] = {}


def _validator(schema: Any) -> Any:
    """What judges by a schema. Nothing is fetched that it refers to. Raises SchemaError."""
    from jsonschema.validators import validator_for
    from referencing import Registry

    kind = validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, registry=Registry())


def _ready(kind: str, text: str, make: Callable[[], Any]) -> Any:
    if (kind, text) not in _held:
        if len(_held) >= READY:
            _held.clear()
        _held[kind, text] = make()
    return _held[kind, text]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _listen(source: int, lines: SimpleQueue[bytes]) -> None:
    """Take in what is asked; end this process when the owner is gone, also while a check hangs."""
    rest = b""
    while piece := _piece(source):
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if newline:
            for line in whole.split(b"\n"):
                lines.put(line)
    os.kill(os.getpid(), signal.SIGKILL)


def _piece(source: int) -> bytes:
    try:
        return os.read(source, PIECE_BYTES)
    except OSError:
        return b""


class _Answers:
    """What is said to the owner: many at once where checks are quick, and none later than it matters."""

    def __init__(self, socket: int) -> None:
        self._socket = socket
        self._unsaid = bytearray()
        self._is_saying = False
        signal.signal(signal.SIGALRM, lambda _number, _frame: self.say())

    def add(self, answer: list[Any]) -> None:
        """Say this soon; what follows may hang, and what was answered before it must be known then."""
        is_first = not self._unsaid
        self._unsaid += orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)
        if is_first:
            signal.setitimer(signal.ITIMER_REAL, SAY_S)

    def say(self) -> None:
        """Say all of it now."""
        if self._is_saying or not self._unsaid:
            return
        self._is_saying = True
        left = memoryview(bytes(self._unsaid))
        self._unsaid.clear()
        while left:
            left = left[os.write(self._socket, left) :]
        self._is_saying = False
        signal.setitimer(signal.ITIMER_REAL, 0)


def _load(kind: str, answers: _Answers) -> None:
    for library in LIBRARIES.get(kind, ()):
        if library not in sys.modules:
            importlib.import_module(library)
            answers.add([0, library])


def _clear() -> None:
    """End what a check left behind, and bury it."""
    end_descendants(os.getpid())
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main(arguments: list[str]) -> None:
    """Guard a process that answers until the owner is gone. Ends with this process."""
    held, folder, *path = arguments
    os.chdir(folder)
    sys.path += path
    stand_guard(_answer, 0, held)


def _answer() -> NoReturn:
    """Make the checks that are asked for, for ever."""
    socket = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # what a check prints is nobody's answer
        os.dup2(nothing, descriptor)
    lines: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(socket, lines), daemon=True).start()
    answers = _Answers(socket)
    answers.add([0, "checker"])
    while True:
        if lines.empty():
            answers.say()
        number, kind, what, equals, value, facts = orjson.loads(lines.get())
        _load(kind, answers)
        if kind in FOREIGN:
            answers.say()
        why = why_not(kind, what, equals, value, facts)
        if kind in FOREIGN:
            _clear()
        answers.add([number, why])


if __name__ == "__main__":
    main(sys.argv[1:])
