"""Database agents: tables, indexes and first rows."""

from __future__ import annotations

from typing import Any

from engine import Agent
from examples.app.blueprint import FIELDS, fields_of
from examples.app.workshop import made, made_json, text_of

__all__ = ["Database"]

#: Tables of the app itself: who may sign in, and who has.
TABLES = {
    "users": "id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, password TEXT NOT NULL",
    "sessions": "token TEXT PRIMARY KEY, user INTEGER NOT NULL REFERENCES users (id), until REAL NOT NULL",
}


class Database(Agent):
    """Keeps."""

    def table(self, work: str, record: str) -> dict[str, Any]:
        """The table of a kind of records."""
        columns = ["id INTEGER PRIMARY KEY", "owner INTEGER NOT NULL REFERENCES users (id)"]
        columns += [f"{name} {FIELDS[kind][1]} NOT NULL" for name, kind in fields_of(record).items()]
        return self._table(work, f"30_{record}", record, ",\n    ".join(columns))

    def index(self, work: str, record: str) -> dict[str, Any]:
        """The index by which its owner's records are found."""
        text = f"CREATE INDEX IF NOT EXISTS {record}_of ON {record} (owner, id);\n"
        return made(work, f"sql/40_{record}.sql", text)

    def seed(self, work: str, record: str) -> dict[str, Any]:
        """Rows to look at."""
        rows = [{"title": f"My {word} {record}"} for word in ("old", "new")]
        return made_json(work, f"seed/{record}.json", {"rows": rows}, rows=len(rows))

    def own(self, work: str, name: str) -> dict[str, Any]:
        """A table of the app itself."""
        return self._table(work, f"{10 if name == 'users' else 20}_{name}", name, TABLES[name])

    def connection(self, work: str) -> dict[str, Any]:
        """The module that opens the database."""
        return made(work, "almanac/database.py", text_of("core/database.py"))

    def _table(self, work: str, file: str, name: str, columns: str) -> dict[str, Any]:
        return made(work, f"sql/{file}.sql", f"CREATE TABLE IF NOT EXISTS {name} (\n    {columns}\n);\n")
