"""The report of a sprint, for people: Markdown, and one page of HTML that needs nothing beside it.

Pure: the facts and the figures are handed in, and a text comes out. It says what was counted, a dash for what is not known, and
why the next sprint is to be otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from sprints import chart
from sprints.chronicle import Chronicle, Settled
from sprints.cost import Cost
from sprints.impact import Impact
from sprints.optimizer import Advice

__all__ = ["html_report", "markdown_report"]

#: Items that are named one by one, of each sort; the ledger names all.
NAMED = 50
#: Stands for what is not known.
UNKNOWN = "\u2013"
#: Stretches of time in the chart of the throughput.
STRETCHES = 60

STYLE = """\
:root{color-scheme:light dark;--ink:#1d2429;--soft:#5d6a73;--page:#fbfaf7;--rule:#d9d6cd}
@media(prefers-color-scheme:dark){:root{--ink:#e4e6e4;--soft:#9aa6ad;--page:#15191c;--rule:#353b40}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}
p.sub{color:var(--soft);margin:.2rem 0 1.2rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--rule)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:.8rem}
.card{border:1px solid var(--rule);border-radius:6px;padding:.5rem .7rem}.card b{display:block;font-size:1.35rem}
.card span{color:var(--soft);font-size:.85rem}
svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:var(--ink)}svg .small{fill:var(--soft)}
svg .grid{stroke:var(--rule)}svg .mark{stroke:var(--soft);stroke-dasharray:3 3}
code{font-size:.9em}"""


def markdown_report(told: Chronicle, impact: Impact, cost: Cost, advice: Advice | None) -> str:
    """The report as Markdown."""
    parts = [f"# Sprint {told.id}", "", _headline(told), "", "| figure | value |", "|---|---|"]
    parts += [f"| {name} | {value} |" for name, value in _figures(told, impact, cost)]
    parts += ["", "## Steps", "", "| wave | step | planned s | took s |", "|---|---|---:|---:|"]
    parts += [f"| {' | '.join(row)} |" for row in _steps(told)]
    parts += ["", "## Roles", "", "| role | done | not done | ran s | waited s |", "|---|---:|---:|---:|---:|"]
    parts += [f"| {_cell(row[0])} | {' | '.join(row[1:])} |" for row in _roles(told)]
    for title, lines in _lists(told, impact, advice):
        parts += ["", f"## {title}", ""] + [f"- {_cell(line)}" for line in lines]
    return "\n".join(parts) + "\n"


def html_report(told: Chronicle, impact: Impact, cost: Cost, advice: Advice | None) -> str:
    """The report as one page: no script, nothing that is loaded from elsewhere."""
    cards = "".join(
        f'<div class="card"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for name, value in _figures(told, impact, cost)
    )
    body = [
        f"<h1>Sprint {escape(told.id)}</h1>",
        f'<p class="sub">{escape(_headline(told))}</p>',
        f'<div class="cards">{cards}</div>',
    ]
    for title, drawn in _charts(told):
        body += [f"<h2>{title}</h2>", drawn]
    body += ["<h2>Steps</h2>", _table(("wave", "step", "planned s", "took s"), _steps(told), words=2)]
    body += ["<h2>Roles</h2>", _table(("role", "done", "not done", "ran s", "waited s"), _roles(told), words=1)]
    for title, lines in _lists(told, impact, advice):
        body += [f"<h2>{escape(title)}</h2><ul>", *(f"<li>{escape(line)}</li>" for line in lines), "</ul>"]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sprint {escape(told.id)}</title>'
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{"".join(body)}</body></html>\n'


# -- what is said ------------------------------------------------------------------------------------------------------


def _headline(told: Chronicle) -> str:
    began = datetime.fromtimestamp(told.began_s, UTC).strftime("%F %T UTC")
    speed = float(told.header.get("speed", 1.0))
    ran = f", {speed:g} times as fast" if speed != 1.0 else ""
    end = "aborted" if told.aborted is not None else "over" if told.is_over else "still running"
    backlog = told.header.get("backlog", "?")
    who = f"{told.agents:,} agents on {told.workers:,} workers"
    return f"Backlog {backlog}, begun {began}, {who}, {told.seconds:,.1f} s{ran}, {end}."


def _figures(told: Chronicle, impact: Impact, cost: Cost) -> list[tuple[str, str]]:
    planned = len(told.planned)
    return [
        ("items done of those planned", f"{impact.done:,} of {planned:,}"),
        ("success", _percent(impact.success)),
        ("failed", f"{impact.failed:,}"),
        ("unproven", f"{impact.unproven:,}"),
        ("carried", f"{impact.carried:,}"),
        ("velocity, items a minute", f"{impact.velocity:,.1f}"),
        ("defect rate", _percent(impact.defect_rate)),
        ("quality", _percent(impact.quality)),
        ("features covered", _percent(impact.coverage)),
        ("efficiency", _percent(impact.efficiency)),
        ("patterns learned", f"{impact.learning:,}"),
        ("features whole", f"{impact.features:,}"),
        ("bugs fixed", f"{impact.bugs:,}"),
        ("tests, as reported", f"{impact.tests:,}"),
        ("lines, as reported", f"{impact.lines:,}"),
        ("artifacts", f"{impact.artifacts:,}"),
        ("cpu", f"{cost.cpu_s:,.1f} s"),
        ("money", UNKNOWN if cost.money is None else f"{cost.money:,.4f} {cost.currency}"),
        (
            "money for 1,000 agent-hours",
            UNKNOWN if cost.per_1000_agent_hours is None else f"{cost.per_1000_agent_hours:,.4f} {cost.currency}",
        ),
    ]


def _steps(told: Chronicle) -> list[tuple[str, ...]]:
    waves = (told.header.get("shape") or {}).get("waves", [])
    names = [str(wave.get("name", at)) for at, wave in enumerate(waves)]
    return [
        (
            names[span.wave] if span.wave < len(names) else str(span.wave),
            span.phase,
            f"{span.planned_s:,.1f}",
            f"{span.end_s - span.begin_s:,.1f}",
        )
        for span in told.spans
    ]


def _roles(told: Chronicle) -> list[tuple[str, ...]]:
    by_role: dict[str, list[Settled]] = {}
    for receipt in told.receipts:
        by_role.setdefault(receipt.role, []).append(receipt)
    return [
        (
            role,
            f"{sum(receipt.verdict == 'done' for receipt in receipts):,}",
            f"{sum(receipt.verdict != 'done' for receipt in receipts):,}",
            f"{sum(receipt.ran_s for receipt in receipts):,.2f}",
            f"{sum(receipt.waited_s for receipt in receipts):,.2f}",
        )
        for role, receipts in sorted(by_role.items())
    ]


def _lists(told: Chronicle, impact: Impact, advice: Advice | None) -> Iterable[tuple[str, list[str]]]:
    """Headings with their lines; those that have none are left out."""
    shipped = [f"{name}: {count:,} items" for name, count in told.releases]
    shipped += [f"no release: {why}" for why in told.not_shipped]
    if told.rolled_back is not None:
        shipped.append(f"taken back to {told.rolled_back or 'nothing'}")
    wrong = [receipt for receipt in told.receipts if receipt.verdict != "done"]
    named = [f"{one.item} ({one.role}): {one.verdict}{_because(one)}" for one in wrong]
    left = [f"{len(items):,} items, as {why}: {_some(items)}" for why, items in told.carried.items()]
    lists = {
        "Shipped": shipped,
        "Not done": _cut(named),
        "Carried": left,
        "Learned": _cut([_pattern_text(pattern) for pattern in impact.patterns]),
        "The next sprint": [] if advice is None else list(advice.reasons.values()),
    }
    return [(title, lines) for title, lines in lists.items() if lines]


def _pattern_text(pattern: tuple[str, str, str, str]) -> str:
    what, role, method, error = pattern
    return f"{role} {method} never failed" if what == "success" else f"{role} {method} fails again and again with {error}"


def _because(receipt: Settled) -> str:
    why = receipt.why or receipt.error
    return f", {why}" if why else ""


def _some(items: Sequence[str]) -> str:
    return ", ".join(items[:5]) + (" …" if len(items) > 5 else "")


def _cut(lines: Sequence[str]) -> list[str]:
    return [*lines[:NAMED], *([f"and {len(lines) - NAMED:,} more"] if len(lines) > NAMED else [])]


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share:.1%}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]], *, words: int) -> str:
    """A table; the first columns are words, the others numbers."""

    def row(tag: str, cells: Sequence[str]) -> str:
        made = "".join(f"<{tag}{'' if at < words else ' class=n'}>{escape(cell)}</{tag}>" for at, cell in enumerate(cells))
        return f"<tr>{made}</tr>"

    return f"<table>{row('th', heads)}{''.join(row('td', line) for line in lines)}</table>"


# -- what is drawn -----------------------------------------------------------------------------------------------------


def _charts(told: Chronicle) -> Iterable[tuple[str, str]]:
    if not told.receipts:
        return
    done: list[tuple[float, float]] = [(0.0, 0.0)]
    ended: list[tuple[float, float]] = [(0.0, 0.0)]
    for number, receipt in enumerate(told.receipts, 1):
        if receipt.verdict == "done":
            done.append((receipt.at_s, done[-1][1] + 1))
        ended.append((receipt.at_s, float(number)))
    planned = float(len(told.planned))
    lines = [
        chart.Line("planned", [(0.0, planned), (told.seconds, planned)]),
        chart.Line("ended", [*ended, (told.seconds, ended[-1][1])]),
        chart.Line("done", [*done, (told.seconds, done[-1][1])]),
    ]
    marks = [(span.begin_s, span.phase) for span in told.spans if span.end_s - span.begin_s > told.seconds / 40]
    yield "Burn-up", chart.growth("Items over time", lines, "seconds of the sprint", marks)
    width_s = max(told.seconds / STRETCHES, 1e-9)
    stretches = Counter(min(int(receipt.at_s / width_s), STRETCHES - 1) for receipt in told.receipts)
    rates = [stretches[at] / width_s for at in range(STRETCHES)]
    yield "Throughput", chart.bars("Items that ended, a second", rates, width_s, "seconds of the sprint", "items a second")
    roles = [(row[0], (float(row[1].replace(",", "")), float(row[2].replace(",", "")))) for row in _roles(told)]
    yield "Per role", chart.rows("Items by role", roles, ("done", "not done"))
    waits = [(row[0], (float(row[4].replace(",", "")), float(row[3].replace(",", "")))) for row in _roles(told)]
    yield "Waits", chart.rows("Seconds by role", waits, ("waited", "ran"), " s")
