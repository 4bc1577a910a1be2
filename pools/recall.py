"""What a worker remembers beside its agents' states: steps of open tasks, waypoints, and for how long answers are kept.

Owns what is recorded of a step and of its task's end, and the looking at the bounds. What is remembered stands in the store's
window; when it is on the disk is the ledger's business, which is above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checkpoints.frame import Part
from checkpoints.spec import ANSWERS_BYTES, ANSWERS_KEPT_S, ANSWERS_SPARED_S
from checkpoints.steps import OpenSteps, ended_part, step_part
from checkpoints.window import WAYPOINT, Window

__all__ = ["Recall"]

#: Seconds between two looks at whether anything is kept too long.
LOOK_S = 600.0
#: The same where many bytes came meanwhile: much less than they are spared for.
SOON_S = 30.0


class Recall:
    """The memory of one worker.

    noted: records what the window keeps.  sessions: of the engine's sections with even and odd numbers.
    wall_s: seconds since 1970.  most: answers and marks that are kept, none for longer than ANSWERS_KEPT_S.  most_bytes: of
    the answers, but for those of the last ANSWERS_SPARED_S.
    """

    def __init__(
        self,
        window: Window,
        noted: Callable[[Part, int], None],
        *,
        sessions: tuple[bytes, bytes],
        wall_s: Callable[[], float],
        most: int,
        most_bytes: int = ANSWERS_BYTES,
    ) -> None:
        self._window = window
        self._noted = noted
        self._sessions = sessions
        self._wall_s = wall_s
        self._most = most
        self._most_bytes = most_bytes
        #: Answers that were recorded since the last look, their bytes, and when the next one is due, in seconds since 1970.
        self._fresh = self._fresh_bytes = 0
        self._look_s = 0.0

    # -- steps ---------------------------------------------------------------------------------------------------------

    @property
    def steps(self) -> OpenSteps:
        """The steps of tasks that have not ended."""
        return self._window.steps

    def stepped(self, task: str, ordinal: int, name: Any, number: int | None, *value: Any) -> int:
        """Record a step of a task, with its value if it has one; returns its bytes. As `step_part`."""
        part = step_part(task, ordinal, name, number, value)
        self._noted(part, 1)
        return len(part.body)

    def ended(self, task: str) -> None:
        """Record that a task has ended, if it took steps, with what it changed: nobody asks for them any more."""
        if task in self.steps.tasks:
            self._noted(ended_part([task]), 0)

    def waypoint(self, body: bytes) -> None:
        """Record what a task, or the engine, says of how an agent stands. body: as `waypoints` makes it."""
        self._noted(Part(WAYPOINT, body), 1)

    # -- answers -------------------------------------------------------------------------------------------------------

    def session_of(self, section: int) -> bytes:
        """The session of the engine's sections with this parity."""
        return self._sessions[section & 1]

    def received(self, section: int) -> None:
        """The engine has all answers to sections with lower numbers of this parity: their tasks' steps are forgotten."""
        self.steps.received(self.session_of(section), section)

    def is_old(self, session: bytes, section: int) -> bool:
        """Whether the answers to a section were received, or are kept no longer: it must not be run."""
        return self._window.is_old(session, section)

    def bound(self, fresh: int = 0, fresh_bytes: int = 0) -> None:
        """Forget the oldest of what is kept too long, or past what may be kept, when a look is due; record that.

        fresh, fresh_bytes: answers that were recorded since.
        """
        self._fresh += fresh
        self._fresh_bytes += fresh_bytes
        now_s = self._wall_s()
        is_much = self._fresh_bytes > self._most_bytes // 10
        if self._fresh <= self._most // 10 and now_s < self._look_s - is_much * (LOOK_S - SOON_S):
            return
        self._fresh, self._fresh_bytes, self._look_s = 0, 0, now_s + LOOK_S
        spared: dict[str, Any] = {"most_bytes": self._most_bytes, "spared_s": ANSWERS_SPARED_S}
        for part in self._window.bounds(now_s, keep_s=ANSWERS_KEPT_S, most=self._most, **spared):
            self._noted(part, 0)
