"""The report says what was counted, in Markdown and on one page that loads nothing; what is not known is a dash."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from sprints.cost import Price, cost_of
from sprints.impact import impact_of
from sprints.optimizer import optimize_next
from sprints.report import UNKNOWN, html_report, markdown_report
from tests.support.ledgers import told_of

EVIL = "<script>alert(1)</script>|\n"


def both(*, price: Price | None = None, is_advised: bool = True, **facts: Any) -> tuple[str, str]:
    """The two reports of a sprint."""
    told = told_of(**facts)
    advice = optimize_next([told], [], {"maker": 3, "tester": 2}, 900) if is_advised else None
    said = told, impact_of(told), cost_of(told, price), advice
    return markdown_report(*said), html_report(*said)


class Page(HTMLParser):
    """What a page has: its tags, and whether all of them are closed."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_both_say_the_figures_the_steps_and_the_reasons() -> None:
    receipts = [{"verdict": "done", "ran_s": 1.0}] * 3 + [{"verdict": "failed", "role": "tester", "why": "its check failed"}]
    for text in both(receipts=receipts, carried={"the time was up": ["x"]}, price=Price("EUR", 1.0)):
        for said in ("sp-20261121-001", "3 of 4", "75.0%", "its check failed", "1 item, as the time was up: x", "EUR", "exec"):
            assert said in text
        assert "The next sprint" in text


def test_what_is_not_known_is_a_dash_and_a_sprint_of_nothing_has_a_report() -> None:
    for text in both(is_over=False, is_advised=False):
        assert UNKNOWN in text
        assert "still running" in text
        assert "The next sprint" not in text


def test_the_page_loads_nothing_and_names_are_only_text() -> None:
    markdown, html = both(receipts=[{"item": EVIL, "role": EVIL, "verdict": "failed", "why": EVIL}], backlog=EVIL)
    page = Page(html)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object"}
    assert all(not ({"src", "href"} & set(attributes)) for _, attributes in page.tags)
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    rows = [line for line in markdown.splitlines() if line.startswith("|") and "alert" in line]
    assert rows
    assert all(line.endswith("|") and "\\|" in line for line in rows)


def test_of_many_items_some_are_named_and_the_rest_is_counted() -> None:
    markdown, html = both(receipts=[{"verdict": "failed", "item": f"bad{at}"} for at in range(500)])
    assert "and 450 more" in markdown
    assert len(html) < 200_000


def test_the_page_says_at_a_glance_what_became_of_all_that_was_planned() -> None:
    receipts = [{"verdict": verdict} for verdict in ("done", "done", "failed", "unproven")]
    _, html = both(receipts=receipts, planned=[*(f"t{at}" for at in range(4)), "left"], carried={"the time was up": ["left"]})
    page = Page(html)
    shares = [
        attributes["style"] or "" for tag, attributes in page.tags if tag == "i" and "width" in (attributes["style"] or "")
    ]
    assert [share.partition(";")[0] for share in shares] == ["width:40.0000%", *["width:20.0000%"] * 3]
    assert ("span", {"class": "not"}) in page.tags
    assert all(name in html for name in ("2 done", "1 failed", "1 unproven", "1 carried", "some left"))
    _, whole = both(receipts=[{"verdict": "done"}])
    assert ("span", {"class": "ok"}) in Page(whole).tags


def test_what_was_changed_after_its_receipt_is_told() -> None:
    shipped = {"e": "shipped", "s": 9.0, "release": "0001-x", "items": [], "left_out": {"t0": "a.txt is missing"}}
    for text in both(receipts=[{"verdict": "done"}], more=[shipped]):
        assert "left out, and to be done again: t0, a.txt is missing" in text
        assert "some left" in text


def test_both_follow_the_colours_that_the_reader_has_chosen() -> None:
    _, html = both(receipts=[{"verdict": "done", "ran_s": 1.0}])
    light, dark = html.split("@media(prefers-color-scheme:dark)")
    for colour in ("--page", "--ink", "--c0", "--c1", "--c2", "--c3"):
        assert f"{colour}:#" in light
        assert f"{colour}:#" in dark
    drawn = html[html.index("<svg") :]
    assert 'fill="#' not in drawn
    assert 'stroke="#' not in drawn
