"""One step of a workflow, read and checked.

Owns its fields: what is asked, of whom, with which arguments, how often. Which steps there are, and in which order they run, is
the workflow's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from sprints.errors import BadWorkflow
from sprints.reference import Reference, reference_of, references_in

__all__ = ["ATTEMPTS", "BACKOFF_S", "RESERVED", "ROUTES", "Retry", "WorkStep", "read_retry", "read_step", "stranger_in"]

#: How a step's task finds who does it: one agent by name; every agent of a kind; whichever of a kind the engine chooses.
ROUTES = ("direct", "broadcast", "workflow")
#: Attempts of a step in all, and seconds before the second, doubled before each further one.
ATTEMPTS, BACKOFF_S = 3, 2.0
#: Attempts at most: those of an accepted task.
ATTEMPTS_MOST = 101
#: Names that a reference has for something else than a step.
RESERVED = ("input", "item", "part")

FIELDS = (
    "id", "agent", "kind", "method", "args", "after", "route", "each", "may_fail", "retry", "timeout_s", "priority", "skills",
)  # fmt: skip
_ID = re.compile(r"[A-Za-z_][\w-]{0,63}")


class Retry(NamedTuple):
    """How often a step is tried. attempts: in all.  backoff_s: seconds before the second one, doubled before each next."""

    attempts: int = ATTEMPTS
    backoff_s: float = BACKOFF_S


class WorkStep(NamedTuple):
    """A step.

    address: kind/key where the route is direct, else a kind.  args: a list or an object, with references.
    after: the steps it waits for, those that it refers to included.  each: the list of which every item is a part of its own,
    done at the same time as the others.  may_fail: what comes after it goes on without what failed.
    """

    id: str
    route: str
    address: str
    method: str
    args: Any
    after: tuple[str, ...]
    each: Reference | None
    may_fail: bool
    retry: Retry
    options: Mapping[str, Any]


def stranger_in(row: Mapping[str, Any], fields: tuple[str, ...], path: str) -> None:
    """Raises BadWorkflow for a field that nobody reads, with the nearest that somebody does."""
    for name in row:
        if name not in fields:
            near = get_close_matches(str(name), fields, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(fields)}"
            raise BadWorkflow(f"there is no field {name!r}{hint}", path=f"{path}.{name}" if path else str(name))


def read_step(row: Any, path: str, retry: Retry) -> WorkStep:
    """A step of a row. path: where it stands.  retry: unless it says another.  Raises BadWorkflow, naming the field."""
    if not isinstance(row, Mapping):
        raise BadWorkflow("a step is an object such as {id: split, kind: cutter, method: cut}", path=path)
    stranger_in(row, FIELDS, path)
    name = row.get("id")
    if not isinstance(name, str) or not _ID.fullmatch(name) or name in RESERVED:
        said = f"{name!r:.40} is no id: a letter, then up to 63 letters, digits, - and _; not {', '.join(RESERVED)}"
        raise BadWorkflow(said, path=f"{path}.id")
    method = row.get("method")
    if not isinstance(method, str) or not method.isidentifier():
        raise BadWorkflow(f'step {name} names its "method" as text', path=f"{path}.method")
    args = row.get("args", [])
    if not isinstance(args, list | Mapping):
        raise BadWorkflow("args is a list of arguments or an object of them by name", path=f"{path}.args")
    route, address = _whom(row, name, path)
    each = _each(row, route, path)
    try:
        wanted = [found.name for found in references_in(args)] + ([each.name] if each else [])
    except BadWorkflow as wrong:
        raise BadWorkflow(str(wrong), path=f"{path}.args") from wrong
    if not each and ("item" in wanted or "part" in wanted):
        raise BadWorkflow("${item} and ${part} are for a step with `each`", path=f"{path}.args")
    if any(found.is_failures and found.name in ("item", "part") for found in references_in(args)):
        raise BadWorkflow("${step!} is what failed of a step; an item is none", path=f"{path}.args")
    may_fail = row.get("may_fail", False)
    if type(may_fail) is not bool:
        raise BadWorkflow(f"may_fail is true or false, got {may_fail!r:.40}", path=f"{path}.may_fail")
    return WorkStep(
        name,
        route,
        address,
        method,
        args,
        tuple(dict.fromkeys([*_after(row, path), *(one for one in wanted if one not in RESERVED)])),
        each,
        may_fail,
        read_retry(row.get("retry"), f"{path}.retry", retry),
        {field: row[field] for field in ("timeout_s", "priority", "skills") if row.get(field) is not None},
    )


def _whom(row: Mapping[str, Any], name: str, path: str) -> tuple[str, str]:
    """The route and the address of a step."""
    agent, kind = row.get("agent"), row.get("kind")
    if (agent is None) == (kind is None):
        raise BadWorkflow(f'step {name} names either its "agent" (kind/key) or its "kind"', path=path)
    route = row.get("route", "workflow" if agent is None else "direct")
    if route not in ROUTES:
        raise BadWorkflow(f"route is {', '.join(ROUTES[:-1])} or {ROUTES[-1]}, not {route!r:.40}", path=f"{path}.route")
    address = kind if agent is None else agent
    if not isinstance(address, str) or ("/" in address) != (agent is not None):
        said = '"agent" is kind/key' if agent is not None else '"kind" is the name of a kind'
        raise BadWorkflow(f"{said}, got {address!r:.40}", path=f"{path}.{'kind' if agent is None else 'agent'}")
    if (route == "direct") != (agent is not None):
        wants = "an agent" if route == "direct" else "a kind"
        raise BadWorkflow(f"the route {route} is to {wants}", path=f"{path}.route")
    return route, address


def _each(row: Mapping[str, Any], route: str, path: str) -> Reference | None:
    text = row.get("each")
    if text is None:
        return None
    try:
        found = reference_of(text) if isinstance(text, str) else None
    except BadWorkflow as wrong:
        raise BadWorkflow(str(wrong), path=f"{path}.each") from wrong
    if found is None or found.name in ("item", "part"):
        raise BadWorkflow(f"each is the list of an earlier step, such as ${{split}}, got {text!r:.40}", path=f"{path}.each")
    if route == "broadcast":
        raise BadWorkflow("a broadcast has a part for each agent already; use the route workflow", path=f"{path}.each")
    return found


def _after(row: Mapping[str, Any], path: str) -> list[str]:
    after = row.get("after", [])
    after = [after] if isinstance(after, str) else after
    if not isinstance(after, list) or not all(isinstance(one, str) for one in after):
        raise BadWorkflow(f"after is a list of the ids of steps, got {after!r:.40}", path=f"{path}.after")
    return after


def read_retry(row: Any, path: str, default: Retry) -> Retry:
    """How often something is tried, of an object {attempts, backoff_s}. Raises BadWorkflow."""
    if row is None:
        return default
    if not isinstance(row, Mapping):
        raise BadWorkflow("retry is an object such as {attempts: 3, backoff_s: 2.0}", path=path)
    stranger_in(row, Retry._fields, path)
    attempts, backoff_s = row.get("attempts", default.attempts), row.get("backoff_s", default.backoff_s)
    if type(attempts) is not int or not 1 <= attempts <= ATTEMPTS_MOST:
        said = f"attempts is a whole number from 1 to {ATTEMPTS_MOST}, got {attempts!r:.40}"
        raise BadWorkflow(said, path=f"{path}.attempts")
    if type(backoff_s) not in (int, float) or not 0 < backoff_s <= 3_600:
        raise BadWorkflow(f"backoff_s is a number of seconds up to 3,600, got {backoff_s!r:.40}", path=f"{path}.backoff_s")
    return Retry(attempts, float(backoff_s))
