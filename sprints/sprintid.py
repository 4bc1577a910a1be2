"""What a sprint is called: the day on which it began, by UTC, and its number of that day: `sp-20261121-004`.

Pure: the day and the ids that were given before are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from sprints.errors import TooManySprints
from sprints.spec import SPRINTS_A_DAY

__all__ = ["SPRINT_ID", "is_sprint_id", "next_sprint_id"]

#: The form of an id; the number has three digits, or more where a day has more than 999.
SPRINT_ID = re.compile(r"sp-(\d{8})-(\d{3,6})", re.ASCII)


def is_sprint_id(text: str) -> bool:
    """Whether a text is an id, on a day that there was or will be."""
    found = SPRINT_ID.fullmatch(text)
    if found is None or not int(found[2]):
        return False
    try:
        datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def next_sprint_id(at_s: float, before: Iterable[str]) -> str:
    """The id of a sprint that begins now. at_s: unix time.  before: every id ever given, also of what is removed since.

    A clock that was set back gives the next number of the newest day that had some: the order of ids is that of the sprints.
    Raises TooManySprints.
    """
    known = [(found[1], int(found[2])) for found in map(SPRINT_ID.fullmatch, before) if found is not None]
    day = max([datetime.fromtimestamp(at_s, UTC).strftime("%Y%m%d"), *(day for day, _ in known)])
    numbers = [number for at, number in known if at == day]
    number = max(numbers, default=0) + 1
    if number > SPRINTS_A_DAY:
        raise TooManySprints(day, SPRINTS_A_DAY)
    return f"sp-{day}-{number:03d}"
