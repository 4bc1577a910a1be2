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

#: Figures that are shown large, the first ones; the others stand in a table.
LARGE = 6
#: How the figures are counted, for who wonders.
FORMULAS = (
    "Velocity is items done a minute of the sprint's time.",
    "The defect rate is failed and unproven items of all that were judged; quality is what is left of 1.",
    "Success is items done of those planned.",
    "Features covered are those with an item shipped, of those planned; one is whole, and a bug fixed, with all items done.",
    "Efficiency is the seconds that agents ran for what they answered, of those of exec times the workers that they share.",
    "A pattern is new when a role and method have for the first time failed three times in one way, or never in three.",
    "Tests and lines are what agents reported; nothing else here is.",
)

STYLE = """\
:root{color-scheme:light dark;--ink:#1d2429;--soft:#5d6a73;--page:#fbfaf7;--rule:#dedbd2;--card:#fff
;--c0:#1f6f8b;--c1:#d9702a;--c2:#93a1ab;--c3:#7b4b94;--rest:#e6e3da}
@media(prefers-color-scheme:dark){:root{--ink:#e4e6e4;--soft:#9aa6ad;--page:#14181b;--rule:#2e353a;--card:#1b2024
;--c0:#4fb0cf;--c1:#f0935a;--c2:#73828d;--c3:#b98ad0;--rest:#2a3136}}
*{box-sizing:border-box}
body{font:15px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--page)}
body{max-width:62rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:0;overflow-wrap:anywhere}
h1 span{font-size:.85rem;font-weight:600;border:1px solid;border-radius:1rem;padding:.1rem .6rem;margin-left:.5rem}
h1 span{color:var(--soft);vertical-align:middle;white-space:nowrap}h1 .ok{color:var(--c0)}h1 .not{color:var(--c1)}
h2{font-size:1.1rem;margin:2.6rem 0 .6rem}
p.sub{color:var(--soft);margin:.3rem 0 1.4rem;overflow-wrap:anywhere}
.share{display:flex;height:1.1rem;border-radius:.3rem;overflow:hidden;background:var(--rest)}
.share i{display:block;min-width:2px}
.key{color:var(--soft);font-size:.85rem;margin:.4rem 0 1.6rem;display:flex;flex-wrap:wrap;gap:.1rem 1.2rem}
.key i{display:inline-block;width:.7rem;height:.7rem;border-radius:2px;margin-right:.4rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem}
.card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:.7rem .9rem}
.card b{display:block;font-size:1.5rem;line-height:1.25;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.card span{color:var(--soft);font-size:.85rem}
.wide{overflow-x:auto}.wide svg{min-width:34rem}
.columns{columns:19rem;column-gap:2.5rem}.columns div{display:flex;justify-content:space-between;gap:1rem;break-inside:avoid}
.columns div{border-bottom:1px solid var(--rule);padding:.25rem 0}.columns span{color:var(--soft)}
.columns b{font-weight:500;text-align:right;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--rule)}
th{color:var(--soft);font-weight:500;font-size:.85rem}td{overflow-wrap:anywhere;min-width:4rem}
td:last-child,th:last-child{padding-right:0}
.wrong td:first-child{min-width:9rem}.wrong td:nth-child(3){white-space:nowrap}.wrong td:last-child{min-width:16rem}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
ul{padding-left:1.2rem}li{overflow-wrap:anywhere;margin:.2rem 0}
details{margin-top:2.6rem;color:var(--soft)}summary{cursor:pointer}
svg{display:block;width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:var(--ink)}svg .small{fill:var(--soft)}
svg .grid{stroke:var(--rule)}svg .mark{stroke:var(--soft);stroke-dasharray:3 3;opacity:.6}
@media print{body{max-width:none;padding:0}.card,svg,tr{break-inside:avoid}}"""


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
    figures = _figures(told, impact, cost)
    word, sort = _state(told)
    body = [
        f'<h1>Sprint {escape(told.id)} <span class="{sort}">{word}</span></h1>',
        f'<p class="sub">{escape(_headline(told))}</p>',
        _share(told, impact),
        '<div class="cards">',
        *(f'<div class="card"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for name, value in figures[:LARGE]),
        "</div>",
    ]
    for title, drawn in _charts(told):
        body += [f"<h2>{title}</h2>", f'<div class="wide">{drawn}</div>']
    lists = dict(_lists(told, impact, advice))
    for title in ("The next sprint", "Shipped"):
        body += _listed(title, lists.pop(title, []))
    wrong = [(one.item, one.role, one.verdict, _why(one)) for one in told.receipts if one.verdict != "done"]
    if lists.pop("Not done", []):
        named = _table(("item", "role", "verdict", "why"), wrong[:NAMED], words=4)
        body.append(f'<h2>Not done</h2><div class="wrong">{named}</div>')
        body += [f"<p>and {len(wrong) - NAMED:,} more</p>"] if len(wrong) > NAMED else []
    for title, lines in lists.items():
        body += _listed(title, lines)
    body += ["<h2>Steps</h2>", _table(("wave", "step", "planned s", "took s"), _steps(told), words=2)]
    roles = _roles(told)
    body += ["<h2>Roles</h2>", _table(("role", "done", "not done", "ran s", "waited s"), roles, words=1)] if roles else []
    body += ['<h2>All other figures</h2><div class="columns">']
    body += (f"<div><span>{escape(name)}</span><b>{escape(value)}</b></div>" for name, value in figures[LARGE:])
    body += ["</div><details><summary>How these figures are counted</summary><ul>"]
    body += (f"<li>{escape(line)}</li>" for line in FORMULAS)
    body += ["</ul></details>"]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    head += f"<title>Sprint {escape(told.id)}: {word}</title><style>{STYLE}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    return [f"<h2>{escape(title)}</h2><ul>", *(f"<li>{escape(line)}</li>" for line in lines), "</ul>"] if lines else []


def _share(told: Chronicle, impact: Impact) -> str:
    """A bar of all that was planned, by what became of it, and what its colours are."""
    sorts = [
        ("done", impact.done, "c0"),
        ("failed", impact.failed, "c1"),
        ("unproven", impact.unproven, "c3"),
        ("expired", impact.expired, "c2"),
        ("cancelled", impact.cancelled, "c2"),
        ("carried", impact.carried, "rest"),
    ]
    whole = max(len(told.planned), sum(count for _, count, _ in sorts))
    there = [(name, count, colour) for name, count, colour in sorts if count]
    bar = "".join(f'<i style="width:{count / whole:.4%};background:var(--{colour})"></i>' for _, count, colour in there)
    key = "".join(f'<span><i style="background:var(--{colour})"></i>{count:,} {name}</span>' for name, count, colour in there)
    return f'<div class="share">{bar}</div><div class="key">{key or "<span>nothing was planned</span>"}</div>'


# -- what is said ------------------------------------------------------------------------------------------------------


def _state(told: Chronicle) -> tuple[str, str]:
    """How it stands in a word or two, and of which sort that is: `ok`, `not`, or neither."""
    if not told.is_over:
        return "still running", ""
    if told.rolled_back is not None:
        return "rolled back", "not"
    if told.aborted is not None:
        return "aborted", "not"
    is_whole = told.verdicts["done"] == len(told.planned) and not told.left_out
    return ("all done", "ok") if is_whole else ("some left", "not")


def _headline(told: Chronicle) -> str:
    began = datetime.fromtimestamp(told.began_s, UTC).strftime("%F %T UTC")
    speed = float(told.header.get("speed", 1.0))
    ran = f", {speed:g} times as fast" if speed != 1.0 else ""
    end = _state(told)[0]
    backlog = told.header.get("backlog", "?")
    who = f"{told.agents:,} agents on {told.workers:,} workers"
    return f"Backlog {backlog}, begun {began}, {who}, {told.seconds:,.1f} s{ran}, {end}."


def _figures(told: Chronicle, impact: Impact, cost: Cost) -> list[tuple[str, str]]:
    planned = len(told.planned)
    return [
        ("items done of those planned", f"{impact.done:,} of {planned:,}"),
        ("velocity, items a minute", f"{impact.velocity:,.1f}"),
        ("quality", _percent(impact.quality)),
        ("features covered", _percent(impact.coverage)),
        ("efficiency", _percent(impact.efficiency)),
        ("patterns learned", f"{impact.learning:,}"),
        ("success", _percent(impact.success)),
        ("failed", f"{impact.failed:,}"),
        ("unproven", f"{impact.unproven:,}"),
        ("expired", f"{impact.expired:,}"),
        ("cancelled", f"{impact.cancelled:,}"),
        ("carried", f"{impact.carried:,}"),
        ("defect rate", _percent(impact.defect_rate)),
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
    shipped = [f"{name}: {_items(count)}" for name, count in told.releases]
    shipped += [f"left out, and to be done again: {item}, {why}" for item, why in told.left_out.items()]
    shipped += [f"no release: {why}" for why in told.not_shipped]
    if told.rolled_back is not None:
        shipped.append(f"taken back to {told.rolled_back or 'nothing'}")
    wrong = [receipt for receipt in told.receipts if receipt.verdict != "done"]
    named = [f"{one.item} ({one.role}): {one.verdict}{', ' if _why(one) else ''}{_why(one)}" for one in wrong]
    left = [f"{_items(len(items))}, as {why}: {_some(items)}" for why, items in told.carried.items()]
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
    whose = f"{method} of {role}"
    if what == "success":
        return f"{whose} never failed"
    how = {"failed": ": its check does not pass", "unproven": ": it is unproven"}.get(error, f" with {error}")
    return f"{whose} fails again and again{how}"


def _why(receipt: Settled) -> str:
    return receipt.why or receipt.error


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def _some(items: Sequence[str]) -> str:
    return ", ".join(items[:5]) + (" …" if len(items) > 5 else "")


def _cut(lines: Sequence[str]) -> list[str]:
    return [*lines[:NAMED], *([f"and {len(lines) - NAMED:,} more"] if len(lines) > NAMED else [])]


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share:.1%}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]], *, words: int) -> str:
    """A table; the first columns are words, the others numbers."""

    def row(tag: str, cells: Sequence[str]) -> str:
        made = "".join(f"<{tag}{'' if at < words else ' class=n'}>{escape(cell)}</{tag}>" for at, cell in enumerate(cells))
        return f"<tr>{made}</tr>"

    return f'<div class="wide"><table>{row("th", heads)}{"".join(row("td", line) for line in lines)}</table></div>'


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
        chart.Line("done", [*done, (told.seconds, done[-1][1])]),
        chart.Line("ended", [*ended, (told.seconds, ended[-1][1])]),
        chart.Line("planned", [(0.0, planned), (told.seconds, planned)]),
    ]
    marks = [(span.begin_s, span.phase) for span in told.spans if span.end_s - span.begin_s > told.seconds / 40]
    yield "Burn-up: items over time", chart.growth("Items over time", lines, "seconds of the sprint", marks)
    width_s = max(told.seconds / STRETCHES, 1e-9)
    stretches = Counter(min(int(receipt.at_s / width_s), STRETCHES - 1) for receipt in told.receipts)
    rates = [stretches[at] / width_s for at in range(STRETCHES)]
    yield (
        "Throughput: items that ended, a second",
        chart.bars("Items that ended, a second", rates, width_s, "seconds of the sprint", "items a second"),
    )
    roles = [(row[0], (float(row[1].replace(",", "")), float(row[2].replace(",", "")))) for row in _roles(told)]
    yield "Per role: items", chart.rows("Items by role", roles, ("done", "not done"))
    waits = [(row[0], (float(row[3].replace(",", "")), float(row[4].replace(",", "")))) for row in _roles(told)]
    yield (
        "Waits: seconds that agents ran, and that items waited for them",
        chart.rows("Seconds by role", waits, ("ran", "waited"), " s", colours=(0, 2)),
    )
