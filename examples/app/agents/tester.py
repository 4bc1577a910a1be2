"""Testers: fixtures and tests, and what running them says."""

from __future__ import annotations

import json
from typing import Any

from engine import Agent
from examples.app.blueprint import FIELDS, fields_of
from examples.app.workshop import made, made_json, ran, text_of

__all__ = ["Tester"]

#: A good value of each kind of field, for each of three rows.
GOOD: dict[str, tuple[Any, Any, Any]] = {
    "text": ("small", "middle", "large"),
    "long": ("one line", "two\nlines", 'with "quotes", and more'),
    "number": (1, 0, 999),
    "date": ("2026-01-31", "", "2028-02-29"),
    "flag": (1, 0, 1),
}
#: A bad value of each kind that has one.
BAD: dict[str, Any] = {"text": "x" * 121, "long": "x" * 5_001, "number": -1, "date": "2026-02-30"}


class Tester(Agent):
    """Tests."""

    def valid(self, work: str, record: str) -> dict[str, Any]:
        """Three rows that are good."""
        rows = [
            {name: GOOD[kind][at] for name, kind in fields_of(record).items()} | {"title": f"{word} {record}"}
            for at, word in enumerate(("First", "Second", "Third"))
        ]
        return made_json(work, f"fixtures/{record}/valid.json", {"rows": rows}, rows=len(rows))

    def invalid(self, work: str, record: str) -> dict[str, Any]:
        """A row that is bad in each field that can be."""
        cases: list[dict[str, Any]] = [{"field": "title", "row": {"title": "  "}}]
        for name, kind in fields_of(record).items():
            if kind in BAD:
                cases.append({"field": name, "row": {"title": "A title", name: BAD[kind]}})
        return made_json(work, f"fixtures/{record}/invalid.json", {"rows": cases}, rows=len(cases))

    def limits(self, work: str, record: str) -> dict[str, Any]:
        """The longest row that is good."""
        longest = {"text": "x" * 120, "long": "x" * 5_000, "number": FIELDS["number"][2], "date": "9999-12-31", "flag": 1}
        row = {name: longest[kind] for name, kind in fields_of(record).items()}
        return made_json(work, f"fixtures/{record}/limits.json", {"rows": [row]}, rows=1)

    def test(self, work: str, record: str, name: str) -> dict[str, Any]:
        """A file of tests. name: of its template under `tests`."""
        text = text_of(f"tests/test_{name}.py", record=record)
        return made(work, f"tests/{record}/test_{name}.py", text, tests=text.count("def test_"))

    def support(self, work: str) -> dict[str, Any]:
        """What all tests share."""
        return made(work, "tests/support.py", text_of("tests/support.py"))

    def auth(self, work: str) -> dict[str, Any]:
        """The tests of signing in."""
        text = text_of("tests/test_auth.py")
        return made(work, "tests/test_auth.py", text, tests=text.count("def test_"))

    async def suite(self, work: str, pattern: str, path: str) -> dict[str, Any]:
        """Run tests in a process of their own; what they said is kept. Raises RuntimeError where they said nothing."""
        return await self._kept(work, path, "-m", "tools.suite", pattern)

    async def cover(self, work: str, path: str) -> dict[str, Any]:
        """Run all tests, and see which lines of the app they run."""
        return await self._kept(work, path, "-m", "tools.cover")

    async def _kept(self, work: str, path: str, *words: str) -> dict[str, Any]:
        code, out, err = await ran(work, *words)
        if not out:
            raise RuntimeError(f"{' '.join(words)} ended with {code}: {err[-500:]}")
        found: dict[str, Any] = json.loads(out)
        return made_json(work, path, found, **{key: value for key, value in found.items() if key not in ("lines", "not_run")})
