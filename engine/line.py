"""Control verbs over the engine's socket, one at a time and blocking.

Owns one connection for somebody who asks a few questions and leaves, as the command line does: it needs no event loop, whose
import would cost more than the question. Tasks go through `Client`.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from engine.errors import (
    DependencyCycle,
    DuplicateTask,
    EngineError,
    IntakeFull,
    JournalFailed,
    NotRecorded,
    NotRequeued,
    NotRunning,
    RecordingDamaged,
    ResultGone,
    TaskEnded,
    TaskOpen,
    UnknownTask,
)
from engine.paths import find_paths
from pools.errors import Failure, KindNotLoaded, LinkClosed, TooManyAgents, raised
from pools.message import ERROR, STATUS, Frames, Message, encode
from sprints.errors import (
    BacklogCycle,
    BadBacklog,
    CampaignFailed,
    LedgerCorrupt,
    LedgerFailed,
    SprintBusy,
    SprintError,
    SprintOver,
    StillQueued,
    TakenOut,
    TooManyQueued,
    TooManySprints,
    UnknownSprint,
)

__all__ = ["Line", "error_of", "not_running"]

#: The errors of verbs about tasks and of looking back, by name: they have nothing but their text.
_OF_TASKS: dict[str, type[EngineError]] = {
    leaf.__name__: leaf
    for leaf in (
        DependencyCycle,
        DuplicateTask,
        IntakeFull,
        JournalFailed,
        NotRecorded,
        NotRequeued,
        RecordingDamaged,
        ResultGone,
        TaskEnded,
        TaskOpen,
        UnknownTask,
    )
}
#: The errors of verbs about sprints, by name; their facts stand in their text.
_OF_SPRINTS: dict[str, type[SprintError]] = {
    leaf.__name__: leaf
    for leaf in (
        BacklogCycle,
        BadBacklog,
        CampaignFailed,
        LedgerCorrupt,
        LedgerFailed,
        SprintBusy,
        SprintOver,
        StillQueued,
        TakenOut,
        TooManyQueued,
        TooManySprints,
        UnknownSprint,
    )
}
#: Bytes that one look at the socket reads at most.
READ_BYTES = 1 << 18


class Line:
    """A connection to a running engine. Raises NotRunning where none runs, UnsafePath.

    timeout_s: seconds that an answer may take before the connection counts as ended; None for as long as it takes.
    """

    def __init__(self, name: str, environ: Mapping[str, str], *, timeout_s: float | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._frames = Frames()
        self._messages: deque[Message] = deque()
        self._number = 0
        try:
            paths = find_paths(name, environ)
            paths.check()
            self._socket.connect(str(paths.socket))  # with a timeout it would fail where many connect at once
            self._socket.settimeout(timeout_s)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            self._socket.close()
            raise not_running(name) from error
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def request(self, verb: str, **facts: Any) -> Any:
        """Ask for a control verb; returns its value. Raises its error, LinkClosed."""
        self._number += 1
        try:
            self._socket.sendall(encode(STATUS, {"verb": verb, "id": self._number, **facts}, int(time.time())))
            while True:
                message = self._next()
                if message.letter == STATUS and message.data.get("id") == self._number:
                    break
                if message.letter == ERROR:
                    raise LinkClosed(f"the engine ended the connection: {message.data['type']}: {message.data['message']}")
        except OSError as error:
            raise LinkClosed(f"the engine ended the connection: {error}") from error
        if message.data["verb"] != "done":
            raise error_of(message.data)
        return message.data["value"]

    def _next(self) -> Message:
        while not self._messages:
            data = self._socket.recv(READ_BYTES)
            if not data:
                raise LinkClosed("the engine ended the connection")
            self._messages.extend(self._frames.feed(data))
        return self._messages.popleft()


def not_running(name: str) -> NotRunning:
    """The error of a name that no engine listens under."""
    named = "" if name == "engine" else f" --name {name}"
    return NotRunning(f"no engine named {name!r} runs; start one with: engine spawn{named} --count 5000")


def error_of(said: dict[str, Any]) -> Exception:
    """The error that a refused verb's answer stands for."""
    failure = Failure(*said["error"])
    if failure.type == "KindNotLoaded":
        return KindNotLoaded(failure.message, said.get("trace", ""))
    if failure.type == "TooManyAgents":
        return TooManyAgents(failure.message, limit=said["limit"], where=said["where"])
    if failure.type in ("ValueError", "TypeError", "KeyError"):
        return ValueError(failure.message)
    if failure.type in ("EngineStopped", "Unavailable"):
        return EngineError(failure.message)
    if failure.type in _OF_SPRINTS:
        error = Exception.__new__(_OF_SPRINTS[failure.type])
        Exception.__init__(error, failure.message)
        return error
    if failure.type in _OF_TASKS:
        return _OF_TASKS[failure.type](failure.message)
    return raised(failure)
