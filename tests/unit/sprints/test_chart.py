"""Charts are whole SVG whatever they are given, and say in words what they show."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from sprints.chart import POINTS, ROWS, Line, bars, growth, rows

SVG = "{http://www.w3.org/2000/svg}"


def drawn(text: str) -> ET.Element:
    """A chart that was read as XML, nothing of which lies outside of its frame."""
    root = ET.fromstring(text)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for rect in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        assert min(x, y, w, h) >= 0
        assert (x + w, y + h) <= (width + 1, height + 1)
    return root


@pytest.mark.parametrize("points", [[], [(0.0, 0.0)], [(0.0, 0.0), (5.0, 7.0)], [(float(at), at / 3) for at in range(5_000)]])
def test_lines_of_any_length_are_drawn(points: list[tuple[float, float]]) -> None:
    root = drawn(growth("a <title> & more", [Line("done", points), Line("<planned>", [(0.0, 3.0)])], "s", [(1.0, "exec")]))
    assert root.findtext(f"{SVG}title") == "a <title> & more"
    paths = [path.attrib["d"] for path in root.iter(f"{SVG}path")]
    assert all(path.count("H") <= POINTS + 1 for path in paths)
    assert "<planned> reach 3" in (root.findtext(f"{SVG}desc") or "")


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0], [1.0, 5.0, 2.5], [1e9] * 100])
def test_bars_over_time_are_drawn(values: list[float]) -> None:
    assert len(list(drawn(bars("t", values, 1.0, "s", "items")).iter(f"{SVG}rect"))) == len(values)


def test_many_rows_become_one_and_the_longest_comes_first() -> None:
    named = [(f"role {at}", (float(at), 1.0)) for at in range(50)]
    root = drawn(rows("t", named, ("done", "not done"), " s"))
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert texts[0] == "role 49"
    assert f"{50 - ROWS} more" in texts
    assert len(list(root.iter(f"{SVG}rect"))) == 2 * (ROWS + 1) + 2
    drawn(rows("nobody", [], ("done",)))
    drawn(rows("nothing", [("a", (0.0,))], ("done",)))
