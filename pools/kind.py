"""An agent class, read once: its methods, its fields, and how state is marked, taken back, saved and woken.

Owns everything that is the same for all agents of a kind. It holds no agent and runs no task.
"""

from __future__ import annotations

import operator
import typing
from collections.abc import Callable
from typing import Any

import orjson

from pools.address import Key
from pools.agent import HOOKS, Agent, AgentType
from pools.errors import BadField, BadMethod, StateTooLarge, StateUnreadable
from pools.field import Field, read_field
from pools.log import Log
from pools.method import Method, read_method
from pools.spec import AGENT_MOST_BYTES
from pools.table import Sealed, Table
from pools.values import SMALL

__all__ = ["Fresh", "Kind"]


def _hints(owner: AgentType, thing: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(thing)
    except (NameError, SyntaxError, AttributeError, TypeError) as error:
        raise BadField(f"{owner.__name__}: {error}; annotations must name types that stand in its module") from error


class Kind:
    """One kind of agents.

    is_light: the state is scalars of fixed size and no hook is overridden, so that a task needs nothing but its call.
    mark: what `restore` needs to take a light agent back to where it was.
    whole: int where the state is one integer, so that the mark is that integer; else a type that no mark has.
    is_exact: two marks that are not the same object stand for two states.
    """

    def __init__(self, made: type[Agent]) -> None:
        self.made = made
        self.name = made.kind
        if not 0 < made.memory_limit_bytes <= AGENT_MOST_BYTES:
            limit = made.memory_limit_bytes
            raise BadField(f"{made.__name__}: memory_limit_bytes may be 1 to {AGENT_MOST_BYTES:,}, not {limit:,}")
        self.fields = self._read_fields(made)
        self.has_hooks = any(getattr(made, hook) is not getattr(Agent, hook) for hook in HOOKS)
        self.is_light = not self.has_hooks and all(field.is_scalar and field.is_fixed for field in self.fields)
        self.methods = self._read_methods(made)
        #: What becomes of a state of the code before, and of this one's where it is taken back; None where the class has none.
        self.upgrade, self.downgrade = _converter(made, "upgrade"), _converter(made, "downgrade")
        names = [field.name for field in self.fields]
        #: Its fields, in their order.
        self.names = names
        self.mark: Callable[[Agent], Any] = operator.attrgetter(*names) if names else _nothing
        self._exacts: list[Any] = [field.exact for field in self.fields]
        self.whole: Any = int if self.is_light and self._exacts == [int] else Kind
        self.is_exact = len(names) == 1 or float in self._exacts
        self._plain = [(field.name, field.fresh()) for field in self.fields if field.is_scalar]
        self._deep = [field for field in self.fields if not field.is_scalar]
        self._has_tables = any(field.exact is Table for field in self.fields)

    @staticmethod
    def _read_fields(made: type[Agent]) -> tuple[Field, ...]:
        hints = _hints(made, made)
        defaults = made._defaults
        return tuple(
            read_field(made.__name__, name, hints[name], defaults.get(name), name in defaults) for name in made._fields
        )

    def _read_methods(self, made: type[Agent]) -> dict[str, Method]:
        methods: dict[str, Method] = {}
        for name in dir(made):
            function = getattr(made, name)
            if name.startswith("_") or name in HOOKS or not callable(function) or isinstance(function, type):
                continue
            if not isinstance(vars(_definer(made, name)).get(name), _FUNCTION):
                continue
            methods[name] = read_method(made.__name__, name, function, _hints(made, function))
        if not methods:
            raise BadMethod(f"{made.__name__} has no public method, so it could not be asked to do anything")
        if self.is_light:
            for method in methods.values():
                method.open_short_way()
        return methods

    def facts(self) -> dict[str, Any]:
        """What the engine is told of it: name, the signatures of its methods, its skills, whether agents are made on use."""
        methods = {name: method.signature() for name, method in sorted(self.methods.items())}
        is_made_on_use = self.made.is_made_on_use is True
        return {
            "kind": self.name,
            "methods": methods,
            "skills": list(self.made.skills),
            "is_made_on_use": is_made_on_use,
            "concurrency": self.made.concurrency,
        }

    def make(self, key: Key) -> Agent:
        """A new agent with the first value of each field."""
        agent: Agent = _new(self.made)
        agent._key = key
        for name, value in self._plain:
            setattr(agent, name, value)
        for field in self._deep:
            setattr(agent, field.name, field.fresh())
        if not self.is_light:
            agent._committed = Fresh(self.commit(agent))
        return agent

    def check(self, before: Any, after: Any) -> None:
        """Compare two marks of a light agent: what a task changed must be what its fields hold. Raises BadField."""
        if type(after) is self.whole and _LOW <= after <= _HIGH:
            return
        if before == after and type(before) is type(after):
            return
        changed = (after,) if len(self.names) == 1 else after
        for exact, field, value in zip(self._exacts, self.fields, changed, strict=True):
            if type(value) is exact and exact is not float and (exact is not int or _LOW <= value <= _HIGH):
                continue
            try:
                field.save(value)
            except ValueError as error:
                raise BadField(f"{self.name}: {field.name} {error}") from error

    def differs(self, before: Any, after: Any) -> bool:
        """Whether two marks of a light agent stand for two states; equal numbers of which one has a minus before its 0 do."""
        return after is not before and (self.is_exact or after != before)

    def restore(self, agent: Agent, marked: Any) -> None:
        """Take a light agent back to what `mark` saw."""
        if len(self.names) == 1:
            setattr(agent, self.names[0], marked)
        else:
            for name, value in zip(self.names, marked or (), strict=True):
                setattr(agent, name, value)

    def commit(self, agent: Agent) -> list[Any]:
        """What `rollback` needs to come back to the state as it is now.

        Raises BadField for a value that the field cannot hold, StateTooLarge past the agent's memory.
        """
        kept: list[Any] = []
        size_bytes = 0
        before = getattr(agent, "_committed", None)  # it has none while it is made
        for at, field in enumerate(self.fields):
            value = getattr(agent, field.name)
            if type(value) in _TAILED:
                if before is not None and before[at][0] is not value:
                    raise BadField(f"{self.name}: {field.name} must stay the {field.text} it was, and is another one")
                kept.append((value, len(value), value.size_bytes) if type(value) is Log else value)
                size_bytes += value.size_bytes
                continue
            try:
                saved = field.save(value)
            except ValueError as error:
                raise BadField(f"{self.name}: {field.name} {error}") from error
            kept.append(saved)
            size_bytes += len(saved)
        if size_bytes > self.made.memory_limit_bytes:
            raise StateTooLarge(
                f"{self.name}/{agent.key} would hold {size_bytes:,} bytes of state, "
                f"its limit is {self.made.memory_limit_bytes:,}; the change was taken back"
            )
        return [item.seal() if type(item) is Table else item for item in kept] if self._has_tables else kept

    def rollback(self, agent: Agent) -> None:
        """Take an agent back to its last commit."""
        for field, kept in zip(self.fields, agent._committed, strict=True):
            if type(kept) is tuple:
                log, length, size_bytes = kept
                log.cut(length, size_bytes)
                setattr(agent, field.name, log)
            elif type(kept) is Sealed:
                kept.table.undo()
                setattr(agent, field.name, kept.table)
            else:
                setattr(agent, field.name, field.load(orjson.loads(kept)))

    def save(self, agent: Agent) -> bytes:
        """The whole state as a JSON array in the order of the fields. Raises ValueError for what cannot be saved."""
        return b"[" + b",".join(field.save(getattr(agent, field.name)) for field in self.fields) + b"]"

    def wake(self, key: Key, saved: bytes) -> Agent:
        """The agent whose state was saved."""
        return self._woken(key, orjson.loads(saved))

    def wake_from(self, key: Key, names: list[str], row: Any) -> Agent:
        """The agent whose state stood in a store. names: what the values of the row stand for, unless it is by name itself.

        A field that the state does not have gets its first value; `migrate` is asked where they differ.  Raises StateUnreadable
        where the state has a field that the class does not know, BadField where a value does not fit its field.
        """
        if type(row) is self.whole and names == self.names and _LOW <= row <= _HIGH:
            one: Agent = _new(self.made)
            one._key = key
            setattr(one, names[0], row)
            return one
        if names == self.names and type(row) is not dict:
            return self._checked(self._woken(key, row if type(row) is list else [row]))
        state = dict(row) if type(row) is dict else dict(zip(names, row if type(row) is list else [row], strict=True))
        has_changed = state.keys() != set(self.names)
        if has_changed:
            state = self._upgraded(key, state)
        unknown = sorted(state.keys() - set(self.names))
        if unknown:
            raise StateUnreadable(
                f"{self.name}/{key} has kept {', '.join(unknown)}, which {self.made.__name__} does not have; "
                "give the class the field, or a classmethod migrate(state) that says what becomes of it"
            )
        first = {field.name: orjson.loads(field.save(field.fresh())) for field in self.fields if field.name not in state}
        agent = self._checked(self._woken(key, [state[name] if name in state else first[name] for name in self.names]))
        if has_changed and not self.is_light:
            agent._committed = Fresh(agent._committed)  # its next record has all of it, so that no old field comes back
        return agent

    def _upgraded(self, key: Key, state: dict[str, Any]) -> dict[str, Any]:
        """A state of other fields as the class makes it. Raises StateUnreadable."""
        try:
            return dict((self.upgrade or self.made.migrate)(state))
        except StateUnreadable:
            raise
        except Exception as error:
            raise StateUnreadable(f"{self.name}/{key}: its upgrade failed: {error!r:.200}") from error

    def _checked(self, agent: Agent) -> Agent:
        """An agent whose fields hold what they may. Raises BadField."""
        if self.is_light:
            self.check(self, self.mark(agent))
        return agent

    def _woken(self, key: Key, parts: list[Any]) -> Agent:
        agent: Agent = _new(self.made)
        agent._key = key
        for field, part in zip(self.fields, parts, strict=True):
            setattr(agent, field.name, field.load(part))
        if not self.is_light:
            agent._committed = self.commit(agent)
        return agent


class Fresh(list[Any]):
    """The commit of an agent that has its first values: nothing of it was recorded yet."""

    __slots__ = ()


_LOW, _HIGH = SMALL
#: Fields of which a record has what is new, so that they must stay the object they are.
_TAILED = frozenset({Log, Table})
_FUNCTION = type(lambda: None)
_new: Any = object.__new__


def _converter(made: type[Agent], name: str) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    """A static or class method of this name; a method of agents is none."""
    is_one = hasattr(made, name) and isinstance(vars(_definer(made, name)).get(name), staticmethod | classmethod)
    return getattr(made, name) if is_one else None


def _nothing(_agent: Agent) -> tuple[()]:
    return ()


def _definer(made: type, name: str) -> type:
    return next(cls for cls in made.__mro__ if name in vars(cls))
