"""What REWIND.md says is what the bytes are: its tables read its own example, and every file that a ring writes.

Nothing of the code's own reading is used for it, so that the page alone is enough to read what was recorded.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from zlib import crc32

import lz4.block
import orjson
import pytest

from engine.rewind import spec
from engine.rewind.ring import Ring
from engine.rewind.scribe import packed

PAGE = (Path(__file__).resolve().parents[4] / "engine" / "rewind" / "REWIND.md").read_text()
#: The example: offset, bytes in hexadecimal, and what they are.
LINES = re.findall(r"^([0-9a-f]{4})  ([0-9a-f]+) +(.+)$", PAGE, re.MULTILINE)
FILE = b"".join(bytes.fromhex(digits) for _, digits, _ in LINES)


def tables() -> list[list[tuple[int, int | None]]]:
    """Offset and length of each row of the two tables of bytes."""
    found: list[list[tuple[int, int | None]]] = []
    for offset, size in re.findall(r"^\| (\d+) \| (\d*) ?\| ", PAGE, re.MULTILINE):
        if offset == "0":
            found.append([])
        found[-1].append((int(offset), int(size) if size else None))
    return found


OPENING, HEAD = tables()


def number(data: bytes, at: int, row: int) -> int:
    offset, size = HEAD[row]
    return int.from_bytes(data[at + offset : at + offset + (size or 0)], "little")


def changed(before: Any, change: Any) -> Any:
    """As the table of differences says."""
    if type(change) is dict:
        after = dict(before)
        for key, one in change.items():
            if one == []:
                del after[key]
            else:
                after[key] = changed(before.get(key), one)
        return after
    if type(change) is not list:
        return change
    if len(change) == 1:
        return change[0]
    length, places = change
    after = (before + [None] * length)[:length]
    for place, one in places.items():
        after[int(place)] = changed(after[int(place)], one)
    return after


def read(data: bytes) -> list[tuple[int, Any]]:
    """Instants and documents, by the page's tables alone."""
    assert data[:8] == bytes.fromhex("89524557494e440a")
    assert int.from_bytes(data[8:10], "little") == 1
    assert int.from_bytes(data[12:16], "little") == crc32(data[:12])
    at, link, whole, document, found = OPENING[-1][0] + 4, 0, b"", None, []
    while at < len(data):
        assert data[at : at + 2] == b"\xff\xc5"
        kind, flags, stored_bytes, raw_bytes, time_ms, before, check, own = (number(data, at, row) for row in range(1, 9))
        stored = data[at + HEAD[9][0] : at + HEAD[9][0] + stored_bytes]
        assert check == crc32(stored)
        assert own == crc32(data[at : at + HEAD[8][0]])
        assert before == (0 if kind == 1 else link)
        known = whole if kind == 2 else b""
        raw = lz4.block.decompress(stored, uncompressed_size=raw_bytes, dict=known) if flags & 1 else stored
        assert len(raw) == raw_bytes
        document = orjson.loads(raw) if kind == 1 else changed(document, orjson.loads(raw))
        whole = raw if kind == 1 else whole
        found.append((time_ms, document))
        at, link = at + HEAD[9][0] + stored_bytes, own
    return found


def test_the_example_stands_at_its_offsets_and_reads_as_the_page_says() -> None:
    at = 0
    for offset, digits, _ in LINES:
        assert int(offset, 16) == at
        at += len(digits) // 2
    (first_ms, first), (second_ms, second) = read(FILE)
    assert (second_ms - first_ms, first["stats"]["done"], second["stats"]["done"]) == (1_000, 7, 9)
    assert (first["stats"]["sick"], second["stats"]["sick"]) == (["a/1"], [])
    assert FILE.count(b"version") == 1  # the second one is a difference


def test_every_file_of_a_ring_reads_so(tmp_path: Path) -> None:
    ring = Ring(tmp_path, file_bytes=4_000)
    ring.open()
    given = []
    for at in range(200):
        document = {"stats": {"done": at * at, "list": list(range(at % 7)), "same": "x" * 300, str(at % 3): {"n": [at % 2]}}}
        ring.add(10_000 + at * 1_000, packed(document))
        given.append((10_000 + at * 1_000, document))
    ring.close()
    files = sorted(tmp_path.glob("*.rewind"))
    assert len(files) > 2
    assert [row for file in files for row in read(file.read_bytes())] == given


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (r"ended at (\d+) MiB", spec.FILE_BYTES >> 20),
        (r"together have (\d+) MiB", spec.RING_BYTES >> 20),
        (r"is (\d+) hours old", int(spec.KEPT_S) // 3_600),
        (r"at most (\d+) MiB", spec.DOCUMENT_BYTES >> 20),
        (r"\n(\d+) frames, 60 s", spec.WHOLE_FRAMES),
        (r"frames, (\d+) s", spec.WHOLE_MS // 1_000),
        (r"more than (\d+) s apart", spec.GAP_MS // 1_000),
    ],
)
def test_the_limits_are_as_the_page_says(words: str, value: int) -> None:
    (found,) = re.findall(words, PAGE)
    assert int(found) == value
