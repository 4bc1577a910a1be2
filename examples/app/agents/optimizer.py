"""Optimizers: slow modules written anew, style sheets made small, and both measured against what was shipped before."""

from __future__ import annotations

import json
import re
from typing import Any

from engine import Agent
from examples.app.blueprint import COMPONENTS, RECORDS
from examples.app.recordtext import values_of
from examples.app.workshop import made, made_json, ran, read, text_of

__all__ = ["Optimizer"]


class Optimizer(Agent):
    """Makes faster."""

    def rewrite(self, work: str, record: str, name: str) -> dict[str, Any]:
        """One module of a kind of records, which asks the database once."""
        text = text_of(f"record/{name}.fast.py", **values_of(record))
        return made(work, f"almanac/{record}/{name}.py", text)

    def shrink(self, work: str, part: str) -> dict[str, Any]:
        """The style of a part in as few bytes as it needs."""
        before = read(work, f"components/{part}.css")
        text = re.sub(r"\s*([{};:,])\s*", r"\1", re.sub(r"/\*.*?\*/", "", before)).replace(";}", "}").strip() + "\n"
        return made(work, f"components/{part}.min.css", text, before=len(before.encode()))

    def pack(self, work: str) -> dict[str, Any]:
        """All parts in one small style sheet."""
        before = len(read(work, "static/components.css").encode())
        text = "".join(read(work, f"components/{part}.min.css").strip() for part in COMPONENTS) + "\n"
        return made(work, "static/components.css", text, before=before)

    async def measure(self, work: str, shipped: str, record: str) -> dict[str, Any]:
        """What one kind of records costs now, and what it cost as it was shipped. Raises RuntimeError where it does not run."""
        before, after = await _cost(shipped, record), await _cost(work, record)
        parts = {name: {"before": before[name], "after": after[name]} for name in before}
        is_same = all(part["before"]["sha256"] == part["after"]["sha256"] for part in parts.values())
        calls = {when: sum(part[when]["calls"] for part in parts.values()) for when in ("before", "after")}
        facts = {"parts": parts, "is_same": is_same, "calls_before": calls["before"], "calls_after": calls["after"]}
        facts["is_less"] = all(part["after"]["calls"] < part["before"]["calls"] for part in parts.values())
        return made_json(work, f"performance/{record}.json", facts, **facts)

    def report(self, work: str) -> dict[str, Any]:
        """What it came to, over all kinds of records and all style sheets."""
        told = [json.loads(read(work, f"performance/{record}.json")) for record in RECORDS]
        calls = {when: sum(one[f"calls_{when}"] for one in told) for when in ("before", "after")}
        ms = {
            when: round(sum(part[when]["ms"] for one in told for part in one["parts"].values()), 3)
            for when in ("before", "after")
        }
        facts = {"calls": calls, "ms": ms, "is_same": all(one["is_same"] for one in told)}
        return made_json(work, "results/performance.json", facts, **facts)


async def _cost(folder: str, record: str) -> dict[str, dict[str, Any]]:
    code, out, err = await ran(folder, "-m", "tools.measure", record)
    if code:
        raise RuntimeError(f"tools.measure in {folder} ended with {code}: {err[-500:]}")
    found: dict[str, dict[str, Any]] = json.loads(out)
    return found
