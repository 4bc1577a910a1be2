"""The three reports of one outcome: they say the same, and each is what its format wants."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from examples.audit.outcome import Outcome
from examples.audit.report import files
from examples.audit.report.chart import chart
from examples.audit.report.markdown import markdown
from examples.audit.report.sarif import SCHEMA, sarif
from examples.audit.report.summary import summary
from examples.audit.rules.catalogue import RULES

SVG = "{http://www.w3.org/2000/svg}"


def _rows(text: str, title: str) -> list[list[str]]:
    """The cells of the table under a title, without its head."""
    section = text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def test_the_rules_add_up_to_all_findings(outcome: Outcome) -> None:
    *rules, everything = _rows(markdown(outcome, None), "What was found")
    assert len(rules) == len(RULES)
    assert sum(_number(row[3]) for row in rules) == _number(everything[3]) == outcome.totals.findings == 6


def test_the_packages_add_up_to_everything(outcome: Outcome) -> None:
    rows = _rows(markdown(outcome, None), "Packages with the most findings")
    assert sum(_number(row[1]) for row in rows) == outcome.totals.modules == 8
    assert sum(_number(row[2]) for row in rows) == outcome.totals.code_lines
    assert sum(_number(row[6]) for row in rows) == outcome.totals.findings


def test_the_roots_add_up_to_everything(outcome: Outcome) -> None:
    *roots, everything = _rows(markdown(outcome, None), "What was read")
    assert [sum(_number(row[column]) for row in roots) for column in (2, 3)] == [_number(cell) for cell in everything[2:]]


def test_what_could_not_be_audited_is_named_with_its_cause(outcome: Outcome) -> None:
    rows = _rows(markdown(outcome, None), "What could not be audited")
    assert [(row[0], row[1]) for row in rows] == [
        ("`src/old.py:1`", "invalid-syntax"),
        ("`src/text.py:1`", "undecodable"),
    ]


def test_every_table_of_the_report_has_rows_as_wide_as_its_head(outcome: Outcome) -> None:
    widths: list[int] = []
    for line in markdown(outcome, "audit.svg").splitlines():
        if line.startswith("|"):
            widths.append(line.count("|"))
            assert widths[-1] == widths[0], line
        else:
            widths = []


def test_the_picture_is_shown_only_where_there_is_one(outcome: Outcome) -> None:
    assert "(audit.svg)" in markdown(outcome, "audit.svg")
    assert "![" not in markdown(outcome, None)


def test_the_summary_tells_spawned_from_worked(outcome: Outcome) -> None:
    text = "\n".join(summary(outcome))
    assert "8 spawned" in text
    assert "worked    8 agents" in text
    assert "1 invalid-syntax, 1 undecodable" in text


def test_sarif_has_what_version_2_1_0_requires(outcome: Outcome) -> None:
    log = json.loads(sarif(outcome))
    assert (log["$schema"], log["version"]) == (SCHEMA, "2.1.0")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]
    assert [rule["id"] for rule in driver["rules"]] == sorted(rule.code for rule in RULES)
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}
        assert urlsplit(rule["helpUri"]).scheme == "https"
    assert all(base["uri"].startswith("file:///") and base["uri"].endswith("/") for base in run["originalUriBaseIds"].values())
    assert run["columnKind"] == "unicodeCodePoints"
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is True
    assert len(invocation["toolExecutionNotifications"]) == len(outcome.broken)


def test_each_sarif_result_points_at_its_rule_and_its_file(outcome: Outcome) -> None:
    (run,) = json.loads(sarif(outcome))["runs"]
    assert len(run["results"]) == outcome.totals.findings
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert physical["region"]["startLine"] >= 1
        assert physical["region"]["startColumn"] >= 1
        artifact = physical["artifactLocation"]
        base = unquote(urlsplit(run["originalUriBaseIds"][artifact["uriBaseId"]]["uri"]).path)
        assert Path(base, unquote(artifact["uri"])).is_file()


def test_sarif_results_come_by_file_and_line(outcome: Outcome) -> None:
    (run,) = json.loads(sarif(outcome))["runs"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    order = [module.place for module in outcome.tree.modules]
    keys = [(order.index(p["artifactLocation"]["uri"]), p["region"]["startLine"], p["region"]["startColumn"]) for p in places]
    assert keys == sorted(keys)


def test_the_same_outcome_gives_the_same_bytes(outcome: Outcome) -> None:
    assert sarif(outcome) == sarif(outcome)
    assert chart(outcome) == chart(outcome)


def test_the_chart_is_an_svg_that_says_every_rule_and_package(outcome: Outcome) -> None:
    root = ET.fromstring(chart(outcome))
    assert root.tag == f"{SVG}svg"
    words = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert "6 findings in 6 Python modules" in words
    assert {rule.code for rule in RULES} <= set(words)
    assert {"shop", "src, single modules"} <= set(words)
    assert root.find(f".//{SVG}script") is None


def test_the_bars_of_the_chart_are_as_long_as_their_counts(outcome: Outcome) -> None:
    root = ET.fromstring(chart(outcome))
    bars = [
        path.get("d", "")
        for path in root.iter(f"{SVG}path")
        if path.get("style", "").startswith("fill: #") and path.get("clip-path")
    ]
    widths = {round(max(xs) - min(xs), 1) for xs in ([float(x) for x in re.findall(r"[ML] ([\d.]+)", bar)] for bar in bars)}
    assert bars
    assert min(widths) > 0


def test_without_a_plotting_library_the_rest_is_written_and_it_is_said(
    outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_outcome: Outcome) -> bytes:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")

    monkeypatch.setattr(files, "chart", missing)
    said = files.write(tmp_path / "new" / "folder", outcome)
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["audit.md", "audit.sarif"]
    assert "unavailable: matplotlib is not installed" in said[-1]


def test_a_report_replaces_the_one_before(outcome: Outcome, tmp_path: Path) -> None:
    files.write(tmp_path, outcome)
    files.write(tmp_path, outcome)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "audit.md",
        "audit.sarif",
        "audit.svg",
    ]
