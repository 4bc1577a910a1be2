"""Agents that check the links of Markdown pages: first all headings are gathered, then each page's links are looked up."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from engine import Agent

__all__ = ["Page", "Shelf"]

LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*")
FENCE = "```"


class Shelf(Agent):
    """Knows the pages."""

    pages_seen: int = 0

    def pages(self, folder: str) -> list[str]:
        """The Markdown files of a folder, relative to it."""
        found = []
        for root, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found += [os.path.relpath(Path(root, name), folder) for name in files if name.endswith(".md")]
        self.pages_seen += len(found)
        return sorted(found)

    def keep(self, pages: list[str], headings: list[list[str]]) -> dict[str, list[str]]:
        """The headings by page."""
        return dict(zip(pages, headings, strict=True))

    def report(self, checked: list[dict[str, Any]]) -> dict[str, Any]:
        """Every link that leads nowhere, by page and line, and how many there are in all."""
        broken = [fault for each in checked for fault in each["broken"]]
        return {"pages": len(checked), "links": sum(each["links"] for each in checked), "broken": broken}


class Page(Agent):
    """Reads pages."""

    def headings(self, folder: str, page: str) -> list[str]:
        """The anchors of a page's headings."""
        anchors: list[str] = []
        for _, line in _lines(folder, page):
            heading = HEADING.fullmatch(line)
            if heading is not None:
                anchor = re.sub(r"[^\w\- ]", "", heading[1].lower()).replace(" ", "-")
                twice = sum(one == anchor or re.fullmatch(re.escape(anchor) + r"-\d+", one) is not None for one in anchors)
                anchors.append(f"{anchor}-{twice}" if twice else anchor)
        return anchors

    def check(self, folder: str, page: str, known: dict[str, list[str]]) -> dict[str, Any]:
        """The links of a page, and those of them that lead nowhere; links to other machines are not followed."""
        links, broken = 0, []
        for number, line in _lines(folder, page):
            for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z][a-z0-9+.-]*:", target):
                    continue
                links += 1
                place, _, anchor = target.partition("#")
                path = os.path.normpath(Path(page).parent / place) if place else page
                is_there = Path(folder, path).exists()
                if not is_there or (anchor and path in known and anchor not in known[path]):
                    broken.append(f"{page}:{number}: {target}")
        return {"links": links, "broken": broken}


def _lines(folder: str, page: str) -> list[tuple[int, str]]:
    """The lines of a page that are no code, with their numbers."""
    kept, is_code = [], False
    for number, line in enumerate(Path(folder, page).read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith(FENCE):
            is_code = not is_code
        elif not is_code:
            kept.append((number, line))
    return kept
