"""A hook in a process of its own, which ends with the engine: `python -P -m sprints.leash HELD [WORD]`.

Owns both ends of the socket to it, which is its standard input. What it shall run comes as a line of JSON, `[hook, files,
facts]`; back comes one that says why the hook said no, `null` for a yes. Its guard ends all that the hook has started when the
engine is gone, or the hook has failed; HELD is the sprint's folder, which the guard holds until then. What a hook that said yes
has left running goes on. With WORD, the file of a `HookWord`, the hook goes on without the engine too, and ends on SIGTERM.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import NoReturn

from sprints.errors import HookFailed
from sprints.guard import stand_guard
from sprints.hook import Hook, run_hook
from sprints.hookword import HookWord

__all__ = ["main", "run_leashed"]

#: Bytes that are read from the socket at once.
PIECE_BYTES = 1 << 16


def run_leashed(hook: Hook, files: str, facts: Mapping[str, str], held: str = "", word: str = "") -> None:
    """Run a hook and wait; it ends with this process. As `run_hook`. held: the folder that is held meanwhile; empty for none.

    word: the file of its word; where there is one it does not end with this process.

    Raises HookFailed.
    """
    ours, theirs = socket.socketpair()
    with ours:
        argv = [sys.executable, "-P", "-m", "sprints.leash", held, *([word] if word else [])]
        try:
            with theirs:
                process = subprocess.Popen(argv, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            raise HookFailed(hook.name, f"no process can be started for it: {error.strerror}") from error
        with suppress(BrokenPipeError, ConnectionResetError):  # then it says nothing either
            ours.sendall(json.dumps([asdict(hook), files, dict(facts)]).encode() + b"\n")
        answer = _line(ours)
        code = process.wait()  # before our end is closed: that is what a killed engine looks like
    if not answer:
        raise HookFailed(hook.name, f"the process that ran it ended with code {code}")
    why = json.loads(answer)
    if why is not None:
        raise HookFailed(hook.name, why)


def _line(source: socket.socket) -> bytes:
    """One line; empty where the other end is gone before its end."""
    data = bytearray()
    with suppress(ConnectionResetError):
        while not data.endswith(b"\n") and (piece := source.recv(PIECE_BYTES)):
            data += piece
    return bytes(data) if data.endswith(b"\n") else b""


def main(arguments: list[str]) -> None:
    """Guard a process that runs one hook. Ends with this process."""
    held, word = arguments[0], "".join(arguments[1:])
    stand_guard(partial(_run, word), None if word else 0, held, spares_done=True)


def _run(word: str) -> NoReturn:
    """Run the hook that is asked for, and tell how it went."""
    owner = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    asked = _line(owner)
    if not asked:  # who wanted it has ended
        os._exit(1)
    row, files, facts = json.loads(asked)
    hook, why = Hook(**row | {"command": tuple(row["command"])}), None
    try:
        told = _begun(hook, word) if word else None
        try:
            run_hook(hook, files, facts)
        except HookFailed as error:
            why = error.reason
        if told is not None:
            with suppress(OSError):  # whoever waits hears it all the same
                told.end(why)
    except HookFailed as error:
        why = error.reason
    with suppress(BrokenPipeError, ConnectionResetError):
        owner.sendall(json.dumps(why).encode() + b"\n")
    os._exit(0 if why is None else 1)


def _begun(hook: Hook, word: str) -> HookWord:
    """Have it be known that a hook begins. Raises HookFailed."""
    try:
        return HookWord(word)
    except FileExistsError as error:
        raise HookFailed(hook.name, "somebody else has asked what became of it, before it began") from error
    except OSError as error:
        raise HookFailed(hook.name, f"its beginning cannot be noted: {error.strerror}: {word}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
