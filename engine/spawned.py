"""What a spawn did.

Owns the facts only: how they are shown is the command line's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Spawned", "check_wanted"]


def check_wanted(count: int | None, add: int | None, keys: object) -> None:
    """Raises ValueError for a spawn that does not say in one way how many agents there shall be."""
    if [count, add, keys].count(None) != 2:
        raise ValueError("spawn takes one of count, add and keys")
    for number, what in ((count, "count"), (add, "add")):
        if number is not None and (type(number) is not int or number < 0):
            raise ValueError(f"{what} must be a whole number, 0 or more, got {number!r}")


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
