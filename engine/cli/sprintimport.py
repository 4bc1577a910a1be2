"""`engine sprint import`: a backlog made of what people and programs wrote for others."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from engine import errors
from engine.cli import figures
from engine.cli.misuse import Misuse, meant
from engine.cli.output import hint, show_json
from sprints.backlog import SCHEMA, read_backlog
from sprints.errors import BadImport
from sprints.junit import read_junit
from sprints.todo import read_todo

__all__ = ["run"]

FORMS = ("todo", "junit")
#: Bytes of what is imported: a to-do list of a thousand pages, the report of a million tests that failed.
IMPORT_BYTES = 256 * 1024 * 1024
#: Agents of a role that nothing is said of.
AGENTS = 10
#: Who does what, where a list does not say it.
ROLE, METHODS = "worker", {"todo": "do", "junit": "mend"}


def run(options: Namespace) -> int:
    """Print the backlog, as YAML for people to go on with."""
    form, file = options.words
    if form not in FORMS:
        raise Misuse(f"there is no form {form!r}{meant(form, FORMS) or f'; write {FORMS[0]} or {FORMS[1]}'}")
    document = document_of(form, _read(file), Path(file).stem, options.role or ROLE, options.method or METHODS[form])
    if options.json:
        show_json(document)
    else:
        import yaml

        yaml.safe_dump(document, sys.stdout, sort_keys=False, allow_unicode=True, width=120)
    tasks = figures.plural(len(document["tasks"]), "task")
    hint(options, f"{tasks}; say which kinds the roles are, then: engine sprint check BACKLOG")
    return errors.DONE


def document_of(form: str, content: bytes, name: str, role: str, method: str) -> dict[str, Any]:
    """The backlog as a document. Raises BadImport, and BadBacklog for a role or method that no backlog can have."""
    if form == "todo":
        title, tasks = read_todo(_text(content), role=role, method=method)
        name = title or name
    else:
        tasks = read_junit(content, role=role, method=method)
    roles = {each["role"]: {"kind": each["role"], "agents": AGENTS} for each in tasks}
    document = {"schema": SCHEMA, "name": name.strip("- ")[:100] or form, "roles": roles, "tasks": tasks}
    read_backlog(document)
    return document


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise BadImport(f"not UTF-8 at byte {wrong.start}", line=content.count(b"\n", 0, wrong.start) + 1) from wrong


def _read(file: str) -> bytes:
    try:
        with Path("/dev/stdin" if file == "-" else file).open("rb") as source:
            content = source.read(IMPORT_BYTES + 1)
    except OSError as missing:
        raise Misuse(f"{file} cannot be read: {missing.strerror}") from missing
    if len(content) > IMPORT_BYTES:
        raise BadImport(f"{file} has more than {IMPORT_BYTES:,} bytes")
    return content
