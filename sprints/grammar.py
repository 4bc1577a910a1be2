"""Whether the expressions and schemas of checks can be read at all: one that cannot would refuse every answer.

Owns the question only; the libraries that answer it are loaded where there is something to ask.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from sprints.errors import BadBacklog
from sprints.fields import Where, nowhere, path_text
from sprints.item import Item

__all__ = ["check_grammar"]


def check_grammar(items: Iterable[Item], where: Where = nowhere) -> None:
    """Have the checks of these items read, the same one once. where: the place of a value.  Raises BadBacklog."""
    known: dict[tuple[str, str], str | None] = {}
    for at, item in enumerate(items):
        for kind in _FAULTS.keys() & (item.check or {}).keys():
            what = (item.check or {})[kind]
            form = kind, json.dumps(what, sort_keys=True)
            if form not in known:
                known[form] = _FAULTS[kind](what)
            wrong = known[form]
            if wrong is not None:
                path = ("tasks", at, "check", kind)
                raise BadBacklog(wrong, key=path_text(path), place=where(path))


def _expr_fault(what: str) -> str | None:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        jmespath.compile(what)
    except JMESPathError as error:
        return f"{what!r:.80} is no JMESPath expression: {str(error).splitlines()[0]:.200}"
    return None


def _schema_fault(what: Any) -> str | None:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(what).check_schema(what)
    except SchemaError as error:
        return f"is no JSON Schema: {error.json_path}: {error.message:.200}"
    return None


_FAULTS: dict[str, Callable[[Any], str | None]] = {"expr": _expr_fault, "schema": _schema_fault}
