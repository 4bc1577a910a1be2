"""A flow that is a line of plain functions: what one returns is what the next one gets.

Owns the pipes by name, the limit of a step's source, and who hears of each step. Graphs with branches are `flow`'s business.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sprints.errors import StepTooLong, UnknownFlow
from sprints.listeners import Listener, Listeners, Stepped

__all__ = ["LINES", "Pipe", "Pipes", "Step"]

#: Source lines of a step at most: what is longer does more than one thing, and belongs in more steps.
LINES = 250

#: A function of one value, or its name with it.
Step = Callable[[Any], Any] | tuple[str, Callable[[Any], Any]]


class Pipe(NamedTuple):
    """A line of steps: their names with what each does."""

    name: str
    steps: tuple[tuple[str, Callable[[Any], Any]], ...]


class Pipes:
    """The pipes of one place, by name. listeners: who hears of `name:step`."""

    def __init__(self, listeners: Listeners | None = None) -> None:
        self.listeners = listeners or Listeners()
        self._pipes: dict[str, Pipe] = {}

    def create(self, name: str, steps: Iterable[Step], *, lines: int = LINES) -> Pipe:
        """Make a pipe; one that has this name is replaced. steps: at least one, sync or async.

        Raises StepTooLong, naming the step; ValueError for a name with a colon, two steps of one name, and for no steps.
        """
        named = tuple(step if isinstance(step, tuple) else (_name_of(step), step) for step in steps)
        if not named:
            raise ValueError(f"flow {name} has no steps")
        names = [each for each, _ in named]
        for each in (name, *names):
            if not each or ":" in each:
                raise ValueError(f"a flow or step is called by a text without a colon, got {each!r}")
        if len(set(names)) < len(names):
            twice = next(each for each in names if names.count(each) > 1)
            raise ValueError(f"flow {name} has two steps called {twice!r}; name one of them: ('other', function)")
        for each, step in named:
            _check_length(name, each, step, lines)
        made = self._pipes[name] = Pipe(name, named)
        return made

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """Hear of steps; as `Listeners.subscribe`."""
        return self.listeners.subscribe(pattern, listener)

    async def run(self, name: str, data: Any = None) -> Any:
        """Send data through a pipe; returns what its last step returns. Raises UnknownFlow, and what a step raises."""
        pipe = self._pipes.get(name)
        if pipe is None:
            known = ", ".join(sorted(self._pipes)) or "none"
            raise UnknownFlow(f"there is no flow {name!r}; created: {known}")
        for each, step in pipe.steps:
            data = await (self._told(name, each, step, data) if self.listeners.is_heard else _outcome(step, data))
        return data

    async def _told(self, name: str, each: str, step: Callable[[Any], Any], data: Any) -> Any:
        began_s, error = time.perf_counter(), None
        try:
            return await _outcome(step, data)
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"
            raise
        finally:
            self.listeners.tell(Stepped(f"{name}:{each}", time.time(), time.perf_counter() - began_s, error=error))


async def _outcome(step: Callable[[Any], Any], data: Any) -> Any:
    found = step(data)
    return await found if inspect.isawaitable(found) else found


def _name_of(step: Callable[[Any], Any]) -> str:
    return getattr(step, "__name__", None) or type(step).__name__


def _check_length(flow: str, name: str, step: Callable[[Any], Any], lines: int) -> None:
    """Raises StepTooLong. What has no Python source, such as a built-in function, has no lines."""
    try:
        count = len(inspect.getsource(inspect.unwrap(step) if inspect.isroutine(step) else type(step)).rstrip().splitlines())
    except (OSError, TypeError):
        return
    if count > lines:
        said = f"step {name} of flow {flow} has {count:,} source lines, and a step at most {lines:,}; divide it into steps"
        raise StepTooLong(said, step=name, lines=count)
