"""How a store is: what it holds in numbers, who has it open, and what is wrong with it.

Owns the judgement over a look at its files, and the word for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from checkpoints.errors import CheckpointError, Corrupt
from checkpoints.files import Files
from checkpoints.recovery import Torn
from checkpoints.segment import number_of
from engine.offline.folder import StoreFolder, holder_of
from engine.offline.look import open_view
from engine.offline.view import View

__all__ = ["Report", "report_on", "torn_of"]


class Report(NamedTuple):
    """One store. pid: of the process that has it open.  Numbers that could not be found out are None.

    snapshots, states: files, and keys with a state.  records: ever written.  written_s: seconds since 1970 of the last write.
    torn: what the next start cuts off.  is_readable: whether all states can be read, whatever is damaged.
    """

    store: StoreFolder
    pid: int | None
    shards: int | None
    segments: int
    snapshots: int | None
    states: int | None
    records: int | None
    files: int
    size_bytes: int
    written_s: float | None
    torn: Torn | None
    is_readable: bool
    damages: list[CheckpointError]

    @property
    def state(self) -> str:
        """One word or two: damaged, open, torn tail, closed."""
        if self.damages:
            return "damaged"
        if self.pid is not None:
            return "open"
        return "closed" if self.torn is None else "torn tail"

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON shows it."""
        facts = self._asdict()
        del facts["store"]
        return {
            "pool": self.store.pool,
            "worker": self.store.worker,
            "folder": str(self.store.path),
            "state": self.state,
            **facts,
            "torn": None if self.torn is None else torn_of(self.torn),
            "damages": [_damage_of(error) for error in self.damages],
        }


def torn_of(torn: Torn) -> dict[str, Any]:
    """A torn tail as JSON shows it. kept: the file that has a copy of what was cut off."""
    return {"file": torn.file, "offset": torn.at, "size_bytes": torn.size_bytes, "reason": torn.reason, "kept": torn.kept}


def _damage_of(error: CheckpointError) -> dict[str, Any]:
    offset = error.offset if isinstance(error, Corrupt) else None
    return {"type": type(error).__name__, "message": str(error), "file": getattr(error, "file", None), "offset": offset}


def report_on(files: Files, store: StoreFolder) -> Report:
    """Read every byte of a store, and say how it is."""
    with open_view(files, str(store.path)) as view:
        pid = holder_of(store.path)
        names = _names(store)
        segments = [name for name in names if number_of(name) is not None]
        states, damages = _counted(view)
        return Report(
            store=store,
            pid=pid,
            shards=view.manifest.shards if view.manifest else None,
            segments=len(segments),
            snapshots=len(view.manifest.snapshots) if view.manifest else None,
            states=states,
            records=None if view.error else view.records,
            files=len(names),
            size_bytes=sum(_size_bytes(store, name) for name in names),
            written_s=max((_written_s(store, name) for name in segments), default=None),
            torn=_torn(view, pid),
            is_readable=states is not None,
            damages=damages,
        )


def _counted(view: View) -> tuple[int | None, list[CheckpointError]]:
    """How many states there are, None where not all can be read; and what is damaged."""
    if view.error is not None:
        return None, view.damages
    try:
        return view.count(), view.damages
    except CheckpointError as error:
        return None, [error, *view.damages]


def _torn(view: View, pid: int | None) -> Torn | None:
    """The torn tail of a store; of one that is open it is a frame that is being written."""
    return None if view.recovered is None or pid is not None else view.recovered.torn


def _names(store: StoreFolder) -> list[str]:
    try:
        return [entry.name for entry in store.path.iterdir()]
    except OSError:
        return []  # which is among the damages


def _size_bytes(store: StoreFolder, name: str) -> int:
    try:
        return (store.path / name).stat().st_size
    except FileNotFoundError:
        return 0  # a compaction took it away in this moment


def _written_s(store: StoreFolder, name: str) -> float:
    try:
        return (store.path / name).stat().st_mtime
    except FileNotFoundError:
        return 0.0
