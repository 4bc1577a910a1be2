"""What the three sprints have brought: each deliverable with its file, as its sprint released it and as its receipt says.

Owns the reading of ledgers and of the release. A deliverable counts only where all tasks of its feature are done, its file is
in the release of its sprint, and its content is the one that the receipt has the hash of.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from examples.app.blueprint import DELIVERABLES
from sprints.archive import Archive

__all__ = ["Deliverable", "deliverables"]


class Deliverable(NamedTuple):
    """One deliverable. sha256: of its file in the release, empty where that is not as a receipt says.

    done, planned: tasks of its feature.
    """

    name: str
    sprint: str
    path: str
    sha256: str
    done: int
    planned: int

    @property
    def is_there(self) -> bool:
        """Whether all of it is done, and its file is what was proven."""
        return bool(self.sha256) and 0 < self.planned == self.done


def deliverables(archive: Archive, releases: Path) -> list[Deliverable]:
    """All of them in their order. releases: the folder of what was shipped.  Raises OSError."""
    found = []
    for backlog, names in DELIVERABLES.items():
        sprints = [told for sprint in archive.ids() if (told := archive.chronicle(sprint)).header.get("backlog") == backlog]
        planned = sprints[-1].header["features"] if sprints else {}
        proven = _proven(archive, [told.id for told in sprints])
        done = dict.fromkeys(names, 0)
        for told in sprints:
            for receipt in told.receipts:
                if receipt.verdict == "done" and receipt.feature in done:
                    done[receipt.feature] += 1
        last = sprints[-1].id if sprints else ""
        shipped = [release for told in sprints for release, _ in told.releases]
        for name, path in names.items():
            sha256 = _sha256(releases / shipped[-1] / "files" / path) if shipped else ""
            is_proven = sha256 and proven.get(path) == sha256
            found.append(Deliverable(name, last, path, sha256 if is_proven else "", done[name], int(planned.get(name, 0))))
    return found


def _proven(archive: Archive, sprints: list[str]) -> dict[str, str]:
    """The hash of each artifact that a receipt proves, the newest one of each path."""
    proven: dict[str, str] = {}
    for sprint in sprints:
        for event in archive.events(sprint):
            if event.get("verdict") == "done":
                proven |= {made["path"]: made["sha256"] for made in event.get("artifacts", ())}
    return proven


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
