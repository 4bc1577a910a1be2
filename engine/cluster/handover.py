"""Agents as they travel between nodes: packed, in parts that each fit into a record, and put together again.

Owns the form. A text of agents, as `Client.export_agents` gives them, is compressed; its parts are 7-bit text. Pure.
"""

from __future__ import annotations

import zlib
from base64 import b85decode, b85encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from engine.cluster.records import BadRecord, Handover

__all__ = ["PACKED_BYTES", "Parts", "handovers", "some"]

#: Characters of the data of one part: under RECORD_BYTES with all else, however many of them JSON has to escape.
PART_CHARS = 450_000
#: Parts of one handover, and bytes of its agents as JSON: several of the largest states that a class may have.
PARTS, PACKED_BYTES = 200, 64 * 1024 * 1024
#: Bytes of states after which no more agents go into one handover.
SOME_BYTES = 2 * 1024 * 1024


def some(agents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first of some agents, so many that they are one handover: one at least."""
    found: list[Mapping[str, Any]] = []
    size_bytes = 0
    for agent in agents:
        size_bytes += len(orjson.dumps(agent))
        if found and size_bytes > SOME_BYTES:
            break
        found.append(agent)
    return found


def handovers(version: int, node: str, id: str, kind: str, agents: Sequence[Mapping[str, Any]]) -> list[Handover]:
    """The parts that agents travel in. Raises BadRecord where there are too many."""
    text = b85encode(zlib.compress(orjson.dumps(list(agents)), 1)).decode()
    parts = [text[at : at + PART_CHARS] for at in range(0, len(text), PART_CHARS)]
    if len(parts) > PARTS:
        raise BadRecord(f"agents of {kind} have {len(text):,} characters, packed; at most are {PARTS * PART_CHARS:,}")
    return [Handover(version, node, id, kind, at, len(parts), data) for at, data in enumerate(parts)]


class Parts:
    """What has come so far of one handover from each node."""

    def __init__(self) -> None:
        self._came: dict[str, list[Handover]] = {}

    def put(self, part: Handover) -> list[dict[str, Any]] | None:
        """The agents, once all parts have come in their order; None before. Raises BadRecord where one is missing."""
        came = self._came.pop(part.node, [])
        if part.part == 0 or (came and came[0].id != part.id):
            came = []
        if part.part != len(came) or not part.part < part.parts <= PARTS:
            raise BadRecord(f"part {part.part} of {part.parts} came after {len(came)}")
        came.append(part)
        if len(came) < part.parts:
            self._came[part.node] = came
            return None
        return list(_agents("".join(each.data for each in came)))


def _agents(text: str) -> Iterator[dict[str, Any]]:
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(b85decode(text), PACKED_BYTES)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise BadRecord(f"these agents have more than {PACKED_BYTES:,} bytes, or are cut off")
        agents = orjson.loads(plain)
    except (ValueError, zlib.error) as error:
        raise BadRecord(f"these are no agents: {error}") from error
    if type(agents) is not list:
        raise BadRecord("agents are a list")
    for agent in agents:
        if type(agent) is not dict or type(agent.get("key")) not in (int, str):
            raise BadRecord(f"this is no agent: {agent!r:.80}")
        yield agent
