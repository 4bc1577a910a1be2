"""A ledger, looked at by somebody who was not there.

Owns what can be said of a sprint from its files alone: whether each line is as it was written, whether what is called done has
evidence, whether a release still is what the receipts say, and whether the next sprint knew it so. It changes nothing and needs
no engine.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from checkpoints.files import Disk, Files
from sprints.archive import BACKLOG, Archive
from sprints.artifact import ArtifactWrong, read_artifact
from sprints.backlog import read_backlog
from sprints.errors import ManifestUnreadable, SprintError
from sprints.evidence import EFFECTS
from sprints.ledger import LEDGER, lines_of
from sprints.manifest import FILES, MANIFEST, Manifest
from sprints.receipt import Receipt, receipt_of
from sprints.release import is_pruned

__all__ = ["Finding", "verify", "verify_sprint"]


class Finding(NamedTuple):
    """Something that is not as it was written. line: from 1, None where it is the whole file.  reason: in a phrase."""

    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}" if self.line is None else f"{self.file}:{self.line}: {self.reason}"


@dataclass(slots=True)
class _Seen:
    """What a ledger said. receipts: by digest of their line.  digests: of all its lines.  document: of its backlog."""

    digests: set[str] = field(default_factory=set)
    receipts: dict[str, tuple[str, Receipt]] = field(default_factory=dict)
    shipped: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    sprint: str = ""
    backlog: str = ""
    document: str | None = None
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
    files, seen = files or Disk(), _Seen()
    folder = path if os.path.isdir(path) else None  # noqa: PTH112 - paths are texts here
    findings = list(_verified(f"{folder}/{LEDGER}" if folder else path, sprint, releases, seen, files, is_over=is_over))
    return findings + (list(_backlog(files, f"{folder}/{BACKLOG}", seen.document)) if folder else [])


def verify_sprint(archive: Archive, sprint: str) -> list[Finding]:
    """What is wrong with a sprint of an archive, and with what the next one of its backlog knew of it; empty for nothing.

    Raises UnknownSprint.
    """
    path = archive.path(sprint, LEDGER)
    seen = _Seen()
    try:
        is_over = archive.has_report(sprint)
        if not archive.has_ledger(sprint):  # a sprint that was killed before its first event has neither
            return [Finding(path, None, "it is missing")] if is_over else []
        findings = list(_verified(path, sprint, None, seen, Disk(), is_over=is_over))
        findings += _backlog(Disk(), archive.path(sprint, BACKLOG), seen.document)
        return findings + list(_followed(archive, sprint, path, seen))
    except OSError as error:
        return [Finding(path, None, f"it cannot be read: {error.strerror}")]


def _followed(archive: Archive, sprint: str, path: str, seen: _Seen) -> Iterator[Finding]:
    """Whether the line that the next sprint of the backlog follows is there."""
    ids = archive.ids()
    for after in ids[ids.index(sprint) + 1 :]:
        header = next(archive.events(after), None)
        if header is None or header.get("backlog") != seen.backlog:
            continue
        previous = header.get("previous")
        if previous is not None and previous not in seen.digests and not _is_in_another(archive, seen, previous):
            yield Finding(
                path,
                seen.lines,
                f"{after} follows a line that is in no ledger: lines are missing at the end, or were written anew",
            )
        return


def _is_in_another(archive: Archive, seen: _Seen, digest: str) -> bool:
    """Whether another sprint of the backlog has a line: ids are of the day, and a day can be set back."""
    disk = Disk()
    for other in archive.ids():
        if other == seen.sprint or not archive.has_ledger(other) or archive.backlog_of(other) != seen.backlog:
            continue
        if any(line.digest == digest for line in lines_of(disk, archive.path(other, LEDGER), other)):
            return True
    return False


def _verified(
    path: str, sprint: str | None, releases: str | None, seen: _Seen, files: Files, *, is_over: bool
) -> Iterator[Finding]:
    yield from _lines(files, path, sprint, seen)
    if is_over and seen.last not in ("ended", "rolled_back"):
        yield Finding(path, seen.lines, "the sprint has ended, and no line says so: the last lines are missing")
    for line, event in seen.shipped[-1:]:
        folder = releases or event.get("releases")
        if folder is not None and not is_pruned(folder, event["release"]):
            yield from _release(path, line, event, f"{folder}/{event['release']}", seen)


def _lines(files: Files, path: str, sprint: str | None, seen: _Seen) -> Iterator[Finding]:
    for line in lines_of(files, path, sprint):
        seen.lines = line.line
        if line.wrong:
            yield Finding(path, line.line, line.wrong)
        if not line.is_whole:
            continue
        seen.digests.add(line.digest)
        seen.last = line.facts["e"]
        if seen.last == "sprint":
            seen.sprint, seen.backlog = str(line.facts.get("id")), str(line.facts.get("backlog"))
            seen.document = line.facts.get("digest")
        elif seen.last == "receipt":
            yield from _receipt(path, line.line, line.digest, line.facts, seen)
        elif seen.last == "shipped" and isinstance(line.facts.get("release"), str):
            seen.shipped.append((line.line, line.facts))
    if not seen.lines:
        yield Finding(path, None, "it is empty")


def _backlog(files: Files, file: str, digest: str | None) -> Iterator[Finding]:
    """Whether the backlog beside a ledger is the one that the sprint began with, of which it says the digest."""
    if digest is None:
        return
    try:
        found = read_backlog(json.loads(files.read(file))).digest()
    except (OSError, ValueError, SprintError) as error:
        yield Finding(file, None, f"it cannot be read: {error}")
        return
    if found != digest:
        yield Finding(file, None, "it was changed: it is not the backlog that the sprint began with")


def _receipt(path: str, line: int, digest: str, facts: dict[str, Any], seen: _Seen) -> Iterator[Finding]:
    try:
        receipt = receipt_of(facts)
        has_effect = any(receipt.effects.get(name, 0) > 0 for name in EFFECTS)
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
        yield Finding(file, None, f"it cannot be read: {error.strerror}")
        return
    except ManifestUnreadable as error:
        yield Finding(file, None, f"{error}")
        return
    if hashlib.sha256(data).hexdigest() != event.get("manifest_sha256"):
        yield Finding(file, None, f"it is not the manifest that {path}:{line} tells of")
    for entry in manifest.entries:
        item, receipt = seen.receipts.get(entry.receipt, ("", None))
        if entry.sprint != seen.sprint:
            continue  # it was taken over from a sprint with a ledger of its own
        made = None if receipt is None else {made.path: made.sha256 for made in receipt.artifacts}
        if made is None or item != entry.item or made.get(entry.path) != entry.sha256:
            yield Finding(file, None, f"{entry.path} of {entry.item} has no receipt in {path}")
    yield from _files(folder, manifest)


def _files(folder: str, manifest: Manifest) -> Iterator[Finding]:
    try:
        root = os.open(f"{folder}/{FILES}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        yield Finding(f"{folder}/{FILES}", None, f"it cannot be read: {error.strerror}")
        return
    try:
        for entry in manifest.entries:
            try:
                found = read_artifact(root, entry.path).sha256
            except ArtifactWrong as error:
                yield Finding(f"{folder}/{FILES}/{entry.path}", None, f"it {error}; it is the artifact of {entry.item}")
                continue
            if found != entry.sha256:
                yield Finding(f"{folder}/{FILES}/{entry.path}", None, f"it is not what the receipt of {entry.item} says")
    finally:
        os.close(root)
