"""What FORMAT.md says is what the bytes are: its own tables read its own example, and every file that a store writes.

Nothing of the code's own reading is used for it, so that the page alone is enough to read what was kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import lz4.block
import orjson
import pytest

from checkpoints import frame, manifest, segment, snapshot, spec, steps, window
from checkpoints.compaction import fold_frame
from checkpoints.errors import Corrupt, NewerFormat
from checkpoints.frame import Part
from checkpoints.manifest import SHARDS_MOST
from checkpoints.segment import NO_DIGEST
from checkpoints.stamp import STAMPED
from checkpoints.store import changes_part, gone_part, open_store, states_part
from checkpoints.table import ENTRIES, STATES, Table, shard_of_key
from checkpoints.waypoints import gone_body, waypoint_body
from checkpoints.window import Window, answers_part, marks_part

PAGE = (Path(__file__).resolve().parents[3] / "checkpoints" / "FORMAT.md").read_text()
#: The example: offset, bytes in hexadecimal, and what they are.
LINES = re.findall(r"^([0-9a-f]{4})  ([0-9a-f]+) +(.+)$", PAGE, re.MULTILINE)
FILE = b"".join(bytes.fromhex(digits) for _, digits, _ in LINES)
SESSION = b"session\0"


class Row(NamedTuple):
    """One row of a table of bytes."""

    offset: int
    size_bytes: int
    what: str


def rows(heading: str) -> list[Row]:
    """The table of bytes under a heading of the page."""
    _, _, below = PAGE.partition(f"\n## {heading}")
    text = below.partition("\n## ")[0]
    return [
        Row(int(at), int(size), what) for at, size, what in re.findall(r"^\| (\d+) \| (\d+) \| ([^|]*)", text, re.MULTILINE)
    ]


HEADER, FRAME = rows("File header"), rows("Frame")
#: Bytes of the two, as their tables add up.
HEADER_BYTES, FRAME_BYTES = (sum(row.size_bytes for row in table) for table in (HEADER, FRAME))


def named(table: list[Row], data: bytes, at: int) -> dict[str, bytes]:
    """What stands at an offset, by the names in a table; checksums and zeros are checked as the table says."""
    found = {}
    for row in table:
        value = data[at + row.offset : at + row.offset + row.size_bytes]
        name = re.match(r"`(\w+)`", row.what)
        if name:
            found[name[1]] = value
        elif over := re.match(r"checksum of bytes 0 to (\d+)", row.what):
            assert number(value) == crc32(data[at : at + int(over[1]) + 1])
        elif row.what.startswith("zero"):
            assert not any(value)
        else:
            assert row.what.strip() == "checksum of the stored payload"
            found["payload"] = value
    return found


def number(data: bytes) -> int:
    return int.from_bytes(data, "little")


class Read(NamedTuple):
    """A frame, read by the page."""

    at: int
    type: int
    fields: dict[str, bytes]
    digest: bytes
    parts: list[tuple[str, bytes]]


def frames(data: bytes, at: int = HEADER_BYTES) -> Iterator[Read]:
    """Every frame up to the end of a file."""
    while at < len(data):
        fields = named(FRAME, data, at)
        assert fields["magic"].hex(" ") in PAGE
        stored_bytes, raw_bytes = number(fields["stored_bytes"]), number(fields["raw_bytes"])
        begin = at + FRAME_BYTES
        stored = data[begin : begin + stored_bytes]
        assert number(fields["payload"]) == crc32(stored)
        raw = lz4.block.decompress(stored, uncompressed_size=raw_bytes) if fields["flags"] == b"\1" else stored
        assert len(raw) == raw_bytes
        end = begin + stored_bytes + -stored_bytes % 8
        assert not any(data[begin + stored_bytes : end])
        digest = blake2b(data[at : at + FRAME_BYTES], digest_size=8).digest()
        yield Read(at, number(fields["type"]), fields, digest, list(parts(raw)))
        at = end
    assert at == len(data)


def parts(raw: bytes) -> Iterator[tuple[str, bytes]]:
    while raw:
        size_bytes = number(raw[4:8])
        assert raw[1:4] == bytes(3)
        yield raw[:1].decode(), raw[8 : 8 + size_bytes]
        raw = raw[8 + size_bytes :]


def names(pattern: str) -> list[str]:
    return re.findall(pattern, PAGE, re.MULTILINE)


# -- the example -------------------------------------------------------------------------------------------------------


def test_the_example_has_the_offsets_and_sizes_that_stand_beside_it() -> None:
    at = 0
    for offset, digits, _ in LINES:
        assert int(offset, 16) == at
        at += len(digits) // 2
    found = re.search(
        r"(\d+) bytes: (\d+) of file header, (\d+) of the commit \((\d+) of header, (\d+) of payload, (\d+) of padding\) and "
        r"(\d+) of the end",
        PAGE,
    )
    assert found
    total, header, commit, head, payload, padding, end = map(int, found.groups())
    assert (total, header, head, end) == (len(FILE), HEADER_BYTES, FRAME_BYTES, FRAME_BYTES)
    assert commit == head + payload + padding == total - header - end
    assert f"## File header: {HEADER_BYTES} bytes" in PAGE
    assert f"## Frame: {FRAME_BYTES} bytes of header" in PAGE


def test_the_numbers_beside_the_bytes_are_those_of_the_bytes() -> None:
    told = [(digits, found[1]) for _, digits, what in LINES if (found := re.match(r"(?!checksum|padding)\D*?\b(\d+)\b", what))]
    numbers = [(digits, int(text)) for digits, text in told if len(digits) <= 16 and not digits.startswith(SESSION.hex())]
    assert len(numbers) > 20
    assert [(digits, number(bytes.fromhex(digits))) for digits, _ in numbers] == numbers


def test_texts_beside_the_bytes_are_those_of_the_bytes() -> None:
    shown = [(digits, what) for _, digits, what in LINES if what.startswith(('{"', 'f"', ":[", "]}"))]
    assert "".join(what for _, what in shown) == "".join(bytes.fromhex(digits).decode() for digits, _ in shown)


def test_a_store_writes_the_example_byte_for_byte(tmp_path: Path) -> None:
    store = open_store(str(tmp_path), chance=lambda size_bytes: bytes(range(size_bytes)))
    states = states_part("counter", ["total"], [17, 4], [2, 0])
    store.commit([states, answers_part(SESSION, 1, {"v": [2, 0]})], 2)
    store.close()
    assert (tmp_path / "00000001.log").read_bytes() == FILE


def test_the_tables_read_the_example_as_it_is_told() -> None:
    header = named(HEADER, FILE, 0)
    assert header["sign"] == b"engine\r\n"
    assert {name: number(header[name]) for name in ("version", "purpose", "segment", "epoch", "first", "before_bytes")} == {
        "version": 1,
        "purpose": 1,
        "segment": 1,
        "epoch": 1,
        "first": 1,
        "before_bytes": 0,
    }
    assert (header["store"], header["before"]) == (bytes(range(16)), bytes(8))
    commit, end = frames(FILE)
    assert (commit.type, number(commit.fields["records"]), number(commit.fields["first"])) == (1, 2, 1)
    assert (number(commit.fields["durable"]), commit.fields["before"]) == (0, bytes(8))
    (letter, states), (other, answers) = commit.parts
    assert (letter, orjson.loads(states)) == ("S", {"k": "counter", "f": ["total"], "i": [17, 4], "s": [2, 0]})
    assert (other, answers[:8], number(answers[8:16]), orjson.loads(answers[16:])) == ("R", SESSION, 1, {"v": [2, 0]})
    assert (end.type, end.parts, end.fields["before"]) == (5, [], commit.digest)
    assert (number(end.fields["records"]), number(end.fields["first"]), number(end.fields["durable"])) == (0, 3, 2)


# -- every file of a folder --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store that has rolled, compacted, confirmed and been opened again."""
    store = open_store(str(tmp_path), chance=lambda size_bytes: bytes(range(size_bytes)))
    store.commit(
        [states_part("counter", ["total"], list(range(2_500)), [0] * 2_500), states_part("ab", ["x", "y"], ["k"], [[1, 2]])],
        2_501,
    )
    store.commit([changes_part("counter", [7, "name"], [{"total": 1}, {"+notes": ["a"]}])], 2)
    store.commit([gone_part("counter", [8]), answers_part(SESSION, 3, {"v": [5], "p": [2]}), marks_part({SESSION: 2})], 1)
    store.log.roll()
    assert store.compact() is not None
    store.commit([states_part("counter", ["total"], [1], [1])], 1)
    store.log.confirm()
    store.close()
    open_store(str(tmp_path), chance=bytes).close()
    return tmp_path


def facts_of(folder: Path) -> dict[str, object]:
    (one,) = frames((folder / "MANIFEST").read_bytes(), 0)
    ((letter, body),) = one.parts
    assert (letter, one.type, number(one.fields["segment"])) == ("M", 4, 0)
    facts: dict[str, object] = orjson.loads(body)
    assert number(one.fields["epoch"]) == facts["generation"]
    return facts


def test_the_manifest_has_the_keys_of_the_page(folder: Path) -> None:
    facts = facts_of(folder)
    _, _, text = PAGE.partition("A *manifest* is")
    assert set(facts) == set(re.findall(r"^\| `(\w+)` \|", text.partition("\n## ")[0], re.MULTILINE))
    assert (facts["version"], facts["store"], facts["shards"]) == (1, bytes(range(16)).hex(), 10)
    assert (facts["generation"], facts["covered"], facts["segment"], facts["window"]) == (1, 2_504, 2, 1)


def test_every_file_of_a_folder_has_a_name_of_the_page(folder: Path) -> None:
    patterns = [re.sub(r"\d", r"\\d", re.escape(name)) for name in names(r"`([A-Za-z0-9.-]+)`(?= …|,| \|)")]
    for file in folder.iterdir():
        assert any(re.fullmatch(pattern, file.name) for pattern in patterns), file.name


def test_segments_follow_each_other_as_the_page_says(folder: Path) -> None:
    before, following, size_bytes = bytes(8), 1, 0
    seals = []
    for file in sorted(folder.glob("*.log")):
        data = file.read_bytes()
        header = named(HEADER, data, 0)
        assert number(header["purpose"]) == 1
        assert f"{number(header['segment']):08d}.log" == file.name
        assert (number(header["first"]), header["before"]) == (following, before)
        assert number(header["before_bytes"]) == size_bytes
        for one in frames(data):
            assert (one.fields["segment"], one.fields["epoch"]) == (header["segment"], header["epoch"])
            assert (one.fields["before"], number(one.fields["first"])) == (before, following)
            if one.type in (2, 5):
                seals.append(one.type)
            else:
                before = one.digest
            following += number(one.fields["records"])
        size_bytes = len(data)
    assert seals == [2, 5, 5]


def test_a_snapshot_is_blocks_an_index_and_an_end(folder: Path) -> None:
    facts = facts_of(folder)
    held: dict[tuple[str, object], object] = {}
    assert isinstance(facts["snapshots"], dict)
    for shard, generation in facts["snapshots"].items():
        data = (folder / f"shard-{int(shard):02d}.{generation:08d}.snap").read_bytes()
        header = named(HEADER, data, 0)
        assert (number(header["purpose"]), number(header["segment"]), number(header["epoch"])) == (2, int(shard), generation)
        assert (number(header["first"]), number(header["before_bytes"])) == (1, facts["covered"])
        *blocks, index, end = frames(data)
        assert ([block.type for block in blocks], index.type, end.type) == ([1] * len(blocks), 4, 5)
        assert (f", {len(data) - end.at} bytes long" in PAGE, number(end.parts[0][1]), end.parts[0][0]) == (True, index.at, "O")
        places = []
        for block, after in zip(blocks, [*blocks[1:], index], strict=True):
            ((letter, body),) = block.parts
            said = orjson.loads(body)
            places.append([said["k"], said["i"][0], block.at, after.at - block.at, len(said["i"])])
            assert (letter, number(block.fields["records"])) == ("S", len(said["i"]))
            for key, row in zip(said["i"], said["r"], strict=True):
                assert crc32(f"{said['k']}/{key}".encode()) % 10 == int(shard)
                held[said["k"], key] = (
                    row if isinstance(row, dict) else dict(zip(said["f"], row if isinstance(row, list) else [row], strict=True))
                )
        assert (index.parts[0][0], orjson.loads(index.parts[0][1])) == ("I", places)
    assert len(held) == 2_501
    assert held["counter", 7] == {"total": 1}
    assert held["counter", "name"] == {"notes": ["a"]}
    assert held["ab", "k"] == {"x": 1, "y": 2}
    assert ("counter", 8) not in held


def test_a_window_has_the_answers_and_how_far_they_were_received(folder: Path) -> None:
    data = (folder / "window.00000001.snap").read_bytes()
    assert number(named(HEADER, data, 0)["purpose"]) == 3
    commit, end = frames(data)
    assert (commit.type, end.type) == (1, 5)
    (letter, marks), (other, answers) = commit.parts
    assert (letter, orjson.loads(marks)) == ("M", {SESSION.hex(): 2})
    assert (other, answers[:8], number(answers[8:16]), orjson.loads(answers[16:])) == ("R", SESSION, 3, {"v": [5], "p": [2]})


# -- the numbers of the page -------------------------------------------------------------------------------------------


def test_the_types_and_letters_are_those_of_the_tables() -> None:
    types = {name: int(value) for value, name in re.findall(r"^\| (\d) \| `([A-Z]+)` \|", PAGE, re.MULTILINE)}
    assert types == {name: getattr(frame, name) for name in ("COMMIT", "SEAL", "WATERMARK", "INDEX", "END")}
    letters = {name: letter.encode() for letter, name in re.findall(r"^\| `([A-Z])` (\w+) \| (?:log|snap)", PAGE, re.MULTILINE)}
    assert letters == {
        "states": STATES,
        "entries": ENTRIES,
        "answers": window.ANSWERS,
        "marks": window.MARKS,
        "horizon": window.HORIZON,
        "messages": window.TOLD,
        "done": window.DONE,
        "step": steps.STEP,
        "finished": steps.ENDED,
        "waypoint": window.WAYPOINT,
        "index": b"I",
        "offset": b"O",
    }
    assert {letter for letter in letters.values() if letter not in (STATES, ENTRIES, b"I", b"O")} == window.LETTERS


def test_messages_steps_and_the_horizon_are_read_by_the_page_in_the_log_and_in_the_window(tmp_path: Path) -> None:
    """Of the page: what each letter's JSON has, what a message and a task are, and how a number says its age."""
    given, task = STAMPED + 5, f"{SESSION.hex()}-{(STAMPED + 9) << 10 | 3}.2"
    tell = [(STAMPED + 7) << 10 | 1, "a/1", "b/2", "add", 5, None, 0]
    timer, spawn = [tell[0] + 1, "a/1", "a/1", "wake", None, 99.5, 9.5], [tell[0] + 2, "a/1", "b", None, "x", None, 0]
    said = [
        window.told_part(spawn[0], [tell, timer, spawn]),
        window.done_part([timer[0]]),
        steps.step_part(task, 0, "fetch", None, [{"a": 1}]),
        steps.step_part(task, 1, ["b/2", "add"], tell[0] + 3),
        steps.step_part(task, 1, ["b/2", "add"], tell[0] + 3, [None]),
        steps.step_part(f"{SESSION.hex()}-77", 0, "x", None, [1]),
        steps.ended_part([f"{SESSION.hex()}-77"]),
        answers_part(SESSION, given, {"v": [1]}),
        window.horizon_part(given + 1),
    ]
    store = open_store(str(tmp_path), chance=bytes)
    store.commit(said, 1)
    store.log.roll()
    store.compact()
    store.close()

    def bodies(name: str) -> list[tuple[str, Any]]:
        data = (tmp_path / name).read_bytes()
        return [(letter, body if letter == "R" else orjson.loads(body)) for read in frames(data) for letter, body in read.parts]

    logged, kept = bodies("00000001.log"), bodies("window.00000001.snap")
    assert [letter for letter, _ in logged] == ["T", "D", "J", "J", "J", "J", "F", "R", "H"]
    assert logged[0] == ("T", {"l": spawn[0], "t": [tell, timer, spawn]})
    assert (logged[1], logged[6]) == (("D", [timer[0]]), ("F", [f"{SESSION.hex()}-77"]))
    assert logged[3] == ("J", {"t": task, "o": 1, "n": ["b/2", "add"], "q": tell[0] + 3})
    assert kept == [
        ("H", given + 1),
        ("T", {"l": tell[0] + 3, "t": [tell, spawn]}),
        ("J", {"t": task, "o": 0, "n": "fetch", "v": {"a": 1}}),
        ("J", {"t": task, "o": 1, "n": ["b/2", "add"], "q": tell[0] + 3, "v": None}),
    ]
    assert f"{STAMPED:,}" in PAGE


def test_waypoints_are_read_by_the_page_in_the_log_and_in_the_window(tmp_path: Path) -> None:
    """Of the page: which letters one has, which of them count when a log is folded, and what is gone."""
    task = f"{SESSION.hex()}-{(STAMPED + 9) << 10 | 3}"

    def said(revision: int, sort: str, **facts: Any) -> Part:
        return Part(window.WAYPOINT, waypoint_body("counter", 7, revision, sort, {"s": 1.5, "a": {"total": revision}} | facts))

    store = open_store(str(tmp_path), chance=bytes)
    store.commit(
        [
            said(1, "progress", t=task, o=0, p=0.25, v=[1], c={"x": None}, m="m"),
            Part(window.WAYPOINT, waypoint_body("counter", "ada", 1, "user", {"s": 2.5, "a": {}})),
            steps.step_part(task, 0, ["progress"], None, [1]),
            *(said(revision, "milestone") for revision in range(2, 20)),
            said(20, "progress", v=0),
            said(20, "pre_failover"),
            Part(window.WAYPOINT, gone_body("counter", ["ada", 3])),
        ],
        24,
    )
    store.log.roll()
    store.compact()
    store.close()

    def bodies(name: str) -> list[dict[str, Any]]:
        data = (tmp_path / name).read_bytes()
        return [orjson.loads(body) for read in frames(data) for letter, body in read.parts if letter == "W"]

    logged, kept = bodies("00000001.log"), bodies("window.00000001.snap")
    assert logged[0] == {
        "k": "counter", "i": 7, "n": 1, "w": "progress", "s": 1.5, "t": task, "o": 0, "p": 0.25, "v": [1], "c": {"x": None},
        "m": "m", "a": {"total": 1},
    }  # fmt: skip
    assert logged[-1] == {"k": "counter", "i": ["ada", 3], "x": True}
    assert [(one["n"], one["w"]) for one in kept] == [
        *((revision, "milestone") for revision in range(4, 20)),
        (20, "progress"),
        (20, "pre_failover"),
    ]
    assert f"and the last {spec.MILESTONES_KEPT} milestones" in PAGE


def test_the_limits_are_those_of_the_page() -> None:
    assert f"`stored_bytes`: of the payload, at most {spec.FRAME_BYTES:,} |" in PAGE
    assert f"Payloads of {spec.LZ4_FROM_BYTES} bytes and more are compressed" in PAGE
    assert f"each block of up to {spec.BLOCK_ROWS:,} states and {snapshot.BATCH_BYTES >> 20} MiB" in PAGE
    assert f"at most {spec.RAW_BYTES:,} and {frame.LZ4_MOST} times the stored ones" in PAGE
    assert f"Written after {spec.WATERMARK_S:g} s without a commit" in PAGE
    assert f"has the bit {frame.OPTIONAL:#x}" in PAGE
    assert (segment.LOG, segment.SNAPSHOT, segment.WINDOW) == (1, 2, 3)
    assert "`purpose`: 1 log | 2 snapshot, 3 window |" in PAGE
    assert (segment.VERSION, manifest.VERSION) == (1, 1)
    assert len(snapshot.name_of_shard(SHARDS_MOST - 1, 7)) == len("shard-03.00000007.snap")


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"k": "a", "i": [1], "f": ["x"], "s": [5]}, 5),
        ({"k": "a", "i": [1], "f": ["x", "y"], "r": [[5, [6]]]}, [5, [6]]),
        ({"k": "a", "i": [1], "f": ["x"], "r": [{"x": 5}]}, {"x": 5}),
        ({"k": "a", "i": [1], "d": [{"x": 5, "+y": [6]}]}, [{"x": 5, "+y": [6]}]),
        ({"k": "a", "i": [1], "d": [{"=y": {"b": 6}, "-y": ["a"]}]}, [{"=y": {"b": 6}, "-y": ["a"]}]),
    ],
)
def test_states_have_the_forms_of_the_page(body: dict[str, object], state: object) -> None:
    table = Table()
    table.fold(orjson.dumps(body))
    assert table.kinds["a"].rows[1] == state
    assert shard_of_key("a", 1, 10) == crc32(b"a/1") % 10


# -- versions ----------------------------------------------------------------------------------------------------------


def one(kind: int, *given: Part) -> bytes:
    data, _ = frame.encode(kind, given, segment=1, epoch=1, first=1, count=0, durable=0, before=NO_DIGEST)
    return data


def test_a_part_in_lower_case_may_be_skipped_and_one_in_upper_case_must_be_known() -> None:
    states = states_part("counter", ["total"], [1], [5])
    table = Table()
    fold_frame(table, Window(), frame.read_frame(one(frame.COMMIT, Part(b"z", b"?"), states), 0), "00000001.log", 72)
    assert table.kinds["counter"].rows == {1: 5}
    with pytest.raises(Corrupt, match="newer engine"):
        fold_frame(table, Window(), frame.read_frame(one(frame.COMMIT, Part(b"Z", b"?")), 0), "00000001.log", 72)


def test_a_type_with_the_highest_bit_may_be_skipped_and_any_other_must_be_known() -> None:
    assert frame.read_frame(one(frame.OPTIONAL | 77), 0).parts == []
    with pytest.raises(frame.BadBytes, match="newer engine"):
        frame.read_frame(one(77), 0)


def test_a_later_version_of_a_file_is_refused() -> None:
    later = bytearray(FILE[:HEADER_BYTES])
    later[8] = 2
    later[64:68] = crc32(bytes(later[:64])).to_bytes(4, "little")
    with pytest.raises(NewerFormat, match="format 2"):
        segment.read_header(bytes(later), "00000001.log")
