"""What nodes say to each other: its records, as checked JSON.

Owns their fields, the limits and what is said about a wrong one. Whatever arrives is either one of them or a `BadRecord`: who
decodes needs to fear no other error. Pure; how records travel is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import ge
from typing import Any, Literal, NamedTuple, TypeVar

import orjson

from engine.cluster import cell
from engine.cluster.cell import BadRecord, valid_id
from engine.cluster.proofs import ENVELOPE_TASKS, PROOFS, HookAnswer, HookQuestion, Proof, Question, Told
from pools import values
from pools.errors import Failure

__all__ = [
    "ENVELOPE_TASKS", "KEYS", "NAMES", "RECORD_BYTES", "REPLIES", "ROLES", "VERBS", "Arrivals", "BadRecord", "Handover",
    "Heartbeat", "HookAnswer", "HookQuestion", "NodeInfo", "Order", "Outcome", "Progress", "Proof", "Question", "Record",
    "Reply", "TaskEnvelope", "TaskResult", "Told", "decode", "encode", "valid_id",
]  # fmt: skip

#: Version of the form of every record; one of another version is refused by number.
VERSION = 1
#: Bytes of one record: under the 1 MiB that a NATS server takes by default, with room for its headers.
RECORD_BYTES = 1_000_000
#: Names in a list of kinds or capabilities.
NAMES = 1_000
#: Names of agents in one order, what may be ordered, and what may be replied.
KEYS, VERBS, REPLIES = 5_000, ("spawn", "drain", "place"), ("done", "more", "again", "refused")

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
    """What a node is asked at once.

    verb: `spawn`; or `drain`: whether the others have room for its agents, of which nothing else is said; or `place`: the same
    for those of a kind, if that is to live on some nodes alone, or on all.
    kind: of agents.  count: so many in all.  keys: those with names; to `place`, the nodes, none for all.
    """

    verb: str
    kind: str
    count: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Agents for which a node is to have room. node: who asks.  rows: of each kind its name, and how many."""

    node: str
    rows: tuple[list[Any], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a node says to a Handover, an Order or Arrivals.

    said: `done`, `more` (the next part may come), `again` (begin anew, later), or `refused`.  count: agents that are new.
    text: why.
    """

    node: str
    said: str
    count: int
    text: str


Record = (
    NodeInfo | Heartbeat | TaskEnvelope | TaskResult | Progress | Handover | Order | Arrivals | Reply | Question | Proof
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


def _maybe_kind(value: Any) -> str:
    return "" if value == "" else cell.kind(value)


def _coming(value: Any) -> list[Any]:
    if type(value) is not list or len(value) != 2:
        raise BadRecord(f"agents that come are [kind, count], got {value!r:.80}")
    return [cell.kind(value[0]), cell.whole(value[1])]


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
    Order: {"verb": cell.word(VERBS), "kind": _maybe_kind, "count": cell.whole, "keys": cell.each(cell.text, KEYS)},
    Arrivals: {"rows": cell.each(_coming, NAMES)},
    Reply: {"said": cell.word(REPLIES), "count": cell.whole, "text": cell.text},
    **PROOFS,
}
_READ = {
    (kind, field.name): own.get(field.name) or _WHOSE[field.name] for kind, own in _FIELDS.items() for field in fields(kind)
}
