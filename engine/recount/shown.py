"""What an engine shows, for who counts again.

Owns the form. Where it came from, a socket or a recording, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["LOST", "NO_RECORD", "Shown"]

NO_RECORD = "tasks whose sender waits are acknowledged by their answer alone: they leave no record in the journal"

#: Why what the engine wrote cannot be counted again.
LOST = "the engine has written this down, and the journal does not have it"


class Shown(NamedTuple):
    """Documents of `stats` and of the overview, of one moment. is_past: they were recorded, and the engine runs no more.

    row: of the journal, which the engine wrote at this moment.  unwritten: why there is none.
    """

    stats: Mapping[str, Any]
    overview: Mapping[str, Any]
    is_past: bool = False
    row: int | None = None
    unwritten: str = NO_RECORD
