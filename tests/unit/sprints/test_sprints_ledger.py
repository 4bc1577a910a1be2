"""Lines that follow each other: what is added is read again, and what was changed is named."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checkpoints.errors import FolderInUse
from checkpoints.files import Disk
from checkpoints.simdisk import Fault, Killed, SimDisk
from sprints.errors import LedgerCorrupt, LedgerFailed, LedgerFull, LineTooLong
from sprints.ledger import Ledger, Line, lines_of, open_ledger

SPRINT = "sp-20261121-004"
PAGE = Path(__file__).resolve().parents[3] / "sprints" / "LEDGER.md"


def opened(files: Any, folder: str = "s", sprint: str = SPRINT) -> tuple[Ledger, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    if isinstance(files, Disk):
        files.make_folder(folder)
    ledger = open_ledger(files, folder, sprint, lambda: 1795219200.25, lambda line: events.append(line.facts))
    return ledger, events


def filled(folder: Path, count: int = 6, batch: int = 2) -> Path:
    ledger, _ = opened(Disk(), str(folder))
    for number in range(count):
        ledger.add("receipt", number / 10, item=f"t{number}", role="r", verdict="done", effects={"steps": 1})
        if number % batch == batch - 1:
            ledger.sync()
    ledger.sync()
    ledger.close()
    return folder / "ledger.jsonl"


def wrong_lines(path: Path, sprint: str | None = SPRINT) -> list[int]:
    return [line.line for line in lines_of(Disk(), str(path), sprint) if line.wrong]


def test_the_page_is_true_byte_by_byte(tmp_path: Path) -> None:
    example = PAGE.read_text().split("```")[1].strip().splitlines()
    before = hashlib.sha256(SPRINT.encode()).hexdigest()
    for number, text in enumerate(example, 1):
        facts = json.loads(text)
        assert list(facts)[:5] == ["n", "at", "s", "d", "e"]
        assert list(facts)[-1] == "sha256"
        assert facts["n"] == number
        body = text[: -len(f',"sha256":"{facts["sha256"]}"}}')]
        assert len(text) + 1 - len(body) == 78
        assert hashlib.sha256((before + body).encode()).hexdigest() == facts["sha256"]
        before = facts["sha256"]
    ledger, _ = opened(Disk(), str(tmp_path))
    ledger.add("sprint", 0.0, id=SPRINT, backlog="app")
    ledger.add("phase", 0.012, wave=0, phase="plan", planned_s=60.0)
    ledger.sync()
    made = [{"path": "menu.txt", "sha256": "a" * 64, "size_bytes": 3}]
    ledger.add("receipt", 1.5, item="menu", role="frontend", verdict="done", artifacts=made)
    ledger.sync()
    ledger.close()
    assert (tmp_path / "ledger.jsonl").read_text().splitlines() == example


def test_what_was_added_is_read_again_and_the_chain_goes_on(tmp_path: Path) -> None:
    path = filled(tmp_path, 5)
    ledger, events = opened(Disk(), str(tmp_path))
    assert [event["item"] for event in events] == ["t0", "t1", "t2", "t3", "t4"]
    assert ledger.number == ledger.synced == 5
    ledger.add("ended", 1.0)
    ledger.sync()
    ledger.close()
    assert wrong_lines(path) == []
    assert [line.facts["n"] for line in lines_of(Disk(), str(path))] == [1, 2, 3, 4, 5, 6]


def test_a_line_is_on_the_disk_after_the_sync_and_not_before() -> None:
    disk = SimDisk()
    disk.put("s/x", b"")
    ledger, _ = opened(disk.process())
    ledger.add("phase", 0.0)
    assert ledger.unwritten_bytes
    assert disk.durable_image().get("s/ledger.jsonl") == b""
    ledger.sync()
    assert ledger.unwritten_bytes == 0
    assert disk.durable_image()["s/ledger.jsonl"].count(b"\n") == 1
    synced = disk.trace.count(("sync", "s/ledger.jsonl"))
    for _ in range(1000):
        ledger.add("phase", 0.0)
    ledger.sync()
    assert disk.trace.count(("sync", "s/ledger.jsonl")) == synced + 1


def test_every_byte_that_is_changed_is_named_with_its_line(tmp_path: Path, chance: Random) -> None:
    path = filled(tmp_path, 6)
    whole = path.read_bytes()
    for at in range(len(whole)):
        for flip in {1, 0x20, 0x80, 0xFF, chance.randrange(1, 256)}:
            data = bytearray(whole)
            data[at] ^= flip
            path.write_bytes(data)
            line = whole[:at].count(b"\n") + 1
            found = wrong_lines(path)
            assert found, (at, flip)
            assert found[0] == line, (at, flip, found)
            assert found[-1] <= line + 2, (at, flip, found)


def changed(lines: list[bytes], how: str) -> tuple[list[bytes], int]:
    match how:
        case "swapped":
            return [lines[0], lines[2], lines[1], *lines[3:]], 2
        case "removed":
            return [*lines[:2], *lines[3:]], 3
        case "first removed":
            return lines[1:], 1
        case "doubled":
            return [*lines[:3], lines[2], *lines[3:]], 4
        case "put in":
            return [*lines[:3], lines[5], *lines[3:]], 4
        case _:
            return [*lines[:3], b"\n", *lines[3:]], 4


@pytest.mark.parametrize("how", ["swapped", "removed", "first removed", "doubled", "put in", "an empty one"])
def test_lines_that_were_moved_are_named_and_nothing_is_cut(tmp_path: Path, how: str) -> None:
    path = filled(tmp_path, 6)
    lines, line = changed(path.read_bytes().splitlines(keepends=True), how)
    path.write_bytes(b"".join(lines))
    assert wrong_lines(path)[0] == line
    with pytest.raises(LedgerCorrupt) as caught:
        opened(Disk(), str(tmp_path))
    assert (caught.value.file, caught.value.line) == (str(path), line)
    assert path.read_bytes() == b"".join(lines)


def test_the_ledger_of_another_sprint_is_known(tmp_path: Path) -> None:
    path = filled(tmp_path)
    assert wrong_lines(path, "sp-20261121-005") == [1]
    with pytest.raises(LedgerCorrupt, match="not of sp-20261121-005"):
        opened(Disk(), str(tmp_path), "sp-20261121-005")


def test_lines_of_another_ledger_do_not_fit_in(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    ours = filled(tmp_path / "a").read_bytes().splitlines(keepends=True)
    ledger, _ = opened(Disk(), str(tmp_path / "b"), "sp-20261121-005")
    for number in range(6):
        ledger.add("receipt", number / 10, item=f"t{number}", role="r", verdict="failed")
    ledger.sync()
    ledger.close()
    theirs = (tmp_path / "b" / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "a" / "ledger.jsonl"
    path.write_bytes(b"".join([*ours[:3], theirs[3], *ours[4:]]))
    assert wrong_lines(path)[0] == 4


@pytest.mark.parametrize("left", [1, 30, 120, 250])
def test_a_torn_tail_is_cut_and_kept(tmp_path: Path, left: int) -> None:
    path = filled(tmp_path, 4)
    whole = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 10]
    path.write_bytes(whole[: ends[2] + left % (ends[3] - ends[2])])
    torn = path.read_bytes()[ends[2] :]
    ledger, events = opened(Disk(), str(tmp_path))
    assert len(events) == 3
    assert path.read_bytes() == whole[: ends[2]]
    assert (tmp_path / "ledger.jsonl.broken").read_bytes() == torn
    ledger.add("ended", 1.0)
    ledger.sync()
    ledger.close()
    assert wrong_lines(path) == []


def test_garbage_before_a_line_that_says_it_was_synced_is_damage_and_no_torn_tail(tmp_path: Path) -> None:
    path = filled(tmp_path, 6)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b"\0" * (len(lines[2]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(LedgerCorrupt) as caught:
        opened(Disk(), str(tmp_path))
    assert caught.value.line == 3


def test_after_a_power_cut_all_that_was_synced_is_there_and_the_ledger_opens(chance: Random) -> None:
    for _ in range(300):
        disk = SimDisk()
        disk.put("s/x", b"")
        promised = 0
        for _life in range(3):
            ledger, events = opened(disk.process())
            assert [event["n"] for event in events] == list(range(1, len(events) + 1))
            assert len(events) >= promised
            for _batch in range(chance.randrange(4)):
                for _line in range(chance.randrange(1, 6)):
                    ledger.add("phase", 0.1, text="x" * chance.randrange(900))
                if chance.random() < 0.7:
                    ledger.sync()
                    promised = ledger.synced
            if chance.random() < 0.5 and ledger.unwritten_bytes:
                disk.faults = [Fault(kinds=("write", "sync"), share=chance.random())]
                with pytest.raises(Killed):
                    ledger.sync()
                disk.faults = []
            disk.cut_power(chance)


def test_a_failed_sync_is_not_tried_again() -> None:
    disk = SimDisk()
    disk.put("s/x", b"")
    ledger, _ = opened(disk.process())
    ledger.add("phase", 0.0)
    disk.faults = [Fault(error=errno.EIO, kinds=("sync",), path="ledger.jsonl")]
    with pytest.raises(LedgerFailed, match="cannot be synced"):
        ledger.sync()
    disk.faults, asked = [], len(disk.trace)
    for ask in (ledger.sync, lambda: ledger.add("phase", 0.1)):
        with pytest.raises(LedgerFailed):
            ask()
    assert len(disk.trace) == asked
    assert ledger.synced == 0


def test_a_full_disk_leaves_whole_lines_and_the_rest_is_written_later() -> None:
    disk = SimDisk()
    disk.put("s/x", b"")
    ledger, _ = opened(disk.process())
    ledger.add("phase", 0.0)
    ledger.sync()
    before = disk.image()["s/ledger.jsonl"]
    disk.space_bytes = disk.used_bytes + 50
    ledger.add("phase", 0.1)
    with pytest.raises(LedgerFull) as caught:
        ledger.sync()
    assert caught.value.retry_after_s == 1.0
    assert disk.image()["s/ledger.jsonl"] == before
    ledger.add("phase", 0.2)
    disk.space_bytes = None
    ledger.sync()
    ledger.close()
    _, events = opened(disk.process())
    assert [event["s"] for event in events] == [0.0, 0.1, 0.2]


def test_a_half_written_line_that_cannot_be_taken_back_ends_the_writing() -> None:
    disk = SimDisk()
    disk.put("s/x", b"")
    ledger, _ = opened(disk.process())
    ledger.add("phase", 0.0)
    disk.faults = [Fault(error=errno.ENOSPC, kinds=("write",)), Fault(error=errno.EIO, kinds=("cut",))]
    with pytest.raises(LedgerFailed, match="cannot be taken back"):
        ledger.sync()
    with pytest.raises(LedgerFailed):
        ledger.add("phase", 0.1)


def test_two_processes_do_not_write_one_ledger(tmp_path: Path) -> None:
    ledger, _ = opened(Disk(), str(tmp_path))
    with pytest.raises(FolderInUse):
        opened(Disk(), str(tmp_path))
    ledger.close()
    opened(Disk(), str(tmp_path))[0].close()


def test_an_event_past_the_limit_is_refused_and_the_chain_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sprints.ledger.LINE_BYTES", 1000)
    ledger, _ = opened(Disk(), str(tmp_path))
    with pytest.raises(LineTooLong, match="planned"):
        ledger.add("planned", 0.0, items=["x" * 1000])
    with pytest.raises(TypeError):
        ledger.add("planned", 0.0, items=object())
    ledger.add("planned", 0.0, items=["x"])
    ledger.sync()
    ledger.close()
    assert wrong_lines(tmp_path / "ledger.jsonl") == []


def test_a_line_without_end_is_read_in_bounded_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sprints.ledger.LINE_BYTES", 1000)
    monkeypatch.setattr("sprints.ledger.PIECE_BYTES", 100)
    (tmp_path / "ledger.jsonl").write_bytes(b"x" * 100_000)
    lines: list[Line] = list(lines_of(Disk(), str(tmp_path / "ledger.jsonl"), SPRINT))
    assert max(line.size_bytes for line in lines) <= 1_200
    assert all(line.wrong for line in lines)
