"""The files of a report, written so that a reader never sees half of one."""

from __future__ import annotations

from pathlib import Path

from examples.audit.outcome import Outcome
from examples.audit.report.chart import chart
from examples.audit.report.markdown import markdown
from examples.audit.report.sarif import sarif

__all__ = ["write"]

MARKDOWN, SARIF, CHART = "audit.md", "audit.sarif", "audit.svg"


def write(folder: Path, outcome: Outcome) -> list[str]:
    """Write all files of a report; returns a line for each, which says where it is or why it is not.

    Raises OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        picture: bytes | None = chart(outcome)
    except ImportError as error:
        picture, why = None, f"unavailable: {error.name} is not installed; pip install '.[examples]'"
    files = {MARKDOWN: markdown(outcome, CHART if picture else None).encode(), SARIF: sarif(outcome)}
    if picture:
        files[CHART] = picture
    for name, data in files.items():
        _replace(folder / name, data)
    said = [f"{_kind(name):<10}{folder / name}" for name in sorted(files)]
    return said if picture else [*said, f"{'chart':<10}{why}"]


def _kind(name: str) -> str:
    return {MARKDOWN: "report", SARIF: "findings", CHART: "chart"}[name]


def _replace(path: Path, data: bytes) -> None:
    """Put the data in the place of the file at once."""
    fresh = path.with_name(path.name + ".part")
    fresh.write_bytes(data)
    fresh.replace(path)
