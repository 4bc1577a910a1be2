"""Keys that were removed, as long as a snapshot may still have a state of them.

Owns which those are, and until when each has to be known. Pure: removals in, answers out. What a removal is on the disk is
`table`'s business, when snapshots are folded `compaction`'s.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from checkpoints.table import Key

__all__ = ["Grave", "Graves"]


class Grave:
    """One removal. segment: the last one in which its record may stand; None until that is known."""

    __slots__ = ("segment",)

    def __init__(self, segment: int | None = None) -> None:
        self.segment = segment


class Graves:
    """The removed keys of one store."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[Key, Grave]] = {}

    def add(self, kind: str, keys: Iterable[Key], grave: Grave) -> None:
        """Take in keys that were removed together."""
        keys = list(keys)
        if keys:
            self._kinds.setdefault(kind, {}).update(dict.fromkeys(keys, grave))

    def of(self, kind: str) -> Container[Key]:
        """The removed keys of a kind."""
        return self._kinds.get(kind, ())

    def forget(self, segment: int) -> None:
        """Snapshots that hold everything before this segment are read from now on: what was removed there is not in them."""
        for kind, keys in list(self._kinds.items()):
            left = {key: grave for key, grave in keys.items() if grave.segment is None or grave.segment >= segment}
            if left:
                self._kinds[kind] = left
            else:
                del self._kinds[kind]
