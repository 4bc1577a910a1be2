"""What a spawn did.

Owns the facts only: how they are shown is the command line's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["Spawned", "check_skills", "check_wanted"]

#: Skills that an agent may be given, and characters of one: what a task may want.
SKILLS, SKILL_CHARS = 32, 100


def check_wanted(count: int | None, add: int | None, keys: object) -> None:
    """Raises ValueError for a spawn that does not say in one way how many agents there shall be."""
    if [count, add, keys].count(None) != 2:
        raise ValueError("spawn takes one of count, add and keys")
    for number, what in ((count, "count"), (add, "add")):
        if number is not None and (type(number) is not int or number < 0):
            raise ValueError(f"{what} must be a whole number, 0 or more, got {number!r}")


def check_skills(skills: Iterable[str]) -> frozenset[str]:
    """The skills as a set. Raises ValueError for what is no list of words."""
    given = [skills] if isinstance(skills, str) else list(skills)
    for skill in given:
        if not isinstance(skill, str) or not 0 < len(skill) <= SKILL_CHARS or skill != skill.strip():
            raise ValueError(f"a skill is a word of 1 to {SKILL_CHARS} characters, got {skill!r:.80}")
    if len(given) > SKILLS:
        raise ValueError(f"an agent has up to {SKILLS} skills of its own, not {len(given):,}")
    return frozenset(given)


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
