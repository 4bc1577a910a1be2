"""Frontend agents: the pages of each kind of records, and the library of parts that pages are put together from."""

from __future__ import annotations

from typing import Any

from engine import Agent
from examples.app.blueprint import COMPONENTS, THEME
from examples.app.recordtext import values_of
from examples.app.workshop import made, made_json, read, text_of

__all__ = ["Frontend", "theme_text"]


class Frontend(Agent):
    """Shows."""

    def view(self, work: str, record: str, name: str) -> dict[str, Any]:
        """One page of a kind of records, as a first draft."""
        return made(work, f"templates/{record}/{name}.html", text_of(f"views/{name}.html", **values_of(record)))

    def page(self, work: str, name: str) -> dict[str, Any]:
        """A page of the app itself."""
        return made(work, f"templates/{name}.html", text_of(f"views/{name}.html"))

    def style(self, work: str, part: str) -> dict[str, Any]:
        """How a part looks."""
        rules = COMPONENTS[part][1].replace("; ", ";\n    ")
        return made(work, f"components/{part}.css", f"/* {part} */\n.{part} {{\n    {rules}\n}}\n")

    def example(self, work: str, part: str) -> dict[str, Any]:
        """The part itself."""
        return made(work, f"components/{part}.html", f"{COMPONENTS[part][0]}\n")

    def demo(self, work: str, part: str) -> dict[str, Any]:
        """A page that shows the part."""
        body = (
            f'<!doctype html>\n<html lang="en"><head><title>{part}</title>\n<link rel="stylesheet" href="{part}.css"></head>\n'
        )
        return made(work, f"components/{part}.demo.html", f"{body}<body>\n{COMPONENTS[part][0]}\n</body></html>\n")

    def facts(self, work: str, part: str) -> dict[str, Any]:
        """What the part is, for programs."""
        rules = [rule.strip() for rule in COMPONENTS[part][1].split(";") if rule.strip()]
        return made_json(work, f"components/{part}.json", {"name": part, "rules": rules}, rules=len(rules))

    def guide(self, work: str, part: str) -> dict[str, Any]:
        """How the part is used."""
        return made(work, f"docs/components/{part}.md", f"# {part}\n\n```html\n{COMPONENTS[part][0]}\n```\n")

    def theme(self, work: str) -> dict[str, Any]:
        """The colours, as a first draft."""
        return made(work, "static/theme.css", theme_text(THEME))

    def library(self, work: str) -> dict[str, Any]:
        """All parts in one style sheet."""
        text = "".join(read(work, f"components/{part}.css") for part in COMPONENTS)
        return made(work, "static/components.css", text, parts=len(COMPONENTS))


def theme_text(colours: dict[str, str]) -> str:
    """A style sheet of these colours."""
    names = "".join(f"    --{name}: {colour};\n" for name, colour in colours.items())
    used = "a { color: var(--accent); }\n.badge { color: var(--muted); }\n.alert { color: var(--danger); }\n"
    return f":root {{\n{names}}}\nbody {{ background: var(--ground); color: var(--ink); font-family: sans-serif; }}\n{used}"
