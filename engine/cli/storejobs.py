"""What `checkpoints` does with whole stores: list, verify, compact, repair.

Owns the documents and the exit code over all of them: the worst that happened to one.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from checkpoints.errors import CheckpointError, FolderInUse
from checkpoints.files import Disk, Files
from engine import errors
from engine.cli import figures
from engine.cli.failure import as_dict, code_of
from engine.cli.figures import plural
from engine.cli.meter import Meter
from engine.cli.output import hint, screen, show_document, show_lines
from engine.cli.screen import clean
from engine.cli.session import command, environment, name_of
from engine.cli.storelines import compacted_line, cut_line, report_line, store_lines
from engine.offline import mend
from engine.offline.folder import StoreFolder
from engine.offline.report import Report, report_on, torn_of

__all__ = ["run"]


def run(options: Namespace, data: Path, stores: Sequence[StoreFolder]) -> int:
    """Do what the options say with each store; returns the exit code."""
    if not stores:
        hint(options, f"nothing is kept yet: no stores in {data}")
    if options.action in ("ls", "verify"):
        reports = _reports(options, stores)
        return _ls(options, data, reports) if options.action == "ls" else _verify(options, data, reports)
    outcomes = [_Outcome(options, store) for store in stores]
    if options.json:
        show_document(options, _document(options, data, [outcome.as_dict() for outcome in outcomes]), "stores")
    else:
        _show(stores, [outcome.line for outcome in outcomes])
    if any(outcome.is_in_use for outcome in outcomes):
        words = command(name_of(options, environment()), "stop")
        hint(options, f"an engine that runs has its stores for itself; end it first: {words}")
    return max((outcome.code for outcome in outcomes), default=errors.DONE)


def _reports(options: Namespace, stores: Sequence[StoreFolder]) -> list[Report]:
    """Read every store, and say how far that is."""
    sizes = [sum(file.stat().st_size for file in store.path.glob("*") if file.is_file()) for store in stores]
    reports: list[Report] = []
    with Meter(options, options.action, figures.flow) as meter:
        for store in stores:
            meter.told(sum(sizes[: len(reports)]), sum(sizes), store.name)
            reports.append(report_on(Disk(), store))
    return reports


def _ls(options: Namespace, data: Path, reports: Sequence[Report]) -> int:
    if options.json:
        show_document(options, _document(options, data, [report.as_dict() for report in reports]), "stores")
    elif reports:
        show_lines(store_lines(reports, screen(options)))
    return errors.DONE


def _verify(options: Namespace, data: Path, reports: Sequence[Report]) -> int:
    is_well = not any(report.damages for report in reports)
    if options.json:
        document = _document(options, data, [report.as_dict() for report in reports])
        show_document(options, {**document, "is_well": is_well}, "stores")
    else:
        _show([report.store for report in reports], [report_line(report) for report in reports])
    if not is_well:
        hint(
            options,
            "nothing was changed; put these files back from a copy. What can still be read: engine checkpoints export --all",
        )
    return errors.DONE if is_well else errors.BROKEN


class _Outcome:
    """What came of changing one store."""

    def __init__(self, options: Namespace, store: StoreFolder) -> None:
        self._store = store
        self._error: CheckpointError | None = None
        self._facts: dict[str, Any] = {}
        self.code = errors.DONE
        try:
            if options.action == "compact":
                self.line, self._facts = _compact(Disk(), store, is_erased=options.erase)
            else:
                self.line, self._facts = _repair(Disk(), store, is_dry=options.dry_run)
        except CheckpointError as error:
            self._error = error
            self.code = code_of(error)
            self.line = f"not changed: {error}"

    @property
    def is_in_use(self) -> bool:
        """Whether nothing was done because another process has the store."""
        return isinstance(self._error, FolderInUse)

    def as_dict(self) -> dict[str, Any]:
        """The outcome as JSON shows it."""
        facts = {"pool": self._store.pool, "worker": self._store.worker, "folder": str(self._store.path), **self._facts}
        return {**facts, "error": None if self._error is None else as_dict(self._error)}


def _compact(files: Files, store: StoreFolder, *, is_erased: bool) -> tuple[str, dict[str, Any]]:
    done = mend.compact(files, store)
    facts: dict[str, Any] = {"records": 0, "states": 0, "written_bytes": 0, "removed": []}
    if done is not None:
        facts = {name: getattr(done, name) for name in facts}
    erased = mend.erase(files, store) if is_erased else []
    told = f"; erased {plural(len(erased), 'file')} of before" if is_erased else ""
    return compacted_line(done) + told, {**facts, "removed": [*facts["removed"], *erased]}


def _repair(files: Files, store: StoreFolder, *, is_dry: bool) -> tuple[str, dict[str, Any]]:
    torn = mend.torn_tail(files, store) if is_dry else mend.repair(files, store)
    facts = {"torn": None if torn is None else torn_of(torn), "is_cut": torn is not None and not is_dry}
    return cut_line(torn, is_dry=is_dry), facts


def _document(options: Namespace, data: Path, stores: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"schema": f"engine.checkpoints.{options.action}/v1", "data": str(data), "stores": stores}


def _show(stores: Sequence[StoreFolder], lines: Sequence[str]) -> None:
    """A line for each store, behind its name."""
    width = max((len(store.name) for store in stores), default=0)
    for store, line in zip(stores, lines, strict=True):
        print(f"{store.name:<{width}}  {clean(line)}")
