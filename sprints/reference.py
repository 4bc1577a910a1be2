"""Values of earlier steps, named where they are wanted: `${split}`, `${split.words.0}`, and `${count!}` for what failed of it.

Owns the form of a reference, which stands alone in its text, and the filling in. A text that shall begin so for itself is
written with two dollars. Nothing is computed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sprints.errors import BadWorkflow

__all__ = ["Reference", "filled", "reference_of", "references_in"]

#: Containers within each other that a value may be filled into: the documents that are read have fewer.
DEPTH = 32

_WHOLE = re.compile(r"\$\{([A-Za-z_][\w-]*)((?:\.[\w-]+)*)(!?)\}")


class Reference:
    """One reference. name: of the step, `input` or `item`.  path: keys and places within its value.  is_failures: `!`."""

    __slots__ = ("is_failures", "name", "path", "text")

    def __init__(self, text: str, name: str, path: tuple[str, ...], *, is_failures: bool) -> None:
        self.text = text
        self.name = name
        self.path = path
        self.is_failures = is_failures

    def value_in(self, values: Mapping[str, Any], failures: Mapping[str, Any]) -> Any:
        """What it stands for. Raises BadWorkflow where the value has no such part."""
        found: Any = (failures if self.is_failures else values)[self.name]
        for at, part in enumerate(self.path):
            try:
                found = found[int(part)] if isinstance(found, list) else found[part]
            except (KeyError, IndexError, ValueError, TypeError) as missing:
                before = ".".join((self.name, *self.path[:at]))
                raise BadWorkflow(f"{self.text}: {before} has no {part!r}; it is {_shape_of(found)}") from missing
        return found


def reference_of(text: str) -> Reference | None:
    """The reference that a text is; None for any other text. Raises BadWorkflow for one within a text, or half of one."""
    whole = _WHOLE.fullmatch(text)
    if whole is not None:
        name, path, mark = whole.groups()
        return Reference(text, name, tuple(path.split(".")[1:]), is_failures=bool(mark))
    if "${" in text.replace("$${", ""):
        raise BadWorkflow(
            f"{text!r:.80}: a reference such as ${{split.words}} stands alone in its text; where the text itself is meant, "
            "write $${"
        )
    return None


def references_in(value: Any, depth: int = 0) -> Iterator[Reference]:
    """Every reference in a value, however deep. Raises BadWorkflow."""
    if depth > DEPTH:
        raise BadWorkflow(f"more than {DEPTH} lists and objects within each other")
    if isinstance(value, str):
        found = reference_of(value)
        if found is not None:
            yield found
    elif isinstance(value, list | tuple):
        for each in value:
            yield from references_in(each, depth + 1)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from references_in(each, depth + 1)


def filled(value: Any, values: Mapping[str, Any], failures: Mapping[str, Any]) -> Any:
    """A value with what its references stand for. Raises BadWorkflow."""
    if isinstance(value, str):
        found = reference_of(value)
        return value.replace("$${", "${") if found is None else found.value_in(values, failures)
    if isinstance(value, list | tuple):
        return [filled(each, values, failures) for each in value]
    if isinstance(value, Mapping):
        return {key: filled(each, values, failures) for key, each in value.items()}
    return value


def _shape_of(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"an object of {', '.join(map(str, list(value)[:8])) or 'nothing'}"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    return f"{value!r:.40}"
