"""What `checkpoints` does with the states in the stores: show one, export one or all.

Owns the search for an agent over all stores. A store that cannot be read is an error also where another one has the agent.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from checkpoints.errors import CheckpointError
from checkpoints.files import Disk
from checkpoints.table import Key
from engine import errors
from engine.cli.failure import report
from engine.cli.misuse import Misuse
from engine.cli.output import hint, screen, show_json, show_lines
from engine.cli.waypointlines import waypoint_lines
from engine.errors import UnknownAgent
from engine.offline.folder import StoreFolder
from engine.offline.state import State, Stranger, all_states, state_in
from engine.offline.view import Source
from pools.address import parse

__all__ = ["run"]


def run(options: Namespace, data: Path, stores: Sequence[StoreFolder]) -> int:
    """Show or export what the options say; returns the exit code."""
    if options.all:
        return _export_all(options, data, stores)
    state, unread = _found(data, stores, *cast("tuple[str, Key]", parse(options.agent)))
    if options.json or options.action == "export":
        show_json(state.as_dict())
    else:
        print(json.dumps(state.fields, ensure_ascii=False, indent=2))
        if state.checkpoints:
            show_lines(["", *waypoint_lines(state.checkpoints, screen(options))])
        hint(options, f"{state.agent} in {state.store.name}, shard {state.shard}: {_origin(state.source)}")
    return _codes(options, unread)


def _found(data: Path, stores: Sequence[StoreFolder], kind: str, key: Key) -> tuple[State, list[CheckpointError]]:
    """The agent's state, and the errors of stores that cannot be read. Raises UnknownAgent, Misuse, or such an error."""
    found: list[State] = []
    strangers: list[tuple[StoreFolder, Stranger]] = []
    unread: list[CheckpointError] = []
    for store in stores:
        try:
            seen = state_in(Disk(), store, kind, key)
        except CheckpointError as error:
            unread.append(error)
            continue
        if isinstance(seen, State):
            found.append(seen)
        else:
            strangers.append((store, seen))
    if not found:
        raise unread[0] if unread else _unknown(data, kind, key, strangers)
    if len(found) > 1:
        where = " and ".join(state.store.name for state in found)
        raise Misuse(f"{kind}/{key} has a state in {where}; say which you mean: --store {found[0].store.name}")
    return found[0], unread


def _unknown(data: Path, kind: str, key: Key, strangers: Sequence[tuple[StoreFolder, Stranger]]) -> UnknownAgent:
    agent = f"{kind}/{key}"
    for store, stranger in strangers:
        if stranger.gone is not None:
            return UnknownAgent(f"{agent} has no state any more: it was removed, {store.name} {_origin(stranger.gone)}")
    kinds = sorted(set().union(*(stranger.kinds for _, stranger in strangers)))
    known = "nothing changed it yet" if kind in kinds else f"there are states of {', '.join(kinds) or 'no kind'}"
    return UnknownAgent(f"{agent} has no state in {data}: {known}")


def _origin(source: Source | None) -> str:
    """Where a state comes from, in words."""
    if source is None:
        return "-"
    if source.offset is None:
        return f"{source.file}, which has all records up to {source.last:,}"
    records = f"record {source.first:,}" if source.first == source.last else f"records {source.first:,} to {source.last:,}"
    base = f", upon {source.snapshot}" if source.snapshot else ""
    return f"{records}, in {source.file} at byte {source.offset}{base}"


def _export_all(options: Namespace, data: Path, stores: Sequence[StoreFolder]) -> int:
    """Every state as a JSON line, store by store."""
    if not stores:
        hint(options, f"nothing is kept yet: no stores in {data}")
    unread: list[CheckpointError] = []
    for store in stores:
        try:
            for state in all_states(Disk(), store):
                sys.stdout.write(json.dumps(state.as_dict(), ensure_ascii=False) + "\n")
        except CheckpointError as error:
            unread.append(error)
    return _codes(options, unread)


def _codes(options: Namespace, unread: Sequence[CheckpointError]) -> int:
    """Say which stores could not be read; returns the worst exit code."""
    return max((report(error, is_json=options.json, is_debug=options.debug) for error in unread), default=errors.DONE)
