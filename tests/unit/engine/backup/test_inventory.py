"""The list of a backup comes back as it was written, or not at all; its names lead nowhere else."""

from __future__ import annotations

import json

import pytest

from engine.backup.inventory import Entry, Inventory, check_name, missing
from engine.errors import BackupDamaged

LIST = Inventory("engine", "0.1.0", 12.5, [Entry("p1/0/MANIFEST", 200, "ab"), Entry("_roster/00000001.log", 72, "cd")])


def test_a_list_comes_back_as_it_was_written() -> None:
    assert Inventory.read(LIST.packed(), "x") == LIST
    assert LIST.size_bytes == 272
    assert missing(LIST, ["p1/0/MANIFEST"]) == ["_roster/00000001.log"]


def test_no_byte_of_a_list_can_change_unseen() -> None:
    packed = LIST.packed()
    for at in range(len(packed)):
        for flip in (1, 0x80):
            damaged = bytearray(packed)
            damaged[at] ^= flip
            try:
                read = Inventory.read(bytes(damaged), "x")
            except (BackupDamaged, UnicodeDecodeError):
                continue
            assert read == LIST, at  # white space


@pytest.mark.parametrize(
    "name",
    ["../x", "p1/0/../../x", "/etc/passwd", "p1/0/.x", "p1/x/MANIFEST", "x", "", "p1//x", "p1/0/a/b", "_r/../x", "p1/0/x\n"],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(BackupDamaged):
        check_name(name, "x")
    with pytest.raises(BackupDamaged):
        Inventory.read(LIST._replace(files=[Entry(name, 1, "ab")]).packed(), "x")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", json.dumps({"schema": "engine.backup/v9", "digest": ""})])
def test_what_is_no_list_is_refused(data: bytes | str) -> None:
    with pytest.raises(BackupDamaged):
        Inventory.read(data if isinstance(data, bytes) else data.encode(), "x")
