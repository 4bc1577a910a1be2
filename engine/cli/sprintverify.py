"""`engine sprint verify`: whether receipts and releases are as they were written. It needs no engine, and changes nothing."""

from __future__ import annotations

from argparse import Namespace

from engine import errors
from engine.cli import figures
from engine.cli.output import show_document, show_lines
from engine.cli.sprintls import archive_of
from sprints.verification import verify_sprint

__all__ = ["run"]

SCHEMA = "engine.sprint-verify/v1"


def run(options: Namespace) -> int:
    """Look at a sprint's ledger, at all of them without an id; 1 if something is wrong."""
    archive = archive_of(options)
    found = {sprint: verify_sprint(archive, sprint) for sprint in options.words or archive.ids()}
    if options.json:
        rows = {sprint: [finding._asdict() for finding in findings] for sprint, findings in found.items()}
        show_document(options, {"schema": SCHEMA, "sprints": rows}, "sprints")
    else:
        lines = []
        for sprint, findings in found.items():
            lines += [f"{sprint}: {'as it was written' if not findings else figures.plural(len(findings), 'finding')}"]
            lines += [f"  {finding}" for finding in findings]
        show_lines(lines or ["there is no sprint yet"])
    return errors.FAILED if any(found.values()) else errors.DONE
