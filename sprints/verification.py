"""A ledger, looked at by somebody who was not there.

Owns what can be said of a sprint from its files alone: whether each line is as it was written, whether what is called done has
evidence, and whether a release still is what the receipts say. It changes nothing and needs no engine.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from checkpoints.files import Disk, Files
from sprints.archive import BACKLOG
from sprints.artifact import ArtifactWrong, read_artifact
from sprints.backlog import read_backlog
from sprints.errors import ManifestUnreadable, SprintError
from sprints.ledger import LEDGER, lines_of
from sprints.manifest import FILES, MANIFEST, Manifest
from sprints.receipt import Receipt, receipt_of

__all__ = ["Finding", "verify"]


class Finding(NamedTuple):
    """Something that is not as it was written. line: from 1, None where it is the whole file.  reason: in a phrase."""

    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.reason}" if self.line is None else f"{self.file}:{self.line}: {self.reason}"


@dataclass(slots=True)
class _Seen:
    """What a ledger said. receipts: by digest of their line.  backlog: its digest."""

    receipts: dict[str, tuple[str, Receipt]] = field(default_factory=dict)
    shipped: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    sprint: str = ""
    backlog: str | None = None
    last: str = ""
    lines: int = 0


def verify(
    path: str, *, sprint: str | None = None, releases: str | None = None, is_over: bool = False, files: Files | None = None
) -> list[Finding]:
    """What is wrong with a ledger, and with the release that it tells of; empty for nothing.

    path: of the file, or of its sprint's folder, with the backlog in it.  sprint: whose it must be; None takes the first line's
    word.  releases: the folder of releases, None where the last `shipped` names it.  is_over: whether the sprint is known to
    have ended, so that its ledger must say so.

    Raises OSError where it cannot be read.
    """
    folder_of = path if os.path.isdir(path) else None  # noqa: PTH112 - paths are texts here
    path = f"{folder_of}/{LEDGER}" if folder_of else path
    seen, files = _Seen(), files or Disk()
    findings = list(_lines(files, path, sprint, seen))
    if folder_of and seen.backlog is not None:
        findings += _backlog(files, f"{folder_of}/{BACKLOG}", seen.backlog)
    if is_over and seen.last not in ("ended", "rolled_back"):
        findings.append(Finding(path, seen.lines, "the sprint has ended, and no line says so: the last lines are missing"))
    for line, event in seen.shipped[-1:]:
        folder = releases or event.get("releases")
        if folder is not None:
            findings += _release(path, line, event, f"{folder}/{event['release']}", seen)
    return findings


def _lines(files: Files, path: str, sprint: str | None, seen: _Seen) -> Iterator[Finding]:
    for line in lines_of(files, path, sprint):
        seen.lines = line.line
        if line.wrong:
            yield Finding(path, line.line, line.wrong)
        if not line.is_whole:
            continue
        seen.last = line.facts["e"]
        if seen.last == "sprint":
            seen.sprint = str(line.facts.get("id"))
            seen.backlog = line.facts.get("digest")
        elif seen.last == "receipt":
            yield from _receipt(path, line.line, line.digest, line.facts, seen)
        elif seen.last == "shipped" and isinstance(line.facts.get("release"), str):
            seen.shipped.append((line.line, line.facts))
    if not seen.lines:
        yield Finding(path, None, " it is empty")


def _backlog(files: Files, file: str, digest: str) -> Iterator[Finding]:
    """Whether the backlog beside a ledger is the one that the sprint began with."""
    try:
        found = read_backlog(json.loads(files.read(file))).digest()
    except (OSError, ValueError, SprintError) as error:
        yield Finding(file, None, f" it cannot be read: {error}")
        return
    if found != digest:
        yield Finding(file, None, " it was changed: it is not the backlog that the sprint began with")


def _receipt(path: str, line: int, digest: str, facts: dict[str, Any], seen: _Seen) -> Iterator[Finding]:
    try:
        receipt = receipt_of(facts)
        has_effect = any(count > 0 for count in receipt.effects.values())
    except (ValueError, TypeError, AttributeError) as error:
        yield Finding(path, line, str(error))
        return
    seen.receipts[digest] = receipt.item, receipt
    if receipt.verdict == "done" and not receipt.artifacts and not has_effect:
        yield Finding(path, line, f"{receipt.item} is done without evidence: it has no effect and no artifact")


def _release(path: str, line: int, event: dict[str, Any], folder: str, seen: _Seen) -> Iterator[Finding]:
    """What does not match: the manifest and the ledger, the files and the manifest."""
    file = f"{folder}/{MANIFEST}"
    try:
        data = Disk().read(file)
        manifest = Manifest.read(file, data)
    except OSError as error:
        yield Finding(file, None, f" it cannot be read: {error.strerror}")
        return
    except ManifestUnreadable as error:
        yield Finding(file, None, f" {error}")
        return
    if hashlib.sha256(data).hexdigest() != event.get("manifest_sha256"):
        yield Finding(file, None, f" it is not the manifest that {path}:{line} tells of")
    for entry in manifest.entries:
        item, receipt = seen.receipts.get(entry.receipt, ("", None))
        if entry.sprint != seen.sprint:
            continue  # it was taken over from a sprint with a ledger of its own
        made = None if receipt is None else {made.path: made.sha256 for made in receipt.artifacts}
        if made is None or item != entry.item or made.get(entry.path) != entry.sha256:
            yield Finding(file, None, f" {entry.path} of {entry.item} has no receipt in {path}")
    yield from _files(folder, manifest)


def _files(folder: str, manifest: Manifest) -> Iterator[Finding]:
    try:
        root = os.open(f"{folder}/{FILES}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        yield Finding(f"{folder}/{FILES}", None, f" it cannot be read: {error.strerror}")
        return
    try:
        for entry in manifest.entries:
            try:
                found = read_artifact(root, entry.path).sha256
            except ArtifactWrong as error:
                yield Finding(f"{folder}/{FILES}/{entry.path}", None, f" it {error}; it is the artifact of {entry.item}")
                continue
            if found != entry.sha256:
                yield Finding(f"{folder}/{FILES}/{entry.path}", None, f" it is not what the receipt of {entry.item} says")
    finally:
        os.close(root)
