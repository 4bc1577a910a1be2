"""What somebody who was not there can say of a sprint from its files."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checkpoints.files import Disk
from sprints.ledger import open_ledger
from sprints.manifest import Entry
from sprints.place import PlaceDisk
from sprints.receipt import Made, Receipt
from sprints.release import Releases
from sprints.verification import verify
from tests.unit.sprints.test_release import House

SPRINT = "sp-20261121-004"


class Sprint:
    """A sprint that ended: a ledger with receipts, and their release."""

    def __init__(self, folder: Path, *receipts: Receipt) -> None:
        self.house = House(folder)
        self.folder = folder / SPRINT
        Disk().make_folder(str(self.folder))
        self.path = self.folder / "ledger.jsonl"
        made = self.house.make(SPRINT, a="one", b="two", c="three")
        ledger = open_ledger(Disk(), str(self.folder), SPRINT, lambda: 1.0, lambda _line: None)
        ledger.add("sprint", 0.0, id=SPRINT, backlog="app")
        entries = []
        for entry in made:
            receipt = Receipt(entry.item, "r", "done", artifacts=(Made(entry.path, entry.sha256, entry.size_bytes),))
            digest = ledger.add("receipt", 0.1, **receipt.facts()).digest
            entries.append(Entry(entry.path, entry.sha256, entry.size_bytes, entry.item, SPRINT, digest))
        for receipt in receipts:
            ledger.add("receipt", 0.2, **receipt.facts())
        ledger.sync()
        with self.releases().draft(SPRINT, str(self.house.work), entries) as draft:
            self.manifest = draft.ship()
        facts: dict[str, Any] = {"release": self.manifest.release, "manifest_sha256": self.manifest.sha256}
        ledger.add("shipped", 0.3, **facts, items=3, releases=str(self.house.folder))
        ledger.add("ended", 0.4, counts={"done": 3}, impact={})
        ledger.sync()
        ledger.close()
        self.released = self.house.folder / self.manifest.release

    def releases(self) -> Releases:
        return Releases(PlaceDisk(), str(self.house.folder), lambda: 1.0)

    def found(self, **facts: Any) -> list[str]:
        return [str(finding) for finding in verify(str(self.path), **facts)]


def test_a_sprint_as_it_was_written_has_nothing_wrong(tmp_path: Path) -> None:
    sprint = Sprint(tmp_path, Receipt("x", "r", "unproven", why="w"), Receipt("y", "r", "done", effects={"steps": 1}))
    assert sprint.found(sprint=SPRINT, is_over=True) == []
    assert verify(str(sprint.folder)) == []
    shutil.copytree(sprint.house.folder, tmp_path / "elsewhere", symlinks=True)
    shutil.rmtree(sprint.house.folder)
    assert sprint.found(releases=str(tmp_path / "elsewhere")) == []
    assert "cannot be read" in sprint.found()[0]


def test_every_byte_of_a_small_ledger_is_held(tmp_path: Path, chance: Random) -> None:
    sprint = Sprint(tmp_path)
    whole = sprint.path.read_bytes()
    for at in range(len(whole)):
        data = bytearray(whole)
        data[at] ^= 1 << chance.randrange(8)
        sprint.path.write_bytes(data)
        line = whole[:at].count(b"\n") + 1
        assert sprint.found()[0].startswith(f"{sprint.path}:{line}: "), at


def test_nothing_is_changed_by_looking(tmp_path: Path) -> None:
    sprint = Sprint(tmp_path)
    sprint.path.write_bytes(sprint.path.read_bytes()[:-30])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert sprint.found()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("how", ["changed", "swapped", "removed", "a link"])
def test_an_artifact_that_no_longer_matches_is_named(tmp_path: Path, how: str) -> None:
    sprint = Sprint(tmp_path)
    file, other = sprint.released / "files/app/a.txt", sprint.released / "files/app/b.txt"
    names = ["app/a.txt"]
    if how == "changed":
        file.chmod(0o644)
        file.write_text("eno")
    elif how == "swapped":
        file.rename(tmp_path / "a")
        other.rename(file)
        (tmp_path / "a").rename(other)
        names.append("app/b.txt")
    else:
        file.unlink()
        if how == "a link":
            file.symlink_to(other)
    found = sprint.found()
    assert len(found) == len(names)
    assert all(name in text and "t-" in text for name, text in zip(names, found, strict=True)), found


def test_a_manifest_that_was_changed_is_named(tmp_path: Path) -> None:
    sprint = Sprint(tmp_path)
    file = sprint.released / "manifest.json"
    text = file.read_text()
    file.write_text(text.replace(sprint.manifest.entries[0].receipt, "0" * 64))
    found = sprint.found()
    assert any("is not the manifest" in one for one in found)
    assert any("app/a.txt of t-a has no receipt" in one for one in found)
    file.write_text("{")
    assert "no manifest" in sprint.found()[0]


def test_a_ledger_written_anew_without_a_receipt_shows_in_the_release(tmp_path: Path) -> None:
    sprint = Sprint(tmp_path)
    forged = tmp_path / "forged"
    Disk().make_folder(str(forged))
    ledger = open_ledger(Disk(), str(forged), SPRINT, lambda: 1.0, lambda _line: None)
    ledger.add("sprint", 0.0, id=SPRINT)
    facts = {"release": sprint.manifest.release, "manifest_sha256": sprint.manifest.sha256}
    ledger.add("shipped", 0.3, **facts, releases=str(sprint.house.folder))
    ledger.sync()
    ledger.close()
    found = [str(one) for one in verify(str(forged))]
    assert len([one for one in found if "has no receipt" in one]) == 3


def test_lines_taken_from_the_end_show_where_the_sprint_is_known_to_be_over(tmp_path: Path) -> None:
    sprint = Sprint(tmp_path)
    lines = sprint.path.read_bytes().splitlines(keepends=True)
    sprint.path.write_bytes(b"".join(lines[:-1]))
    assert sprint.found() == []
    assert "no line says so" in sprint.found(is_over=True)[0]
    sprint.path.write_bytes(b"")
    assert "it is empty" in sprint.found()[0]


def test_who_is_done_without_evidence_is_named(tmp_path: Path) -> None:
    sprint = Sprint(tmp_path, Receipt("liar", "r", "done", effects={"steps": 0}), Receipt("odd", "r", "perfect"))
    assert sprint.found() == [
        f"{sprint.path}:5: liar is done without evidence: it has no effect and no artifact",
        f"{sprint.path}:6: 'perfect' is no verdict; there are done, failed, unproven, expired, cancelled",
    ]


def test_what_was_taken_over_from_an_earlier_sprint_needs_no_receipt_here(tmp_path: Path) -> None:
    sprint = Sprint(tmp_path)
    file = sprint.released / "manifest.json"
    assert all(entry.sprint == SPRINT for entry in sprint.manifest.entries)
    assert file.is_file()
    house = House(tmp_path)
    house.ship("sp-20261121-005", d="four")
    assert sprint.found() == []


def test_a_ledger_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify(str(tmp_path / "none"))
