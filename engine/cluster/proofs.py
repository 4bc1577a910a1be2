"""The records by which a node tells what became of what it did for a sprint: tasks, their artifacts, and hooks.

Owns their fields, and how each is read. How they travel is `records`'. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.cluster import cell
from engine.cluster.cell import BadRecord, valid_id
from pools import values
from sprints.hookword import STATES

__all__ = ["ENVELOPE_TASKS", "PROOFS", "HookAnswer", "HookQuestion", "Proof", "Question", "Told"]

#: Tasks of one envelope: it is the unit that is leased, so that it must end within minutes. A node is asked about as many.
ENVELOPE_TASKS = 1_000
#: Artifacts of one task.
PATHS = 10_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Question:
    """What a node is asked about tasks that its engine did.

    node: who asks.  work: the folder of artifacts, from that of the node on.  tasks: of each its name and the paths of its
    artifacts, which are on the servers when the answer comes.  is_over: nobody wants them any more; they are to be taken back.
    """

    node: str
    work: str
    tasks: tuple[list[Any], ...]
    is_over: bool


class Told(NamedTuple):
    """What a node tells of one task.

    facts: as its engine has them, None where it knows no such task.  made: of each artifact that is evidence its path, sha256
    and bytes.  wrong: of each other one its path, and why it is none.
    """

    facts: Any
    made: tuple[list[Any], ...] = ()
    wrong: tuple[list[Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer: what is told of each task of a question, in their order."""

    node: str
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class HookQuestion:
    """What a node is asked about a hook that it was to run. node: who asks.  run: the hook's word."""

    node: str
    run: str


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """The answer: the state of a `sprints.hookword.Word`, and why it said no."""

    node: str
    run: str
    state: Any
    why: str


def _asked(value: Any) -> list[Any]:
    if type(value) is not list or len(value) != 2 or type(value[1]) is not list:
        raise BadRecord(f"a task is [name, paths], got {value!r:.80}")
    return [cell.text(value[0]), list(map(cell.path, value[1]))]


def _told(value: Any) -> Told:
    if type(value) is not list or len(value) != 3 or type(value[0]) not in (dict, type(None)):
        raise BadRecord(f"what is told of a task is [facts, made, wrong], got {value!r:.80}")
    wrong = values.fault(value[0])
    if wrong is not None:
        raise BadRecord(wrong)
    return Told(value[0], cell.each(_made, PATHS)(value[1]), cell.each(_wrong, PATHS)(value[2]))


def _made(value: Any) -> list[Any]:
    if type(value) is not list or len(value) != 3 or type(value[1]) is not str or _SHA256.fullmatch(value[1]) is None:
        raise BadRecord(f"an artifact is [path, sha256, bytes], got {value!r:.80}")
    return [cell.path(value[0]), value[1], cell.whole(value[2])]


def _wrong(value: Any) -> list[str]:
    if type(value) is not list or len(value) != 2:
        raise BadRecord(f"what is no evidence is [path, why], got {value!r:.80}")
    return [cell.path(value[0]), cell.text(value[1])]


#: How the fields of each are read.
PROOFS: dict[type[Any], dict[str, Callable[[Any], Any]]] = {
    Question: {"work": cell.path, "tasks": cell.each(_asked, ENVELOPE_TASKS, 1), "is_over": cell.claim},
    Proof: {"told": cell.each(_told, ENVELOPE_TASKS, 1)},
    HookQuestion: {"run": valid_id},
    HookAnswer: {"run": valid_id, "state": cell.word(STATES), "why": cell.text},
}
