"""UX agents: pages that everybody can use, in colours that are seen."""

from __future__ import annotations

import json
from typing import Any

from engine import Agent
from examples.app.access import improved, problems
from examples.app.agents.frontend import theme_text
from examples.app.blueprint import RECORDS, THEME, VIEWS
from examples.app.contrast import contrast, darkened
from examples.app.workshop import made, made_json, read

__all__ = ["Ux"]

GROUND = THEME["ground"]


class Ux(Agent):
    """Makes usable."""

    def improve(self, work: str, record: str, view: str) -> dict[str, Any]:
        """One page, and what was missing in it."""
        path = f"templates/{record}/{view}.html"
        text = read(work, path)
        better = improved(text)
        return made(work, path, better, before=problems(text), after=problems(better))

    def note(self, work: str, record: str) -> dict[str, Any]:
        """What is missing now in the pages of a kind of records."""
        found = {view: problems(read(work, f"templates/{record}/{view}.html")) for view in VIEWS}
        return made_json(work, f"usability/{record}.json", found, problems=sum(map(len, found.values())))

    def theme(self, work: str) -> dict[str, Any]:
        """Colours that are seen on their ground."""
        least = float(json.loads(read(work, "config/contrast.json"))["least"])
        found = {name: colour if name == "ground" else darkened(colour, GROUND, least) for name, colour in THEME.items()}
        ratios = {name: round(contrast(colour, GROUND), 2) for name, colour in found.items() if name != "ground"}
        before = {name: round(contrast(colour, GROUND), 2) for name, colour in THEME.items() if name != "ground"}
        return made(work, "static/theme.css", theme_text(found), before=before, after=ratios, least=min(ratios.values()))

    def report(self, work: str) -> dict[str, Any]:
        """What is left over all pages."""
        left = {record: sum(map(len, json.loads(read(work, f"usability/{record}.json")).values())) for record in RECORDS}
        facts = {"pages": len(RECORDS) * len(VIEWS), "left": sum(left.values())}
        return made_json(work, "results/ux.json", facts, **facts)
