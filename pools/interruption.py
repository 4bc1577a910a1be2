"""How a task that hangs is ended without its worker: an exception raised within it, by a signal.

Owns the two signals that the supervisor sends to a worker: one writes down where the process is, which also works while it
sits in a call, the other raises `Interrupted` in the agent's code, and never in the engine's own.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Callable
from types import FrameType

from pools.agent import Agent
from pools.errors import Interrupted
from pools.gauges import HUNG, POSITION, SECTION, pulse_of

__all__ = ["INTERRUPT", "STACK", "Interruption", "sample_of"]

#: Signals that nothing else in a Python program uses.
STACK, INTERRUPT = signal.SIGRTMIN + 11, signal.SIGRTMIN + 12
#: Bytes of a stack sample that are kept: about fifty frames.
SAMPLE_BYTES = 4_096
_OURS = __file__.rpartition(os.sep)[0] + os.sep
#: Where the engine calls an agent's code from: files, and the functions in them.
_CALLERS = {
    (f"{_OURS}{file}.py", function)
    for file, functions in {
        "agent": ("execute",),
        "attempt": ("<lambda>", "call", "keep", "undo"),
        "effects": ("drive",),
        "executor": ("_run_alone", "_run_slice"),
        "turns": ("_drive",),
        "watched": ("_step",),
    }.items()
    for function in functions
}


class Interruption:
    """A worker's readiness to be interrupted.

    cells: its row of gauges.  found: told the agent's address, the method and the task's number when one was; the address is
    empty where the code that ran does not say whose it is.
    """

    def __init__(self, cells: memoryview, found: Callable[[str, str, str], None]) -> None:
        self._cells = cells
        self._found = found
        #: What stack samples are written to.
        self.sample = os.memfd_create("engine-stack", os.MFD_CLOEXEC)

    def listen(self) -> None:
        """Obey the signals from now on. For the main thread."""
        faulthandler.register(STACK, file=self.sample, all_threads=False, chain=False)
        signal.signal(INTERRUPT, self._interrupt)

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        cells = self._cells
        if cells[HUNG] != pulse_of(cells):
            return  # it has ended by itself meanwhile
        called = _called(frame)
        if called is None:
            return
        cells[HUNG] = 0
        agent = called.f_locals.get(called.f_code.co_varnames[0]) if called.f_code.co_argcount else None
        address = agent.id if isinstance(agent, Agent) else ""
        self._found(address, called.f_code.co_name, f"{cells[SECTION]}.{cells[POSITION]}")
        named = f"{address} {called.f_code.co_name}".strip()
        raise Interrupted(f"{named}: it ran for too long without an end, and was interrupted")


def _called(frame: FrameType | None) -> FrameType | None:
    """The frame of the method that runs, where it is the agent's code, or something that it called, that runs now."""
    if frame is not None and frame.f_code.co_filename.startswith(_OURS):
        return None  # in the middle of something of ours: a moment later it is not
    while frame is not None and frame.f_back is not None:
        caller = frame.f_back.f_code
        if (caller.co_filename, caller.co_name) in _CALLERS and not frame.f_code.co_filename.startswith(_OURS):
            return frame
        frame = frame.f_back
    return None


def sample_of(pid: int, descriptor: int, seen_bytes: int = 0) -> tuple[str, int]:
    """What a process wrote into its stack file after so many bytes, and how many there are now; empty where it is gone."""
    try:
        with open(f"/proc/{pid}/fd/{descriptor}", "rb") as file:  # noqa: PTH123 - pathlib takes 4 ms to load
            size_bytes = file.seek(0, os.SEEK_END)
            file.seek(seen_bytes)
            said = file.read(SAMPLE_BYTES)
    except OSError:
        return "", seen_bytes
    return said.decode(errors="replace").strip(), size_bytes
