"""The state of agents as a store has it, with where it comes from.

Owns the form in which a state is shown to programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from checkpoints.errors import CheckpointError
from checkpoints.files import Files
from checkpoints.table import Key
from engine.offline.folder import StoreFolder
from engine.offline.look import open_view
from engine.offline.view import Source, View
from pools.logbook import Checkpoint

__all__ = ["SCHEMA", "State", "Stranger", "all_states", "state_in"]

SCHEMA = "engine.checkpoints.state/v1"


class State(NamedTuple):
    """One agent's state by field; None where only checkpoints of its tasks are there.

    source: where it comes from, None where that was not looked for.  checkpoints: what its tasks put on record, oldest first.
    """

    agent: str
    store: StoreFolder
    shard: int
    fields: dict[str, Any] | None
    source: Source | None
    checkpoints: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON shows it."""
        return {
            "schema": SCHEMA,
            "agent": self.agent,
            "pool": self.store.pool,
            "worker": self.store.worker,
            "shard": self.shard,
            "state": self.fields,
            "checkpoints": self.checkpoints,
            "source": None if self.source is None else self.source._asdict(),
        }


class Stranger(NamedTuple):
    """An agent that a store has no state of. kinds: those that it has states of.  gone: where its removal is recorded."""

    kinds: set[str]
    gone: Source | None


def state_in(files: Files, store: StoreFolder, kind: str, key: Key) -> State | Stranger:
    """An agent's state in one store. Raises Corrupt, ReadFailed, NewerFormat where it cannot be known."""
    with _readable(files, store, (kind, key)) as view:
        fields = view.state(kind, key)
        source = view.source(kind, key)
        checkpoints = _checkpoints(view, kind, key)
        if fields is None and not checkpoints:
            return Stranger(view.kinds(), source)
        return State(f"{kind}/{key}", store, view.shard_of(kind, key), fields, source, checkpoints)


def all_states(files: Files, store: StoreFolder) -> Iterator[State]:
    """Every state of one store. Raises as `state_in`, before the first of them."""
    with _readable(files, store) as view:
        for kind, key, fields in view.items():
            yield State(f"{kind}/{key}", store, view.shard_of(kind, key), fields, None, _checkpoints(view, kind, key))


def _checkpoints(view: View, kind: str, key: Key) -> list[dict[str, Any]]:
    return [Checkpoint.of(waypoint).as_dict() for waypoint in view.waypoints.of(kind, key)]


def _readable(files: Files, store: StoreFolder, wanted: tuple[str, Key] | None = None) -> View:
    view = open_view(files, str(store.path), wanted)
    error: CheckpointError | None = view.error
    if error is not None:
        view.close()
        raise error
    return view
