"""The base class of agents: what a person writes.

An agent is a class with annotated fields (its state) and public methods (its tasks). The metaclass turns the fields into
slots, so that a live agent costs a few hundred bytes and nothing can be set that is not state. Agents never see sockets,
processes or files; what they may ask of the engine comes as `ctx`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from pools.address import Key, valid_kind
from pools.errors import BadField
from pools.spec import AGENT_BYTES

__all__ = ["HOOKS", "Agent", "AgentType"]

#: Methods that are the agent's own hooks, never tasks.
HOOKS = frozenset({"run", "execute", "checkpoint", "handle_error"})
#: Names that tell about every agent, and those that a field cannot have.
TELLING = frozenset({"id", "key", "kind", "status", "mailbox"})
RESERVED = TELLING | {"concurrency", "is_made_on_use", "memory_limit_bytes", "migrate", "restart_kind", "skills"} | HOOKS
#: What a kind may say of how many of its tasks run at once.
CONCURRENCY = 1_000_000
#: What may become of an agent whose tasks end their process, also alone: it is tried again and again, until it has been
#: parked for it, or parked at once.
RESTARTS = ("permanent", "transient", "temporary")

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _annotations(namespace: dict[str, Any]) -> dict[str, Any]:
    """The annotations of a class body, before the class is made."""
    found = namespace.get("__annotations__")
    if found is None and sys.version_info >= (3, 14):
        import annotationlib

        annotate = annotationlib.get_annotate_from_class_namespace(namespace)
        if annotate is not None:
            found = annotationlib.call_annotate_function(annotate, annotationlib.Format.FORWARDREF)
    return dict(found or {})


def _is_class_var(annotation: Any) -> bool:
    return "ClassVar" in (annotation if isinstance(annotation, str) else repr(annotation))


def _check_names(owner: str, namespace: dict[str, Any]) -> None:
    for name in namespace:
        if name in TELLING:
            raise BadField(f"{owner}.{name}: this name tells about every agent; choose another")


class AgentType(type):
    """Makes a class of agents: annotated fields become slots, their defaults are kept aside."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], kind: str | None = None, **more: Any
    ) -> AgentType:
        """The class that a class statement with Agent as a base makes. Raises BadField, BadAddress."""
        is_root = not any(isinstance(base, AgentType) for base in bases)
        notes = {} if is_root else _annotations(namespace)
        fields = [field for field, note in notes.items() if not _is_class_var(note)]
        inherited = dict.fromkeys(field for base in bases for field in getattr(base, "_fields", ()))
        defaults = {field: namespace.pop(field) for field in inherited if field in namespace}
        if not is_root:
            _check_names(name, namespace)
        for field in fields:
            if field in RESERVED or field.startswith("_"):
                raise BadField(
                    f"{name}.{field}: a field cannot have this name; choose one without a leading _ that is not one of "
                    f"{', '.join(sorted(RESERVED))}"
                )
            if field in namespace:
                defaults[field] = namespace.pop(field)
        if "__slots__" not in namespace:
            namespace["__slots__"] = tuple(field for field in fields if field not in inherited)
        made = super().__new__(mcs, name, bases, namespace, **more)
        if made.__dictoffset__:
            loose = next((base.__name__ for base in made.__mro__[1:] if "__dict__" in vars(base)), name)
            raise BadField(f"{name}: {loose} has no __slots__, so state could hide from the engine; give it `__slots__ = ()`")
        made._fields = (*inherited, *(field for field in fields if field not in inherited))
        made._defaults = {k: v for base in reversed(bases) for k, v in getattr(base, "_defaults", {}).items()} | defaults
        if getattr(made, "restart_kind", RESTARTS[0]) not in RESTARTS:
            raise BadField(f"{name}.restart_kind is one of {', '.join(RESTARTS)}, got {made.restart_kind!r}")
        skills = getattr(made, "skills", ())
        if type(skills) is not tuple or any(type(skill) is not str or not skill for skill in skills):
            raise BadField(f"{name}.skills is a tuple of names, such as ('search', 'read'), got {skills!r:.80}")
        concurrency = getattr(made, "concurrency", None)
        if concurrency is not None and (type(concurrency) is not int or not 1 <= concurrency <= CONCURRENCY):
            raise BadField(f"{name}.concurrency is a whole number from 1 to {CONCURRENCY:,}, got {concurrency!r:.80}")
        made.kind = valid_kind(kind or _WORD.sub("_", name).lower().strip("_"))
        return made

    _fields: tuple[str, ...]
    _defaults: dict[str, Any]
    kind: str
    restart_kind: str


class Desk(Protocol):
    """What an agent can learn about itself from the worker that runs it."""

    def status(self, kind: str, key: Key) -> str:
        """idle, run or asleep."""
        ...

    def waiting(self, kind: str, key: Key) -> int:
        """Tasks in the agent's mailbox."""
        ...


class Agent(metaclass=AgentType):
    """A tiny stateful agent: one task at a time, in the order of its mailbox.

    Annotated fields with defaults are the state. Public methods are tasks, sync or async; a parameter named `ctx` is
    filled by the engine. A task that raises changes nothing.

    The verbs of a task's life may be overridden, which makes every task of the kind a little slower: `run` begins it,
    `execute` calls the method, `checkpoint` sees the result before it is kept, `handle_error` sees the error.
    """

    __slots__ = ("_committed", "_key")

    #: Bytes of state the agent may grow to; a task that passes it is refused and taken back.
    memory_limit_bytes: ClassVar[int] = AGENT_BYTES
    #: Whether an agent of the kind comes into being at the first task for its name, without a spawn.
    is_made_on_use: ClassVar[bool] = False
    #: What its tasks may ask of the agents that do them, by name.
    skills: ClassVar[tuple[str, ...]] = ()
    #: Tasks of the kind that all its agents together have at once, at most; None for no such limit.
    concurrency: ClassVar[int | None] = None
    #: permanent, transient or temporary: see `pools.healing`.
    restart_kind: ClassVar[str] = "transient"

    _desk: ClassVar[Desk | None] = None
    _key: Key
    _committed: Any

    @property
    def key(self) -> str:
        """The part of the address after the slash."""
        return str(self._key)

    @property
    def id(self) -> str:
        """The address, such as `counter/17`."""
        return f"{type(self).kind}/{self._key}"

    @property
    def status(self) -> str:
        """`run` while a task of the agent is under way, else `idle`."""
        desk = type(self)._desk
        return "idle" if desk is None else desk.status(type(self).kind, self._key)

    @property
    def mailbox(self) -> int:
        """Tasks that wait for this agent."""
        desk = type(self)._desk
        return 0 if desk is None else desk.waiting(type(self).kind, self._key)

    @classmethod
    def migrate(cls, state: dict[str, Any]) -> dict[str, Any]:
        """What becomes of a kept state whose fields are not those of the class; override it to rename or to drop some.

        state: values by field, as JSON reads them.  Fields that are not in what is returned get their first values.
        """
        return state

    def run(self, method: str) -> None:
        """Called as a task begins, with the method's name. An error here fails the task."""

    def execute(self, method: str, call: Callable[[], Any]) -> Any:
        """Call the method: `call` takes no argument. What is returned, awaited if it must be, is the task's value."""
        return call()

    def checkpoint(self, method: str, result: Any) -> None:
        """Called with the value of a task that succeeded, before its change is kept. An error here fails the task."""

    def handle_error(self, method: str, error: BaseException) -> None:
        """Called with the error of a task that failed; what it changes in the state is taken back with the rest."""

    def __repr__(self) -> str:
        return f"<{self.id}>"
