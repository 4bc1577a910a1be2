"""Agents that count words: one says how a text is divided, many read a part of it each, one puts their counts together."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from pathlib import Path

from engine import Agent

__all__ = ["Cutter", "Merger", "Reader"]

WORD = re.compile(r"[a-z][a-z']+")


class Cutter(Agent):
    """Divides a text."""

    def cut(self, file: str, lines: int) -> list[list[int]]:
        """The first line and the line after the last of each part."""
        with Path(file).open(encoding="utf-8") as text:
            total = sum(1 for _ in text)
        return [[start, min(start + lines, total)] for start in range(0, total, lines)]


class Reader(Agent):
    """Reads parts of texts, and knows how much it has read."""

    lines: int = 0

    def count(self, file: str, start: int, stop: int) -> dict[str, int]:
        """How often each word stands in some lines."""
        with Path(file).open(encoding="utf-8") as text:
            words = Counter(word for line in islice(text, start, stop) for word in WORD.findall(line.lower()))
        self.lines += stop - start
        return dict(words)


class Merger(Agent):
    """Puts counts together."""

    def merge(self, counts: list[dict[str, int]], most: int) -> list[list[str | int]]:
        """The most frequent words of all, those that are equally frequent by the alphabet."""
        total: Counter[str] = Counter()
        for each in counts:
            total.update(each)
        return [[word, number] for word, number in sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:most]]
