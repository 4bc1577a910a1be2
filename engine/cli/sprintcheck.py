"""`engine sprint check`: a backlog, read and counted."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from engine import errors
from engine.backlogfile import read_backlog_file
from engine.cli import figures
from engine.cli.output import show_json, show_lines
from engine.cli.screen import clean
from sprints.backlog import Backlog
from sprints.capacity import capacities_of
from sprints.plan import Plan, plan_sprint

__all__ = ["facts_of", "run"]

SCHEMA = "engine.sprint/v1"


def run(options: Namespace) -> int:
    """Read it, and say what it is."""
    file = options.words[0]
    facts = facts_of(read_backlog_file(Path("/dev/stdin" if file == "-" else file)))
    if options.json:
        show_json({"schema": SCHEMA, "file": file, **facts})
    else:
        show_lines([f"{file} is a backlog", *_lines(facts)])
    return errors.DONE


def facts_of(backlog: Backlog) -> dict[str, Any]:
    """What a backlog holds, and what a first sprint on it would take."""
    shape = backlog.shape
    capacities = capacities_of(backlog, shape.step_s("exec"), {})
    capacity = sum(capacities.values())
    plan = plan_sprint(backlog, capacities)
    return {
        "name": backlog.name,
        "digest": backlog.digest(),
        "tasks": len(backlog.items),
        "roles": {name: {"kind": role.kind, "agents": role.agents} for name, role in backlog.roles.items()},
        "agents": backlog.agents,
        "unproven": sum(item.check is None and not item.artifacts for item in backlog.items.values()),
        "sprint": {"shape": shape.name, "seconds": shape.seconds, "capacity": capacity, "takes": len(plan.items)},
        "waves": _waves(backlog, plan),
    }


def _waves(backlog: Backlog, plan: Plan) -> list[dict[str, Any]]:
    pairs = zip(backlog.shape.waves, plan.waves, strict=True)
    return [
        {"name": wave.name, "seconds": wave.seconds, "agents": sum(part.agents.values()), "tasks": len(part.items)}
        for wave, part in pairs
    ]


def _lines(facts: dict[str, Any]) -> list[str]:
    sprint = facts["sprint"]
    roles, agents = figures.plural(len(facts["roles"]), "role"), figures.plural(facts["agents"], "agent")
    lines = [
        f"  {clean(facts['name'])}: {figures.plural(facts['tasks'], 'task')} in {roles}, for {agents}",
        f"  a sprint of {sprint['seconds']:g} s takes {figures.plural(sprint['takes'], 'task')}",
    ]
    if facts["unproven"]:
        lines.append(f"  {figures.plural(facts['unproven'], 'task')} with neither check nor artifacts: proven by effects alone")
    if len(facts["waves"]) > 1:
        lines += [
            f"    {clean(wave['name'])}: {wave['seconds']:g} s, {figures.plural(wave['agents'], 'agent')}, "
            f"{figures.plural(wave['tasks'], 'task')}"
            for wave in facts["waves"]
        ]
    return lines
