"""What nodes say to each other: five records, as checked JSON.

Owns their fields, the limits and what is said about a wrong one. Whatever arrives is either one of them or a `BadRecord`: who
decodes needs to fear no other error. Pure; how records travel is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import isfinite
from operator import ge
from typing import Any, Literal, NamedTuple, TypeVar

import orjson

from engine.paths import valid_name
from pools import values
from pools.address import valid_kind
from pools.errors import BadFrame, Failure

__all__ = [
    "ENVELOPE_TASKS", "RECORD_BYTES", "ROLES", "BadRecord", "Heartbeat", "NodeInfo", "Outcome", "Progress", "Record",
    "TaskEnvelope", "TaskResult", "decode", "encode", "valid_id",
]  # fmt: skip

#: Version of the form of every record; one of another version is refused by number.
VERSION = 1
#: Bytes of one record: under the 1 MiB that a NATS server takes by default, with room for its headers.
RECORD_BYTES = 1_000_000
#: Tasks of one envelope: it is the unit that is leased, so that it must end within minutes.
ENVELOPE_TASKS = 1_000
#: Names in a list of kinds or capabilities, and characters of every text that is not a value.
NAMES, TEXT_CHARS = 1_000, 2_000
#: Characters of an id, and those that it may have: it is a part of a subject.
ID_CHARS, ID_ALPHABET = 64, frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
#: Whole numbers in records are below this: what every JSON reader keeps exactly.
WHOLE = 2**53
#: The latest time that a record may tell, in seconds since 1970: the end of the year 9999.
LATEST_S = 253_402_300_799.0
#: What a list is: as it arrives, and as it is kept.
LISTS = (list, tuple)

Role = Literal["primary", "worker", "backup"]
ROLES = ("primary", "worker", "backup")


class BadRecord(BadFrame):
    """What arrived is no record of the kind that was expected; the message says which field is wrong."""


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


Record = NodeInfo | Heartbeat | TaskEnvelope | TaskResult | Progress
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


def valid_id(text: Any) -> str:
    """The text itself, if it can name an envelope or its sender: a part of a subject. Raises BadRecord."""
    if type(text) is str and 0 < len(text) <= ID_CHARS and ID_ALPHABET.issuperset(text):
        return text
    raise BadRecord(f"an id is 1 to {ID_CHARS} of a-z, A-Z, 0-9, - and _, got {text!r:.80}")


# -- writing -----------------------------------------------------------------------------------------------------------


def _document(record: Record) -> dict[str, Any]:
    return {field.name: _plain(getattr(record, field.name)) for field in fields(record)}


def _plain(value: Any) -> Any:
    if isinstance(value, NodeInfo):
        return _document(value)
    if type(value) is tuple and value and type(value[0]) is Outcome:
        return [[one.value, None if one.error is None else list(one.error)] for one in value]
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


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < WHOLE:
        raise BadRecord(f"a whole number from 0 is expected, got {value!r:.40}")
    return value


def _place(value: Any) -> int:
    if _whole(value) >= ENVELOPE_TASKS:
        raise BadRecord(f"the place of a task is below {ENVELOPE_TASKS:,}, got {value!r:.40}")
    return int(value)


def _name(value: Any) -> str:
    if type(value) is not str:
        raise BadRecord(f"a name is expected, got {value!r:.40}")
    from engine.errors import ConfigError

    try:
        return valid_name(value)
    except ConfigError as error:
        raise BadRecord(str(error)) from error


def _kind(value: Any) -> str:
    from pools.errors import BadAddress

    if type(value) is not str:
        raise BadRecord(f"a kind is a text, got {value!r:.40}")
    try:
        return valid_kind(value)
    except BadAddress as error:
        raise BadRecord(str(error)) from error


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > TEXT_CHARS or values.fault(value):
        raise BadRecord(f"a text of up to {TEXT_CHARS:,} characters is expected, got {value!r:.40}")
    return value


def _claim(value: Any) -> bool:
    if type(value) is not bool:
        raise BadRecord(f"true or false is expected, got {value!r:.40}")
    return value


def _time(value: Any) -> float:
    if type(value) not in (int, float) or not isfinite(value) or not 0 <= value <= LATEST_S:
        raise BadRecord(f"seconds since 1970 are expected, got {value!r:.40}")
    return float(value)


def _role(value: Any) -> Any:
    if value not in ROLES:
        raise BadRecord(f"a role is {', '.join(ROLES[:-1])} or {ROLES[-1]}, not {value!r:.40}")
    return value


def _each(read: Callable[[Any], Any], most: int, least: int = 0) -> Callable[[Any], tuple[Any, ...]]:
    def all_of(value: Any) -> tuple[Any, ...]:
        if type(value) not in LISTS or not least <= len(value) <= most:
            raise BadRecord(f"a list of {least} to {most:,} is expected, got {value!r:.40}")
        return tuple(map(read, value))

    return all_of


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
    return Outcome(None, Failure(_text(named), _text(message), None if retry_after_s is None else _time(retry_after_s)))


_WHOSE: dict[str, Callable[[Any], Any]] = {"sender": valid_id, "id": valid_id, "node": _name, "incarnation": valid_id}
_FIELDS: dict[type[Any], dict[str, Callable[[Any], Any]]] = {
    NodeInfo: {
        "role": _role,
        "kinds": _each(_kind, NAMES),
        "capabilities": _each(_name, NAMES),
        "agents": _whole,
        "version": _text,
    },
    Heartbeat: {
        "info": lambda value: _read(NodeInfo, value),
        "number": _whole,
        "running": _whole,
        "room": _whole,
        "is_draining": _claim,
        "superseded": _whole,
        "wall_s": _time,
    },
    TaskEnvelope: {"rows": _each(_row, ENVELOPE_TASKS, 1)},
    TaskResult: {"outcomes": _each(_outcome, ENVELOPE_TASKS, 1), "rows": _each(_place, ENVELOPE_TASKS)},
    Progress: {"ended": _whole, "tasks": _whole},
}
_READ = {
    (kind, field.name): own.get(field.name) or _WHOSE[field.name] for kind, own in _FIELDS.items() for field in fields(kind)
}
