"""A public method of an agent class, read once: what it takes, how it is called.

Owns the checking of arguments at the agent's edge. It runs nothing by itself: the executor calls.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pools.errors import BadArgument, BadMethod
from pools.types import ANY, Type, type_of
from pools.values import copied

__all__ = ["CONTEXT", "Method", "Parameter", "read_method", "task"]

#: The parameter that the engine fills.
CONTEXT = "ctx"
_NONE = type(None)
#: Seconds that `max_run_s` may be: up to a day.
LONGEST_S = 86_400.0
_Function = TypeVar("_Function", bound=Callable[..., Any])


def task(*, max_run_s: float) -> Callable[[_Function], _Function]:
    """For a method that takes long: its tasks run in processes of their own, each for up to max_run_s seconds.

    The limit is on the processor time that a task takes without waiting, and on the time that it stands still in one call.
    Raises BadMethod for a limit that is not above 0 and up to a day.
    """
    if isinstance(max_run_s, bool) or not isinstance(max_run_s, int | float) or not 0 < max_run_s <= LONGEST_S:
        raise BadMethod(f"max_run_s must be above 0 and up to {LONGEST_S:,.0f} seconds, got {max_run_s!r}")

    def mark(function: _Function) -> _Function:
        function.max_run_s = float(max_run_s)  # type: ignore[attr-defined]
        return function

    return mark


class _Never:
    """The type of no argument: what `Method.only` is when the short way of calling is not open."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a task."""

    name: str
    type: Type
    default: Any = inspect.Parameter.empty

    @property
    def is_required(self) -> bool:
        """Whether a caller has to give it."""
        return self.default is inspect.Parameter.empty


class Method:
    """One public method.

    function: takes the agent, then the arguments.  only: the exact type of the single argument with which `function`
    may be called without any further check.  is_bare: it may be called with no argument.  max_run_s: seconds that it may
    take, in a process of its own; None for the worker's limit, among the others.
    """

    __slots__ = ("function", "is_async", "is_bare", "max_run_s", "name", "only", "parameters", "wants_context")

    def __init__(
        self, name: str, function: Callable[..., Any], parameters: tuple[Parameter, ...], *, wants_context: bool
    ) -> None:
        self.name = name
        self.function = function
        self.parameters = parameters
        self.wants_context = wants_context
        self.max_run_s: float | None = getattr(function, "max_run_s", None)
        self.is_async = inspect.iscoroutinefunction(function)
        self.only: type = _Never
        self.is_bare = False

    def open_short_way(self) -> None:
        """Let the executor call the method without binding, where that is the same: sync, no context, plain arguments."""
        is_slow = self.is_async or self.wants_context or self.max_run_s is not None
        if is_slow or any(type(p.default) in (list, dict) for p in self.parameters):
            return
        required = [parameter for parameter in self.parameters if parameter.is_required]
        self.is_bare = not required
        if self.parameters and len(required) <= 1:
            self.only = self.parameters[0].type.exact or _Never
            if self.only is _NONE:
                self.only = _Never

    def bind(self, sent: Any) -> list[Any]:
        """The positional arguments, checked, for what was sent: None, one scalar, a list, or an object of names.

        Raises BadArgument, naming the parameter.
        """
        if sent is None:
            sent = []
        elif type(sent) is dict:
            return [self._named(parameter, sent) for parameter in self._without_strangers(sent)]
        elif type(sent) is not list:
            sent = [sent]
        if len(sent) > len(self.parameters):
            raise BadArgument(f"{self.name} takes {self._takes()}, got {len(sent)} arguments")
        bound = [self._checked(parameter, value) for parameter, value in zip(self.parameters, sent, strict=False)]
        return bound + [self._left_out(parameter) for parameter in self.parameters[len(sent) :]]

    def signature(self) -> str:
        """The method as text, such as `add(x: int) -> ...` without the answer."""
        return f"{self.name}({', '.join(self._shown(p) for p in self.parameters)})"

    def _without_strangers(self, sent: dict[str, Any]) -> tuple[Parameter, ...]:
        known = {parameter.name for parameter in self.parameters}
        stranger = next((name for name in sent if name not in known), None)
        if stranger is not None:
            raise BadArgument(f"{self.name} has no parameter {stranger!r}; it takes {self._takes()}")
        return self.parameters

    def _named(self, parameter: Parameter, sent: dict[str, Any]) -> Any:
        if parameter.name in sent:
            return self._checked(parameter, sent[parameter.name])
        return self._left_out(parameter)

    def _checked(self, parameter: Parameter, value: Any) -> Any:
        if parameter.type.accepts(value):
            return value
        got = "null" if value is None else f"{type(value).__name__} {value!r:.60}"
        raise BadArgument(f"{self.name}: {parameter.name} must be {parameter.type.text}, got {got}")

    def _left_out(self, parameter: Parameter) -> Any:
        if parameter.is_required:
            raise BadArgument(f"{self.name}: {parameter.name} is missing; it takes {self._takes()}")
        return copied(parameter.default) if type(parameter.default) in (list, dict) else parameter.default

    def _takes(self) -> str:
        return ", ".join(self._shown(p) for p in self.parameters) or "no arguments"

    @staticmethod
    def _shown(parameter: Parameter) -> str:
        return f"{parameter.name}: {parameter.type.text}" + ("" if parameter.is_required else f" = {parameter.default!r:.40}")


def read_method(owner: str, name: str, function: Callable[..., Any], hints: dict[str, Any]) -> Method:
    """The method that a function of an agent class is. Raises BadMethod, naming the parameter that cannot be sent."""
    parameters: list[Parameter] = []
    wants_context = False
    for given in list(inspect.signature(function).parameters.values())[1:]:
        if given.name == CONTEXT:
            wants_context = True
            continue
        if given.kind in (given.VAR_POSITIONAL, given.VAR_KEYWORD, given.POSITIONAL_ONLY, given.KEYWORD_ONLY):
            raise BadMethod(f"{owner}.{name}: {given.name}: use plain parameters, without *, ** and /")
        kind = type_of(hints[given.name]) if given.name in hints else ANY
        if kind is None:
            raise BadMethod(
                f"{owner}.{name}: {given.name}: {hints[given.name]!r} cannot be sent; use int, float, bool, str, None, "
                "Any, list[...], dict[str, ...], Literal[...] or a union of these"
            )
        parameters.append(Parameter(given.name, kind, given.default))
    return Method(name, function, tuple(parameters), wants_context=wants_context)
