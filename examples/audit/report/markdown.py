"""The report for people: what was read, what was found, where to look first, what it took.

Owns the words and tables. Every figure comes from the outcome; none is worked out here that the outcome does not
hold.
"""

from __future__ import annotations

from examples.audit.outcome import Broken, Outcome, spoken
from examples.audit.report.summary import summary
from examples.audit.report.table import by_count, code, counted, per, plain, table
from examples.audit.rules.catalogue import RULES
from examples.audit.rules.functions import MOST_COMPLEX
from examples.audit.totals import Totals

__all__ = ["markdown"]

#: Rows of the long tables, and places shown for each rule: one screen each.
ROWS, PLACES = 20, 5


def markdown(outcome: Outcome, chart: str | None) -> str:
    """The whole report. chart: file name of the picture beside it, None when there is none."""
    parts = [
        _title(outcome),
        [f"![Findings by rule, and packages by size and findings]({chart})"] if chart else [],
        _read(outcome),
        _found(outcome),
        _packages(outcome),
        _functions(outcome),
        _modules(outcome),
        _places(outcome),
        _broken(outcome),
        _run(outcome),
        _method(),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _title(outcome: Outcome) -> list[str]:
    totals, run = outcome.totals, outcome.run
    text = (
        f"{totals.audited:,} modules, {totals.lines:,} lines, each module read by an agent of its own, all of them in "
        f"{run.seconds:.2f} seconds: {totals.findings:,} findings, {per(totals.density)} in 1,000 lines of code. "
        f"The mean function has a complexity of {totals.mean_complexity:.1f}; {totals.rules.get('C901', 0):,} of "
        f"{totals.functions:,} functions are above {MOST_COMPLEX}."
    )
    return [f"# Audit of {counted(len(outcome.tree.modules), 'Python module')}", "", text]


def _read(outcome: Outcome) -> list[str]:
    counts: dict[str, int] = {}
    for module in outcome.tree.modules:
        counts[module.label] = counts.get(module.label, 0) + 1
    rows = []
    for root in outcome.tree.roots:
        part = f" ({len(root.only)} packages of it)" if root.only is not None else ""
        rows.append(
            (
                code(root.label),
                code(str(root.path)) + part,
                f"{counts.get(root.label, 0):,}",
                f"{outcome.lines[root.label]:,}",
            )
        )
    rows.append(("all", "", f"{len(outcome.tree.modules):,}", f"{outcome.totals.lines:,}"))
    return ["## What was read", "", *table(("Root", "Folder", "Modules", "Lines"), "llrr", rows)]


def _found(outcome: Outcome) -> list[str]:
    totals = outcome.totals
    titles = {rule.code: rule for rule in RULES}
    rows = [
        (
            rule_code,
            titles[rule_code].title,
            titles[rule_code].level,
            f"{count:,}",
            f"{100_000 * count / totals.code_lines:.1f}",
        )
        for rule_code, count in by_count({rule.code: totals.rules.get(rule.code, 0) for rule in RULES})
        if totals.code_lines
    ]
    rows.append(("all", "", "", f"{totals.findings:,}", f"{100 * totals.density:.1f}"))
    return [
        "## What was found",
        "",
        *table(("Rule", "What", "Level", "Findings", "In 100,000 lines of code"), "lllrr", rows),
    ]


def _packages(outcome: Outcome) -> list[str]:
    ranked = outcome.loudest_groups()
    rest = Totals()
    for _name, totals in ranked[ROWS:]:
        rest.add(totals)
    shown = ranked[:ROWS]
    if ranked[ROWS:]:
        shown.append((f"{len(ranked) - ROWS} others", rest))
    rows = [
        (
            code(name) if index < ROWS and ":" not in name else spoken(name),
            f"{t.modules:,}",
            f"{t.code_lines:,}",
            f"{t.functions:,}",
            f"{t.mean_complexity:.1f}",
            f"{t.most_complex:,}",
            f"{t.findings:,}",
            per(t.density),
        )
        for index, (name, t) in enumerate(shown)
    ]
    head = (
        "Package",
        "Modules",
        "Lines of code",
        "Functions",
        "Mean complexity",
        "Highest",
        "Findings",
        "In 1,000 lines",
    )
    return ["## Packages with the most findings", "", *table(head, "lrrrrrrr", rows)]


def _functions(outcome: Outcome) -> list[str]:
    rows = [(f"{c:,}", code(name), code(f"{file}:{line}")) for c, file, line, name in outcome.totals.complex_functions]
    return ["## Most complex functions", "", *table(("Complexity", "Function", "Place"), "rll", rows)] if rows else []


def _modules(outcome: Outcome) -> list[str]:
    rows = [(f"{count:,}", code(file)) for count, file in outcome.totals.loud_modules]
    return ["## Modules with the most findings", "", *table(("Findings", "Module"), "rl", rows)] if rows else []


def _places(outcome: Outcome) -> list[str]:
    first: dict[str, dict[str, str]] = {rule.code: {} for rule in RULES}
    for module, finding in outcome.each_finding():
        places = first[finding.code]
        if len(places) < PLACES and module.package not in places:
            places[module.package] = f"- {code(f'{module.label}/{module.place}:{finding.line}')} {finding.message}"
    lines = [
        "## Where to look first",
        "",
        f"Up to {PLACES} places of each rule, each in another folder; the SARIF file has all of them.",
    ]
    for rule in RULES:
        if first[rule.code]:
            lines += ["", f"**{rule.code} {rule.title}.** {rule.why}", "", *first[rule.code].values()]
    return lines if any(first.values()) else []


def _broken(outcome: Outcome) -> list[str]:
    if not outcome.broken:
        return []
    rows = [_broken_row(broken) for broken in outcome.broken[:ROWS]]
    more = len(outcome.broken) - ROWS
    note = ["", f"And {more:,} more, which the SARIF file lists."] if more > 0 else []
    return ["## What could not be audited", "", *table(("File", "Cause", "Detail"), "lll", rows), *note]


def _broken_row(broken: Broken) -> tuple[str, str, str]:
    return code(f"{broken.module.label}/{broken.module.place}:{broken.line}"), broken.cause, plain(broken.detail)


def _run(outcome: Outcome) -> list[str]:
    return ["## What it took", "", "```", *summary(outcome), "```"]


def _method() -> list[str]:
    text = (
        "One agent for each module parses its file and holds the rules against it; one for each folder with modules adds "
        "up what they tell it; one asks these and adds up again. Agents that stand by are spawned but were given no file. "
        "Lines of code are neither blank nor a comment alone. The rules are those of the same codes in ruff, with its "
        "defaults, without regard to `noqa` comments. Complexity is one more than the decisions of a function, those of "
        "functions inside it included."
    )
    return ["## How it is counted", "", text]
