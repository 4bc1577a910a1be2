"""Whether everybody can use a page: what is missing in its HTML, and the same page with it.

Owns the rules and their mends. A page here is what stands inside the layout; language, title and navigation are the layout's.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["improved", "problems"]

_Attributes = list[tuple[str, str | None]]


class _Page(HTMLParser):
    """What a page has, as far as the rules ask."""

    def __init__(self) -> None:
        super().__init__()
        self.headings = self.tables = self.captions = 0
        self.labels: set[str] = set()
        self.inputs: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self._text = ""

    def handle_starttag(self, tag: str, attrs: _Attributes) -> None:
        facts = {name: value or "" for name, value in attrs}
        self.headings += tag == "h1"
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if tag == "label":
            self.labels.add(facts.get("for", ""))
        elif tag == "input" and facts.get("type") != "hidden" and not any(open_tag == "label" for open_tag, _ in self._open):
            self.inputs.append((facts.get("id", ""), facts.get("name", "")))
        elif tag == "th" and "scope" not in facts:
            self.wrong.append("a heading of a table does not say what it heads")
        elif tag == "img" and "alt" not in facts:
            self.wrong.append("a picture has no words")
        if tag not in ("input", "img", "meta", "link", "br"):
            self._open.append((tag, facts))
            self._text = ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        open_tag, facts = self._open.pop() if self._open else ("", {})
        if open_tag != tag:
            self.wrong.append(f"</{tag}> closes <{open_tag}>")
        if tag in ("button", "a") and not re.search(r"[A-Za-z]", self._text + facts.get("aria-label", "")):
            self.wrong.append(f"a {tag} has no words")


def problems(text: str) -> list[str]:
    """What is missing in a page."""
    page = _Page()
    page.feed(text)
    page.close()
    found = list(page.wrong)
    found += [f"the field {name} has no label" for place, name in page.inputs if not place or place not in page.labels]
    if page.headings != 1:
        found.append(f"{page.headings} headings of the first level, where there must be one")
    if page.tables > page.captions:
        found.append("a table has no caption")
    return found


def improved(text: str) -> str:
    """The page with labels, captions, scopes, words for buttons and a heading."""
    text = re.sub(r'([A-Z][\w ]*) <input name="(\w+)"', r'<label for="\2">\1</label> <input id="\2" name="\2"', text)
    text = re.sub(r"^<b>(.*)</b>$", r"<h1>\1</h1>", text, flags=re.MULTILINE)
    text = text.replace("<th>", '<th scope="col">')
    text = re.sub(r"(<table[^>]*>)\n(?!<caption>)", r"\1\n<caption>All that there are</caption>\n", text)
    return re.sub(r"<button((?:(?!aria-label)[^>])*)>(&#\d+;)</button>", r'<button\1 aria-label="Remove">\2</button>', text)
