"""`engine foresight`: whether looking at tasks before they are sent is of use."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from engine.cli import figures
from engine.cli.folding import folded
from engine.cli.output import screen, show_json, show_lines
from engine.cli.parser import About, Parser
from engine.cli.screen import Screen
from engine.cli.session import request

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.foresight/v1"
#: Columns of what stands before each line.
LEFT = 10

ABOUT = About(
    usage="[--json]",
    text="""\
Tells how many of the tasks that were sent to a kind were looked at, which risks they had, and what was done against them,
since the engine started. Some of the risky ones, 5% as it is shipped, are left as they are: the lift is the share of
failures that the others are spared against these, p the probability that this is chance; where there is none it says: no
lift. The calibration error is how far the probabilities that were said before are from what came. Submitted tasks that
wait for others of a lower priority have groups of their own: what they wait for goes with their priority, or with its own.

It is set in pools.yaml, under foresight: enabled, threshold and control.""",
    examples="  engine foresight\n  engine foresight --json | jq '{verdict, lift, p, ece}'",
)


def add_arguments(_parser: Parser) -> None:
    """No words of its own."""


def run(options: Namespace) -> int:
    """Print the report."""
    report = request(options, "foresight")
    if options.json:
        show_json({"schema": SCHEMA, **report})
    else:
        show_lines(lines(report, screen(options)))
    return 0


def lines(report: dict[str, Any], screen: Screen) -> list[str]:
    """The report for reading."""
    if not report["enabled"]:
        return ["foresight is off (foresight.enabled in pools.yaml)"]
    risky = f"{figures.count(report['risky'])} risky (from {report['threshold']:.0%} on)"
    told = {
        "judged": f"{figures.count(report['judged'])} tasks, {risky}, {figures.count(report['helpless'])} beyond help",
        "risks": _counts(report["risks"]),
        "done": _counts(report["actions"]),
        "treated": _group(report["treated"]),
        "control": f"{_group(report['control'])}, {report['control_share']:.0%} of those that could be helped",
        "lift": "not known" if report["lift"] is None else f"{report['lift']:.1%}, p {report['p']:.2g}",
        "error": "nothing was forecast" if report["ece"] is None else f"{report['ece']:.4f} (of the forecasts, expected)",
        "waiting": _waiting(report["dependencies"]),
        "verdict": screen.paint(report["verdict"], "bold"),
    }
    return [line for left, right in told.items() for line in folded(left, right, LEFT, screen)]


def _waiting(compared: dict[str, Any]) -> str:
    """Of tasks that wait for others of a lower priority."""
    groups = f"{_group(compared['treated'])} behind what was run first, {_group(compared['control'])} behind what was not"
    return f"{groups}: {compared['verdict']}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{figures.count(number)} {name}" for name, number in sorted(counts.items())) or "none"


def _group(group: dict[str, Any]) -> str:
    rate = "" if group["rate"] is None else f" ({group['rate']:.1%})"
    return f"{figures.count(group['failed'])} of {figures.count(group['tasks'])} failed{rate}"
