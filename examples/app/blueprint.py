"""What is to be built: the kinds of records with their fields, the components of the pages, and the flaws of the first draft.

Owns data alone. Agents read it, each its own part; whoever wants another app changes it here.
"""

from __future__ import annotations

__all__ = ["COMPONENTS", "DELIVERABLES", "DRAFT_FLAWS", "FIELDS", "RECORDS", "THEME", "VIEWS", "fields_of"]

#: Kinds of fields: what a value is, in Python and in SQLite, and the most that it may have.
FIELDS = {
    "text": ("str", "TEXT", 120),
    "long": ("str", "TEXT", 5_000),
    "number": ("int", "INTEGER", 1_000_000),
    "date": ("str", "TEXT", 10),
    "flag": ("bool", "INTEGER", 1),
}

#: Kinds of records; each has a title, and fields of its own.
RECORDS: dict[str, dict[str, str]] = {
    "note": {"body": "long"},
    "notebook": {"purpose": "text", "shelf": "number"},
    "topic": {"meaning": "text"},
    "todo": {"due": "date", "is_done": "flag"},
    "reminder": {"day": "date", "repeats": "number"},
    "contact": {"email": "text", "phone": "text"},
    "bookmark": {"address": "text", "why": "long"},
    "appointment": {"day": "date", "place": "text"},
    "expense": {"amount": "number", "day": "date"},
    "recipe": {"serves": "number", "steps": "long"},
    "book": {"author": "text", "pages": "number"},
    "film": {"director": "text", "year": "number"},
    "habit": {"goal": "number", "is_kept": "flag"},
    "project": {"aim": "long", "ends": "date"},
    "meeting": {"agenda": "long", "day": "date"},
    "place": {"street": "text", "town": "text"},
    "plant": {"watered": "date", "pots": "number"},
    "quote": {"words": "long", "said_by": "text"},
    "song": {"artist": "text", "seconds": "number"},
    "trip": {"goes_to": "text", "leaves": "date"},
}
#: The pages of each kind.
VIEWS = ("list", "detail", "new", "edit", "remove")

#: The parts that pages are put together from: an example, and how it looks.
COMPONENTS: dict[str, tuple[str, str]] = {
    "alert": ('<p class="alert" role="alert">Saved.</p>', "border: 1px solid; padding: 0.5rem 1rem;"),
    "avatar": ('<span class="avatar" role="img" aria-label="Ada">A</span>', "border-radius: 50%; padding: 0.5rem;"),
    "badge": ('<span class="badge">12</span>', "border-radius: 1rem; padding: 0 0.5rem;"),
    "breadcrumb": ('<nav class="breadcrumb" aria-label="Where"><a href="/">Start</a></nav>', "font-size: 0.9rem;"),
    "button": ('<button class="button" type="button">Save</button>', "border: 1px solid; padding: 0.5rem 1rem;"),
    "card": ('<article class="card"><h2>A note</h2></article>', "border: 1px solid; padding: 1rem;"),
    "checkbox": ('<label class="checkbox"><input type="checkbox"> Done</label>', "display: block;"),
    "field": ('<label class="field">Title <input name="title"></label>', "display: block; margin: 0.5rem 0;"),
    "footer": ('<footer class="footer">An almanac</footer>', "font-size: 0.9rem; padding: 1rem;"),
    "form": ('<form class="form" method="post"><button>Save</button></form>', "max-width: 40rem;"),
    "grid": ('<div class="grid"><p>One</p><p>Two</p></div>', "display: grid; gap: 1rem;"),
    "header": ('<header class="header">Almanac</header>', "padding: 1rem; border-bottom: 1px solid;"),
    "link": ('<a class="link" href="/note">Notes</a>', "text-decoration: underline;"),
    "menu": ('<nav class="menu" aria-label="Records"><a href="/note">Notes</a></nav>', "display: flex; gap: 1rem;"),
    "pager": ('<nav class="pager" aria-label="Pages"><a href="?page=2">Next</a></nav>', "display: flex;"),
    "panel": ('<section class="panel"><h2>Today</h2></section>', "padding: 1rem;"),
    "progress": ('<progress class="progress" max="9" value="3" aria-label="Done">3 of 9</progress>', "width: 100%;"),
    "search": ('<label class="search">Find <input type="search" name="q"></label>', "display: block;"),
    "table": ('<table class="table"><caption>Notes</caption></table>', "border-collapse: collapse; width: 100%;"),
    "tag": ('<span class="tag">home</span>', "border: 1px solid; padding: 0 0.25rem;"),
}

#: Colours of the first draft; some of them are too pale for their ground.
THEME = {"ground": "#ffffff", "ink": "#222222", "muted": "#a0a0a0", "accent": "#6fa8dc", "danger": "#e06666"}

#: Which kinds of records the first draft gets wrong, by the module: what the security audit has to find.
DRAFT_FLAWS: dict[str, tuple[str, ...]] = {
    "read": ("note", "expense", "meeting", "quote", "trip"),
    "delete": ("todo", "film", "song"),
    "routes": ("note", "contact", "recipe", "place"),
}

#: What each of the three sprints has to bring, as features of its backlog, each with the file that shows it best.
DELIVERABLES: dict[str, dict[str, str]] = {
    "foundation": {
        "System architecture": "docs/architecture.md",
        "Project structure": "STRUCTURE.md",
        "CI/CD pipeline": ".github/workflows/ci.yml",
        "Test framework": "tests/support.py",
        "Documentation skeleton": "docs/index.md",
    },
    "core": {
        "User authentication": "almanac/auth/passwords.py",
        "Core CRUD operations": "almanac/note/routes.py",
        "UI components library": "static/components.css",
        "API documentation": "docs/api.md",
        "Integration tests": "results/integration.json",
    },
    "enhancement": {
        "Performance optimization": "results/performance.json",
        "Security audit passed": "results/security.json",
        "UI/UX improvements": "results/ux.json",
        "95% test coverage": "results/coverage.json",
    },
}


def fields_of(record: str) -> dict[str, str]:
    """The fields of a kind of records, with what kind each is; the title is the first."""
    return {"title": "text", **RECORDS[record]}
