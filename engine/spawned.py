"""What a spawn did.

Owns the facts only: how they are shown is the command line's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Spawned"]


class Spawned(NamedTuple):
    """The outcome of one spawn.

    total: agents of the kind now.  added: how many of them are new.  wanted: the number asked for, None for `add` and keys.
    workers: processes they live in.  seconds: what the spawn took.
    agent_bytes: measured memory of a new agent, None when it was not measured.
    """

    kind: str
    total: int
    added: int
    wanted: int | None
    workers: int
    seconds: float
    agent_bytes: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The facts by name."""
        return self._asdict()
