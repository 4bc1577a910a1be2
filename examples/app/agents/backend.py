"""Backend agents: what the app does with each kind of records, and who may sign in."""

from __future__ import annotations

from typing import Any

from engine import Agent
from examples.app.blueprint import DRAFT_FLAWS
from examples.app.recordtext import values_of
from examples.app.workshop import made, text_of

__all__ = ["Backend"]

#: What a draft says of a statement, and what it should say; and the same of a title in a page.
UNSAFE = {
    "read": 'f"SELECT id, {columns} FROM {record} WHERE owner = {{owner}} AND id = {{key}}"',
    "delete": 'f"DELETE FROM {record} WHERE owner = {{owner}} AND id = {{key}}"',
    "routes": 'pages.Raw(row["title"])',
}
SAFE = {
    "read": '"SELECT id, {columns} FROM {record} WHERE owner = ? AND id = ?", (owner, key)',
    "delete": '"DELETE FROM {record} WHERE owner = ? AND id = ?", (owner, key)',
    "routes": 'row["title"]',
}


class Backend(Agent):
    """Does."""

    def module(self, work: str, record: str, name: str) -> dict[str, Any]:
        """One module of a kind of records: a first draft, which is not right everywhere."""
        values = values_of(record)
        form = (UNSAFE if record in DRAFT_FLAWS.get(name, ()) else SAFE).get(name, "")
        said = form.format(record=record, columns=values["columns"])
        text = text_of(f"record/{name}.py", **values, statement=said, title=said)
        return made(work, f"almanac/{record}/{name}.py", text)

    def auth(self, work: str, name: str) -> dict[str, Any]:
        """One module of signing in."""
        return made(work, f"almanac/auth/{name}.py", text_of(f"auth/{name}.py"))
