"""What nodes say to each other: its records, as checked JSON.

Owns their fields, the limits and what is said about a wrong one. Whatever arrives is either one of them or a `BadRecord`: who
decodes needs to fear no other error. Pure; how records travel is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import ge
from typing import Any, Literal, NamedTuple, TypeVar

import orjson

from engine.cluster import cell
from engine.cluster.cell import BadRecord, valid_id
from pools import values
from pools.errors import Failure
from sprints.hookword import STATES

__all__ = [
    "ENVELOPE_TASKS", "KEYS", "NAMES", "RECORD_BYTES", "REPLIES", "ROLES", "BadRecord", "Handover", "Heartbeat", "HookAnswer",
    "HookQuestion", "NodeInfo", "Order", "Outcome", "Progress", "Proof", "Question", "Record", "Reply", "TaskEnvelope",
    "TaskResult", "Told", "decode", "encode", "valid_id",
]  # fmt: skip

#: Version of the form of every record; one of another version is refused by number.
VERSION = 1
#: Bytes of one record: under the 1 MiB that a NATS server takes by default, with room for its headers.
RECORD_BYTES = 1_000_000
#: Tasks of one envelope: it is the unit that is leased, so that it must end within minutes.
ENVELOPE_TASKS = 1_000
#: Names in a list of kinds or capabilities, and artifacts of one task.
NAMES, PATHS = 1_000, 10_000
#: Names of agents in one order, and what may be replied.
KEYS, REPLIES = 5_000, ("done", "more", "again", "refused")

_SHA256 = re.compile(r"[0-9a-f]{64}")
Role = Literal["primary", "worker", "backup"]
ROLES = ("primary", "worker", "backup")


class Outcome(NamedTuple):
    """What became of one task: its value, or why it failed. error: None where it was done."""

    value: Any
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """Who a node is.  incarnation: drawn anew by each start of its gateway.  agents: how many it may have.

    kinds: of agents that its engine has.  capabilities: words that its operator gave it, such as `gpu`.
    """

    node: str
    incarnation: str
    role: Role
    kinds: tuple[str, ...]
    capabilities: tuple[str, ...]
    agents: int
    version: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """That a node lives, and how much room it has.

    number: from 1, in each incarnation.  running, room: tasks that it has, and may have, at once.  wall_s: its own clock, to be
    shown: nobody decides by it.  superseded: results of its that came second since its start.
    """

    info: NodeInfo
    number: int
    running: int
    room: int
    is_draining: bool
    superseded: int
    wall_s: float


@dataclass(frozen=True, slots=True)
class TaskEnvelope:
    """Tasks that travel, are leased and are answered together.

    sender, id: who sent it, and its number there.  rows: of tasks, as `engine.submission.rows_of` writes them.
    """

    sender: str
    id: str
    rows: tuple[list[Any], ...]


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What became of tasks of an envelope, in their order.  node, incarnation: whose engine did them.

    rows: which tasks these are, by their places in the envelope, ascending; empty where they are all, or the first ones.
    """

    sender: str
    id: str
    node: str
    incarnation: str
    outcomes: tuple[Outcome, ...]
    rows: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.rows and (len(self.rows) != len(self.outcomes) or any(map(ge, self.rows, self.rows[1:]))):
            raise BadRecord(f"rows are ascending, one for each of {len(self.outcomes):,} outcomes, got {self.rows!r:.80}")

    @property
    def places(self) -> Sequence[int]:
        """The place of each outcome's task in the envelope."""
        return self.rows or range(len(self.outcomes))


@dataclass(frozen=True, slots=True)
class Progress:
    """How many tasks of an envelope have ended on a node."""

    sender: str
    id: str
    node: str
    ended: int
    tasks: int


@dataclass(frozen=True, slots=True)
class Handover:
    """A part of some agents of a kind that one node gives to another in a step of the plan.

    version: of the plan.  node: that gives.  id: the same for all parts.  part: from 0, of so many parts.
    data: a part of the text that they are, packed, as `handover` makes it.
    """

    version: int
    node: str
    id: str
    kind: str
    part: int
    parts: int
    data: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a node is asked to do at once. verb: `spawn`.  kind: of agents.  count: so many in all.  keys: those with names."""

    verb: str
    kind: str
    count: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a node says to a Handover or an Order.

    said: `done`, `more` (the next part may come), `again` (begin anew, later), or `refused`.  count: agents that are new.
    text: why.
    """

    node: str
    said: str
    count: int
    text: str


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


Record = (
    NodeInfo | Heartbeat | TaskEnvelope | TaskResult | Progress | Handover | Order | Reply | Question | Proof
    | HookQuestion | HookAnswer
)  # fmt: skip
R = TypeVar("R", bound=Record)


def encode(record: Record) -> bytes:
    """A record as JSON. Raises BadRecord where it has a wrong field, or more than RECORD_BYTES."""
    kind = type(record)
    fields_of = _document(record)
    _read(kind, fields_of)
    try:
        data = values.dumps({"record": kind.__name__, "v": VERSION, **fields_of})
    except TypeError as error:
        raise BadRecord(f"{kind.__name__} cannot travel: {error}") from error
    if len(data) > RECORD_BYTES:
        raise BadRecord(f"{kind.__name__} has {len(data):,} bytes, more than {RECORD_BYTES:,}")
    return data


def decode(data: bytes, kind: type[R]) -> R:
    """The record of a kind that these bytes are. Raises BadRecord, and nothing else."""
    name = kind.__name__
    if len(data) > RECORD_BYTES:
        raise BadRecord(f"{name} has {len(data):,} bytes, more than {RECORD_BYTES:,}")
    try:
        document = orjson.loads(data)
    except ValueError as error:
        raise BadRecord(f"{name} is not JSON: {error}") from error
    if type(document) is not dict:
        raise BadRecord(f"{name} is an object, not {type(document).__name__}")
    if document.pop("record", None) != name:
        raise BadRecord(f"this is not a record of {name}")
    version = document.pop("v", None)
    if version != VERSION or type(version) is not int:
        raise BadRecord(f"{name} is of version {version!r:.40}, known is {VERSION}")
    return _read(kind, document)


# -- writing -----------------------------------------------------------------------------------------------------------


def _document(record: Record) -> dict[str, Any]:
    return {field.name: _plain(getattr(record, field.name)) for field in fields(record)}


def _plain(value: Any) -> Any:
    if isinstance(value, NodeInfo):
        return _document(value)
    if type(value) is tuple and value and type(value[0]) is Outcome:
        return [[one.value, None if one.error is None else list(one.error)] for one in value]
    if type(value) is tuple and value and type(value[0]) is Told:
        return [[one.facts, list(one.made), list(one.wrong)] for one in value]
    return value


# -- reading -----------------------------------------------------------------------------------------------------------


def _read(kind: type[R], document: Any) -> R:
    names = [field.name for field in fields(kind)]
    if type(document) is not dict or document.keys() != set(names):
        found = sorted(document) if type(document) is dict else type(document).__name__
        raise BadRecord(f"{kind.__name__} has the fields {', '.join(names)}, got {found!r:.200}")
    read: dict[str, Any] = {}
    for name in names:
        try:
            read[name] = _READ[kind, name](document[name])
        except (BadRecord, ValueError) as error:
            raise BadRecord(f"{kind.__name__}.{name}: {error}") from error
    return kind(**read)


def _place(value: Any) -> int:
    if cell.whole(value) >= ENVELOPE_TASKS:
        raise BadRecord(f"the place of a task is below {ENVELOPE_TASKS:,}, got {value!r:.40}")
    return int(value)


def _role(value: Any) -> Any:
    if value not in ROLES:
        raise BadRecord(f"a role is {', '.join(ROLES[:-1])} or {ROLES[-1]}, not {value!r:.40}")
    return value


def _row(value: Any) -> list[Any]:
    if type(value) is not list or not 5 <= len(value) <= 6 or value[3] is not None:
        raise BadRecord(f"a task is [address, method, argument, null, deadline_s] and perhaps its options, got {value!r:.80}")
    wrong = values.fault(value, "the task")
    if wrong is not None:
        raise BadRecord(wrong)
    return value


def _outcome(value: Any) -> Outcome:
    if type(value) is not list or len(value) != 2:
        raise BadRecord(f"an outcome is [value, error], got {value!r:.80}")
    wrong = values.fault(value[0])
    if wrong is not None:
        raise BadRecord(wrong)
    if value[1] is None:
        return Outcome(value[0])
    if type(value[1]) is not list or len(value[1]) != 3 or value[0] is not None:
        raise BadRecord(f"an error is [type, message, retry_after_s], got {value[1]!r:.80}")
    named, message, retry_after_s = value[1]
    return Outcome(
        None, Failure(cell.text(named), cell.text(message), None if retry_after_s is None else cell.time(retry_after_s))
    )


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


_WHOSE: dict[str, Callable[[Any], Any]] = {"sender": valid_id, "id": valid_id, "node": cell.name, "incarnation": valid_id}
_FIELDS: dict[type[Any], dict[str, Callable[[Any], Any]]] = {
    NodeInfo: {
        "role": _role,
        "kinds": cell.each(cell.kind, NAMES),
        "capabilities": cell.each(cell.name, NAMES),
        "agents": cell.whole,
        "version": cell.text,
    },
    Heartbeat: {
        "info": lambda value: _read(NodeInfo, value),
        "number": cell.whole,
        "running": cell.whole,
        "room": cell.whole,
        "is_draining": cell.claim,
        "superseded": cell.whole,
        "wall_s": cell.time,
    },
    TaskEnvelope: {"rows": cell.each(_row, ENVELOPE_TASKS, 1)},
    TaskResult: {"outcomes": cell.each(_outcome, ENVELOPE_TASKS, 1), "rows": cell.each(_place, ENVELOPE_TASKS)},
    Progress: {"ended": cell.whole, "tasks": cell.whole},
    Handover: {"version": cell.whole, "kind": cell.kind, "part": cell.whole, "parts": cell.whole, "data": cell.packed},
    Order: {"verb": cell.word(("spawn",)), "kind": cell.kind, "count": cell.whole, "keys": cell.each(cell.text, KEYS)},
    Reply: {"said": cell.word(REPLIES), "count": cell.whole, "text": cell.text},
    Question: {"work": cell.path, "tasks": cell.each(_asked, ENVELOPE_TASKS, 1), "is_over": cell.claim},
    Proof: {"told": cell.each(_told, ENVELOPE_TASKS, 1)},
    HookQuestion: {"run": valid_id},
    HookAnswer: {"run": valid_id, "state": cell.word(STATES), "why": cell.text},
}
_READ = {
    (kind, field.name): own.get(field.name) or _WHOSE[field.name] for kind, own in _FIELDS.items() for field in fields(kind)
}
