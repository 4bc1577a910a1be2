"""A backlog from a plain to-do list in Markdown.

Owns what the lines mean: `- [ ] words` is a task, `- [x] words` is done and left out, a heading names the feature of what
stands below it, and what is indented must be done before the line that it is indented under. Among the words `@role`, `!high`,
`#tag`, `~90s` and `^id` say more. Everything else in the text is not looked at. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sprints.errors import BadImport
from sprints.slug import Slugs
from sprints.spec import BACKLOG_ITEMS, ID_CHARS, PRIORITIES, TEXT_CHARS, TIME_S

__all__ = ["read_todo"]

_TASK = re.compile(r"(?P<indent>[ \t]*)(?:[-*+]|\d+[.)])[ \t]+\[(?P<mark>[ xX])\][ \t]+(?P<words>.*\S)[ \t]*")
_HEADING = re.compile(r"(?P<level>#{1,6})[ \t]+(?P<words>.*?\S)[ \t#]*")
_SIZE = re.compile(r"~(\d+(?:\.\d+)?)(s|m|h)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
#: Columns of a tab.
TAB = 4


@dataclass(slots=True)
class _Task:
    """A line of the list, read so far."""

    row: dict[str, Any]
    indent: int
    is_done: bool
    parts: list[str] = field(default_factory=list)


def read_todo(text: str, *, role: str, method: str) -> tuple[str | None, list[dict[str, Any]]]:
    """The name that the list's first heading gives, None without one, and a row for each task that is open.

    role, method: of tasks that do not say theirs.  A task gets its title as `args`.  Raises BadImport.
    """
    name: str | None = None
    feature: str | None = None
    slugs = Slugs()
    tasks: list[_Task] = []
    above: list[_Task] = []
    for number, line in enumerate(text.splitlines(), 1):
        heading = _HEADING.fullmatch(line)
        if heading is not None:
            words = heading["words"][:TEXT_CHARS]
            if name is None and not tasks:
                name = words
            else:
                feature = words
            above = []
            continue
        found = _TASK.fullmatch(line)
        if found is None:
            continue
        task = _task(found, number, slugs, role, method)
        if feature is not None:
            task.row["feature"] = feature
        _nest(task, above)
        tasks.append(task)
        if len(tasks) > BACKLOG_ITEMS:
            raise BadImport(f"more than {BACKLOG_ITEMS:,} tasks", line=number)
    if not tasks:
        raise BadImport("there is no task: a line such as `- [ ] Write the parser @backend !high`")
    return name, _rows(tasks)


def _task(found: re.Match[str], number: int, slugs: Slugs, role: str, method: str) -> _Task:
    row: dict[str, Any] = {"role": role, "method": method}
    words = [word for word in found["words"].split() if not _mark(row, word, number)]
    title = " ".join(words)[:TEXT_CHARS]
    if not title:
        raise BadImport("a task without words", line=number)
    name = slugs.make(row.pop("id", title))
    indent = len(found["indent"].expandtabs(TAB))
    return _Task({"id": name, "title": title, **row, "args": [title]}, indent, found["mark"] != " ")


def _mark(row: dict[str, Any], word: str, number: int) -> bool:
    """Whether a word says something about the task; then it is no word of its title."""
    mark, said = word[0], word[1:]
    size = _SIZE.fullmatch(word)
    if size is not None:
        row["size_s"] = float(size[1]) * _SECONDS[size[2]]
        if not 0 < row["size_s"] <= TIME_S:
            raise BadImport(f"{word!r} is no size that a task can have", line=number)
        return True
    if not said or not said.strip("!@#^"):
        return False
    if mark == "!":
        if said not in PRIORITIES:
            raise BadImport(f"{word!r} is no priority; there are {', '.join(f'!{each}' for each in PRIORITIES)}", line=number)
        row["priority"] = said
    elif mark == "@" and len(said) <= ID_CHARS:
        row["role"] = said
    elif mark == "#":
        tags = row.setdefault("tags", [])
        if said not in tags:
            tags.append(said)
    elif mark == "^":
        row["id"] = said
    else:
        return False
    return True


def _nest(task: _Task, above: list[_Task]) -> None:
    """Have the task that this one is indented under wait for it."""
    while above and above[-1].indent >= task.indent:
        above.pop()
    if above and not task.is_done:
        above[-1].parts.append(task.row["id"])
    above.append(task)


def _rows(tasks: list[_Task]) -> list[dict[str, Any]]:
    """What is open; done parts are no reason to wait, and open parts of something done stand alone."""
    return [task.row | ({"after": task.parts} if task.parts else {}) for task in tasks if not task.is_done]
