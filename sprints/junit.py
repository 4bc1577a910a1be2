"""A backlog from the failures of a test run, as JUnit's XML tells them: a task to mend each test that failed.

Owns the reading of that form, as pytest, JUnit, Jest and others write it. A document type is refused, so that no entity of it
can grow or lead to another file. Pure.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from sprints.errors import BadImport
from sprints.slug import Slugs
from sprints.spec import BACKLOG_ITEMS, TEXT_CHARS

__all__ = ["read_junit"]

#: Characters of a failure's text that a task is given: the end of a traceback says most.
DETAIL_CHARS = 4_000
#: Elements within each other: the deepest report has five.
DEPTH = 32
#: What tells that a test did not pass, and how urgent its mend is.
FAULTS = {"failure": "normal", "error": "high"}


def read_junit(document: bytes, *, role: str, method: str) -> list[dict[str, Any]]:
    """A row for each test that failed or broke, once however often it did.

    document: the XML.  The arguments are `test`, `message`, `detail`, and `file` and `line` where they are told.

    Raises BadImport.
    """
    reader = _Reader(role, method)
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    reader.line = lambda: parser.CurrentLineNumber
    try:
        parser.Parse(document, True)
    except expat.ExpatError as broken:
        raise BadImport(f"not XML: {expat.errors.messages[broken.code]}", line=broken.lineno) from broken
    except (LookupError, ValueError) as unknown:  # of an encoding that Python does not have, or not for this
        raise BadImport(f"not XML: {unknown}", line=1) from unknown
    if not reader.has_suites:
        raise BadImport("not a report of JUnit: there is no <testsuite> in it")
    if not reader.rows:
        raise BadImport("no test failed: there is nothing to mend")
    return list(reader.rows.values())


class _Reader:
    """What was read so far."""

    def __init__(self, role: str, method: str) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.has_suites = False
        self.line: Any = None
        self._role = role
        self._method = method
        self._slugs = Slugs()
        self._depth = 0
        self._case: dict[str, str] | None = None
        self._fault: str | None = None
        self._message = ""
        self._text: list[str] = []

    def refuse_doctype(self, *_facts: object) -> None:
        """Raises BadImport."""
        raise BadImport("a document type is not read: no report has one", line=self.line())

    def start(self, element: str, facts: dict[str, str]) -> None:
        """An element begins."""
        self._depth += 1
        if self._depth > DEPTH:
            raise BadImport(f"more than {DEPTH} elements within each other", line=self.line())
        if element in ("testsuite", "testsuites"):
            self.has_suites = True
        elif element == "testcase":
            self._case = facts
        elif element in FAULTS and self._case is not None:
            self._fault = element
            self._message = facts.get("message", "") or facts.get("type", "")
            self._text = []

    def text(self, text: str) -> None:
        """Text within one."""
        if self._fault is not None:
            self._text.append(text)

    def end(self, element: str) -> None:
        """An element ends."""
        self._depth -= 1
        if element == self._fault and self._case is not None:
            self._add(self._case, element, "".join(self._text).strip())
            self._fault = None
        elif element == "testcase":
            self._case = None

    def _add(self, case: dict[str, str], fault: str, detail: str) -> None:
        test = "::".join(part for part in (case.get("classname", ""), case.get("name", "")) if part)
        if not test:
            raise BadImport("a <testcase> without a name", line=self.line())
        if test in self.rows:
            return
        if len(self.rows) == BACKLOG_ITEMS:
            raise BadImport(f"more than {BACKLOG_ITEMS:,} failures", line=self.line())
        message = " ".join((self._message or detail).split())
        arguments = {"test": test, "message": message[:TEXT_CHARS], "detail": detail[-DETAIL_CHARS:]}
        arguments |= {key: case[key] for key in ("file", "line") if case.get(key)}
        bug = " ".join(test.split())[:TEXT_CHARS]
        self.rows[test] = {
            "id": self._slugs.make(f"mend {test}"),
            "title": f"Mend {bug}"[:TEXT_CHARS],
            "role": self._role,
            "method": self._method,
            "args": arguments,
            "priority": FAULTS[fault],
            "bug": bug,
        }
