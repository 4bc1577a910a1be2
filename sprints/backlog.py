"""A backlog: the tasks of a project, who does them, in which sprints, and what becomes of the results.

Owns the reading of the whole document, and what its parts say about each other: roles that there are, ids that are there once,
dependencies that lead somewhere and never in a circle, artifacts that one task alone writes. Files are read by others. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sprints.circle import find_circle
from sprints.errors import BacklogCycle, BadBacklog
from sprints.fields import Fields, Where, nowhere, path_text
from sprints.hook import hook_of
from sprints.item import Item, item_row, read_item
from sprints.shape import SHAPES, Shape, shape_row
from sprints.shapereader import read_shape
from sprints.spec import AGENTS, BACKLOG_ITEMS, CLASSES, HOOKS, PATH_CHARS, ROLES, SKILLS

__all__ = ["BACKLOG_KEYS", "ROLE_KEYS", "SCHEMA", "SHIP_KEYS", "Backlog", "Role", "ShipSpec", "read_backlog"]

#: What a document of this form calls itself.
SCHEMA = "engine.backlog/v1"
BACKLOG_KEYS = ("schema", "name", "goal", "use", "roles", "sprint", "ship", "tasks")
ROLE_KEYS = ("kind", "agents", "skills")
SHIP_KEYS = ("work", "releases", "hooks")


@dataclass(frozen=True, slots=True)
class Role:
    """Who does the tasks of a role: so many agents of a kind, with these skills."""

    kind: str
    agents: int
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShipSpec:
    """What becomes of results. work, releases: folders, relative to that of the backlog; None for the usual ones.

    hooks: what is run before a release becomes the current one, as `sprints/hook.py` reads it.
    """

    work: str | None = None
    releases: str | None = None
    hooks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """A whole backlog; its items by id, in the order of the file."""

    name: str
    goal: str
    roles: Mapping[str, Role]
    shape: Shape
    ship: ShipSpec
    items: Mapping[str, Item] = field(repr=False)
    #: Classes of agents to load first: `module:Class`, or `file.py:Class` from the backlog's folder on.
    use: tuple[str, ...] = ()

    @property
    def agents(self) -> int:
        """How many agents work on it."""
        return sum(role.agents for role in self.roles.values())

    def row(self) -> dict[str, Any]:
        """The document that says the same in one way only; `read_backlog` gives this backlog back."""
        shape = self.shape
        sprint: dict[str, Any] = {"shape": shape.name}
        if SHAPES.get(shape.name) != shape:
            sprint = {"shape": f"{shape.name} of its own" if shape.name in SHAPES else shape.name}
            sprint["waves"] = shape_row(shape)["waves"]
        ship = {key: value for key, value in (("work", self.ship.work), ("releases", self.ship.releases)) if value}
        return {
            "schema": SCHEMA,
            "name": self.name,
            **({"goal": self.goal} if self.goal else {}),
            **({"use": list(self.use)} if self.use else {}),
            "roles": {name: _role_row(role) for name, role in self.roles.items()},
            "sprint": sprint,
            "ship": {**ship, "hooks": [dict(hook) for hook in self.ship.hooks]},
            "tasks": [item_row(item) for item in self.items.values()],
        }

    def digest(self, row: Mapping[str, Any] | None = None) -> str:
        """The sha256 of that document, keys sorted, in hexadecimal digits. row: where it was made already."""
        import orjson

        return hashlib.sha256(orjson.dumps(self.row() if row is None else row, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read_backlog(document: object, where: Where = nowhere) -> Backlog:
    """The backlog that a document says. where: the place of a value, by the way to it.

    Raises BadBacklog, and BacklogCycle where tasks wait for each other.
    """
    fields = Fields(document, (), where, BACKLOG_KEYS)
    if fields.name("schema") != SCHEMA:
        raise fields.wrong(f"must be {SCHEMA}, not {fields.get('schema')!r:.60}", "schema")
    name = fields.name("name")
    roles = _roles(fields)
    shape = read_shape(fields.get("sprint"), ("sprint",), where)
    ship = _ship(fields)
    rows = fields.rows("tasks", most=BACKLOG_ITEMS)
    if not rows:
        raise fields.wrong("there is no task to do", "tasks")
    items = [read_item(row, roles, ("tasks", at), where) for at, row in enumerate(rows)]
    use = fields.texts("use", most=CLASSES, chars=PATH_CHARS)
    return Backlog(name, fields.lines("goal"), roles, shape, ship, _checked(items, where), use)


def _roles(fields: Fields) -> dict[str, Role]:
    rows = fields.get("roles")
    if rows is None:
        raise fields.wrong("is missing", "roles")
    if not isinstance(rows, Mapping):
        raise fields.wrong("must be a mapping of roles, such as `tester: {kind: tester, agents: 80}`", "roles")
    if not 0 < len(rows) <= ROLES:
        raise fields.wrong(f"must name 1 to {ROLES:,} roles, not {len(rows):,}", "roles")
    return {name: _role(fields, name, row) for name, row in rows.items()}


def _role(fields: Fields, name: object, row: object) -> Role:
    if not isinstance(name, str) or not name or name.isspace():
        raise fields.wrong(f"the name of a role must be a text, not {name!r:.60}", "roles")
    inner = Fields(row, ("roles", name), fields.where, ROLE_KEYS)
    skills = inner.texts("skills", most=SKILLS)
    return Role(inner.name("kind"), inner.whole("agents", None, least=1, most=AGENTS), skills)


def _role_row(role: Role) -> dict[str, Any]:
    return {"kind": role.kind, "agents": role.agents, **({"skills": list(role.skills)} if role.skills else {})}


def _ship(fields: Fields) -> ShipSpec:
    row = fields.get("ship")
    if row is None:
        return ShipSpec()
    inner = Fields(row, ("ship",), fields.where, SHIP_KEYS)
    hooks = inner.rows("hooks", most=HOOKS)
    for at, hook in enumerate(hooks):
        try:
            hook_of(hook)
        except ValueError as wrong:
            raise inner.wrong(str(wrong), "hooks", at) from wrong
    work, releases = (inner.text(key, "", PATH_CHARS) or None for key in ("work", "releases"))
    return ShipSpec(work, releases, tuple(dict(hook) for hook in hooks))


def _checked(items: Sequence[Item], where: Where) -> dict[str, Item]:
    """The items by id. Raises BadBacklog for what one of them says about others."""
    by_id: dict[str, Item] = {}
    places: dict[str, int] = {}
    writers: dict[str, str] = {}
    for at, item in enumerate(items):
        if item.id in places:
            raise _wrong(f"{item.id!r} is there twice, first as tasks[{places[item.id]}]", where, "tasks", at, "id")
        by_id[item.id] = item
        places[item.id] = at
        for number, artifact in enumerate(item.artifacts):
            writer = writers.setdefault(artifact, item.id)
            if writer != item.id:
                raise _wrong(f"{artifact!r} is written by {writer!r} already", where, "tasks", at, "artifacts", number)
    for at, item in enumerate(items):
        for number, other in enumerate(item.after):
            if other not in by_id:
                raise _wrong(f"there is no task {other!r}", where, "tasks", at, "after", number)
    circle = find_circle({item.id: item.after for item in items if item.after})
    if circle:
        path = ("tasks", places[circle[0]], "after")
        raise BacklogCycle(circle, key=path_text(path), place=where(path))
    return by_id


def _wrong(message: str, where: Where, *path: str | int) -> BadBacklog:
    return BadBacklog(message, key=path_text(path), place=where(path))
