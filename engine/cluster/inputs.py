"""What a task of a sprint finds before it begins: the list of the files that the items before it have made, as it travels.

Owns the form of the list, and its limits. It is a file on the servers, known by its sha256; the header `Engine-Input` of an
envelope names it. How the files come to a node is `supplies`'s. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from engine.cluster import cell
from engine.cluster.cell import BadRecord
from sprints.artifact import wrong_path

__all__ = ["INPUT", "LIST_BYTES", "Input", "list_of", "read_list"]

#: The header of an envelope whose task has inputs.
INPUT = "Engine-Input"
#: Bytes of a list: of some 100,000 files.
LIST_BYTES = 16 * 1024 * 1024
SCHEMA = "engine.inputs/v1"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Input(NamedTuple):
    """A file, from the work folder on. made_s: unix time at which it was known to be made, by the clock of who drove."""

    path: str
    sha256: str
    size_bytes: int
    made_s: float


def list_of(work: str, inputs: Sequence[Input]) -> bytes:
    """The list of files in a work folder, from that of the node on; the same for the same. Raises BadRecord."""
    data = orjson.dumps({"schema": SCHEMA, "work": work, "files": [[*one] for one in sorted(inputs)]})
    if len(data) > LIST_BYTES:
        raise BadRecord(f"{len(inputs):,} files are more than a task can have from those before it")
    return data


def read_list(data: bytes) -> tuple[str, tuple[Input, ...]]:
    """The work folder and the files of a list. Raises BadRecord, and nothing else."""
    try:
        row = orjson.loads(data)
    except ValueError as error:
        raise BadRecord(f"a list of inputs is not JSON: {error}") from error
    if type(row) is not dict or row.keys() != {"schema", "work", "files"} or row["schema"] != SCHEMA:
        raise BadRecord(f"this is no list of inputs: {data[:80]!r}")
    if type(row["files"]) is not list:
        raise BadRecord("the files of a list of inputs are a list")
    return cell.path(row["work"]), tuple(map(_input, row["files"]))


def _input(value: Any) -> Input:
    if type(value) is not list or len(value) != len(Input._fields):
        raise BadRecord(f"an input is [path, sha256, bytes, made_s], got {value!r:.80}")
    path, sha256, size_bytes, made_s = value
    if type(sha256) is not str or _SHA256.fullmatch(sha256) is None:
        raise BadRecord(f"an input is [path, sha256, bytes, made_s], got {value!r:.80}")
    wrong = wrong_path(cell.path(path))
    if wrong is not None:
        raise BadRecord(f"{path!r:.80} {wrong}")
    return Input(path, sha256, cell.whole(size_bytes), cell.time(made_s))
