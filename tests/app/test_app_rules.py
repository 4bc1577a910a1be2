"""What the audit, the pages and the colours are judged by: each rule finds its flaw, and its mend leaves none."""

from __future__ import annotations

import pytest

from examples.app.access import improved, problems
from examples.app.contrast import contrast, darkened
from examples.app.scan import RULES, findings, mended

FLAWS = {
    "sql": 'import db\n\nrow = db.execute(f"SELECT a FROM b WHERE c = {key} AND d = {other}")\n',
    "markup": 'from almanac import pages\n\ntext = {"title": pages.Raw(row["title"])}\n',
    "run": "import os\n\nos.system(name)\n",
    "chance": 'import random\n\ntoken = "".join(random.choices("abc", k=9))\n',
    "timing": "import hashlib\n\nok = hashed(password) == kept\n",
    "weak": "import hashlib\n\ndigest = hashlib.md5(data)\n",
}
MENDED = {
    "sql": 'import db\n\nrow = db.execute("SELECT a FROM b WHERE c = ? AND d = ?", (key, other))\n',
    "markup": 'from almanac import pages\n\ntext = {"title": row["title"]}\n',
    "chance": "import secrets\n\ntoken = secrets.token_urlsafe(32)\n",
    "timing": "import hmac\n\nok = hmac.compare_digest(hashed(password), kept)\n",
}
CLEAN = 'import db\n\nrow = db.execute("SELECT a FROM b WHERE c = ?", (key,))\nraw = Raw("<b>")\nok = a == b\n'


def test_every_rule_has_its_flaw() -> None:
    assert set(FLAWS) == set(RULES)


@pytest.mark.parametrize("rule", FLAWS)
def test_a_flaw_is_found_with_its_line(rule: str) -> None:
    assert [(found.line, found.rule) for found in findings(FLAWS[rule])] == [(3, rule)]


@pytest.mark.parametrize("rule", MENDED)
def test_a_flaw_is_mended_and_the_rest_stays(rule: str) -> None:
    assert mended(FLAWS[rule]) == MENDED[rule]
    assert findings(mended(FLAWS[rule])) == []


def test_what_no_mend_is_known_for_stays_and_is_found_again() -> None:
    for rule in set(FLAWS) - set(MENDED):
        assert findings(mended(FLAWS[rule])) == findings(FLAWS[rule])


def test_nothing_is_found_where_nothing_is_wrong_and_nothing_is_changed() -> None:
    assert findings(CLEAN) == []
    assert mended(CLEAN) == CLEAN


@pytest.mark.parametrize(
    ("page", "wrong"),
    [
        ('<h1>A</h1><p>Title <input name="title"></p>', "the field title has no label"),
        ("<b>{title}</b>\n", "0 headings of the first level, where there must be one"),
        ('<h1>A</h1><table class="table">\n</table>', "a table has no caption"),
        (
            "<h1>A</h1><table><caption>B</caption><tr><th>C</th></tr></table>",
            "a heading of a table does not say what it heads",
        ),
        ('<h1>A</h1><button class="button">&#10005;</button>', "a button has no words"),
    ],
)
def test_a_page_that_not_everybody_can_use_is_improved(page: str, wrong: str) -> None:
    assert problems(page) == [wrong]
    assert problems(improved(page)) == []
    assert improved(improved(page)) == improved(page)


def test_a_tag_that_is_not_closed_is_told() -> None:
    assert problems("<h1>A</h1><p><b>B</p>") != []


def test_contrast_is_as_the_guidelines_say() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)
    assert contrast("#123456", "#123456") == 1
    dark = darkened("#a0a0a0", "#ffffff", 4.5)
    assert 4.5 <= contrast(dark, "#ffffff") < 4.8
    assert darkened("#000000", "#ffffff", 4.5) == "#000000"
