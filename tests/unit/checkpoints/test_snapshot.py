"""A snapshot gives back what was written, block by block, or says where it is damaged."""

from __future__ import annotations

import errno
from itertools import pairwise
from random import Random
from typing import Any

import orjson
import pytest

from checkpoints import frame
from checkpoints import snapshot as module
from checkpoints.errors import CheckpointError, Corrupt, NewerFormat, ReadFailed
from checkpoints.frame import COMMIT, END, INDEX, Part, encode
from checkpoints.segment import NO_DIGEST, SEGMENT_HEADER_BYTES, SNAPSHOT, WINDOW, Header, pack_header
from checkpoints.snapshot import Block, Snapshot, name_of_shard, read_parts, write_parts, write_snapshot
from checkpoints.table import Key
from tests.support.disks import Fault, Killed, SimDisk

STORE = bytes(range(16))
PATH = f"store/{name_of_shard(3, 7)}"
BLOCKS = [
    Block("counter", ["total"], [1, 2, 5, "a"], [[10], 20, {"total": 50, "more": 1}, ["x"]]),
    Block("counter", ["total"], ["b", "c"], [[1], [2]]),
    Block("scout", ["a", "b"], [-3], [[1, [2]]]),
]


def written(blocks: list[Block] = BLOCKS) -> SimDisk:
    disk = SimDisk({"store/LOCK": b""})
    write_snapshot(disk.process(), PATH, blocks, store=STORE, shard=3, generation=7, covered=99)
    return disk


def opened(disk: SimDisk, **owner: Any) -> Snapshot:
    return Snapshot(disk.process(), PATH, **{"store": STORE, "shard": 3, "generation": 7, **owner})


def read_all(disk: SimDisk) -> list[Block]:
    """Everything, every byte verified first."""
    snapshot = opened(disk)
    try:
        snapshot.verify()
        return list(snapshot.blocks())
    finally:
        snapshot.close()


def test_what_was_written_is_read_back() -> None:
    disk = written()
    snapshot = opened(disk)
    assert list(snapshot.blocks()) == BLOCKS
    assert (snapshot.count, snapshot.kinds, snapshot.verify()) == (7, ["counter", "scout"], 7)
    assert snapshot.size_bytes == len(disk.image()[PATH])
    assert disk.durable_image() == disk.image()


def test_a_key_is_in_one_block_at_most() -> None:
    for key, block in ((1, 0), (2, 0), (3, 0), (5, 0), (10**9, 0), ("a", 0), ("aa", 0), ("b", 1), ("c", 1), ("z", 1)):
        assert opened(written()).block("counter", key) == BLOCKS[block], key
    snapshot = opened(written())
    for kind, key in (("counter", 0), ("counter", -1), ("scout", -4), ("nobody", 1)):
        assert snapshot.block(kind, key) is None


@pytest.mark.parametrize("missing", [5, 10**9, 2**63, "aa", "A"])
def test_a_block_is_read_once_for_all_keys_that_are_not_in_it(missing: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Block] = []
    load = Snapshot._load

    def counted(snapshot: Snapshot, place: Any) -> Block:
        reads.append(load(snapshot, place))
        return reads[-1]

    monkeypatch.setattr(Snapshot, "_load", counted)
    mixed = [Block("counter", ["a"], [1, 2, 3], [[1], [2], [3]]), Block("counter", ["a"], ["a", "b"], [[4], [5]])]
    snapshot = opened(written(mixed))
    for key in (3, "b", 1, "a"):
        assert snapshot.block("counter", key) == mixed[type(key) is str]
    known = len(reads)
    assert [snapshot.block("counter", missing) for _ in range(3)] == [None, None, None]
    assert len(reads) == known
    large = [Block("counter", ["a"], [1, 2**63], [[1], [2]])]
    assert [opened(written(large)).block("counter", key) for key in (2**63, 7)] == [large[0], large[0]]


def test_a_snapshot_of_nothing_is_one() -> None:
    snapshot = opened(written([]))
    assert (list(snapshot.blocks()), snapshot.count, snapshot.verify(), snapshot.block("counter", 1)) == ([], 0, 0, None)


def test_large_states_stand_in_smaller_blocks() -> None:
    """A block of a thousand states of 512 KB is more than a frame holds; and one agent is woken by reading one block."""
    rows = [["x" * 300_000 + str(number)] for number in range(20)]
    disk = written([Block("k", ["a"], list(range(20)), rows)])
    found = read_all(disk)
    assert [(key, row) for block in found for key, row in zip(block.keys, block.rows, strict=True)] == list(enumerate(rows))
    assert max(len(block.keys) for block in found) <= 3
    block = opened(disk).block("k", 13)
    assert block is not None
    assert 13 in block.keys


def test_every_flipped_bit_is_found_at_its_place() -> None:
    whole = written().image()
    for bit in range(len(whole[PATH]) * 8):
        changed = bytearray(whole[PATH])
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Corrupt, NewerFormat)) as caught:
            read_all(SimDisk({**whole, PATH: bytes(changed)}))
        assert caught.value.file == PATH


def test_every_cut_and_every_addition_is_found() -> None:
    data = written().image()[PATH]
    for change in [*(data[:size] for size in range(len(data))), data + b"\0", data + bytes(72), data + data, data + data[-72:]]:
        with pytest.raises(Corrupt):
            read_all(SimDisk({PATH: change}))


def test_blocks_that_are_doubled_swapped_or_missing_are_found() -> None:
    disk = written()
    data = disk.image()[PATH]
    places = [SEGMENT_HEADER_BYTES]
    for place in opened(disk)._places.values():
        places += [one.at + one.size_bytes for one in place]
    head, rest = data[:SEGMENT_HEADER_BYTES], data[places[-1] :]
    pieces = [data[begin:end] for begin, end in pairwise(places)]
    for order in ([0, 1], [1, 0, 2], [0, 0, 2], [0, 1, 2, 2], [2, 1, 0], []):
        with pytest.raises(Corrupt):
            read_all(SimDisk({PATH: head + b"".join(pieces[at] for at in order) + rest}))


@pytest.mark.parametrize("owner", [{"store": bytes(16)}, {"shard": 2}, {"generation": 6}])
def test_a_snapshot_of_another_store_shard_or_generation_is_refused(owner: dict[str, Any]) -> None:
    with pytest.raises(Corrupt, match="belongs to another"):
        opened(written(), **owner)


def test_one_that_is_missing_is_damage_and_one_that_cannot_be_read_is_not() -> None:
    with pytest.raises(Corrupt, match="missing"):
        opened(SimDisk({"store/LOCK": b""}))
    for nth in range(1, 5):
        disk = written()
        disk.faults = [Fault(nth, errno.EIO, ("open", "read"))]
        with pytest.raises(ReadFailed):
            opened(disk).verify()


def test_one_that_cannot_be_opened_is_given_back() -> None:
    for change in (b"", bytes(400), b"?" * 400):
        disk = SimDisk({PATH: change})
        process = disk.process()
        with pytest.raises(Corrupt):
            Snapshot(process, PATH, store=STORE, shard=3, generation=7)
        assert process.handles == set()


def crafted(index: Any, block: Any = None, offset: int | None = None) -> bytes:
    """A snapshot whose checksums are right, whatever it says."""
    header = pack_header(Header(3, 7, STORE, 1, NO_DIGEST, 0, SNAPSHOT))
    place: dict[str, Any] = {"segment": 3, "epoch": 7, "first": 1, "durable": 0}
    first, before = encode(COMMIT, [Part(b"S", orjson.dumps(block))], count=1, before=NO_DIGEST, **place)
    place["first"] = 2
    at = len(header) + len(first)
    second, before = encode(INDEX, [Part(b"I", orjson.dumps(index))], count=0, before=before, **place)
    end = (at if offset is None else offset).to_bytes(8, "little")
    return header + first + second + encode(END, [Part(b"O", end)], count=0, before=before, **place)[0]


@pytest.mark.parametrize(
    "index",
    [
        None,
        5,
        {},
        "text",
        [5],
        [[]],
        [["k", 1, 72]],
        [["k", 1, 72, 100, 1, 1]],
        [[5, 1, 72, 104, 1]],
        [[["k"], 1, 72, 104, 1]],
        [["k", 1, "72", 104, 1]],
        [["k", 1, 72, 2**60, 1]],
        [["k", 1, 2**60, 104, 1]],
        [["k", 1, -8, 104, 1]],
        [["k", 1, 72, -104, 1]],
        [["k", 1, 72, 0, 1]],
        [["k", 1, 72, 40, 1]],
        [["k", 1, 80, 40, 1]],
        [["k", 1, 72, 104, 2]],
        [["k", 1, 72, 104, "1"]],
        [["other", 1, 72, 104, 1]],
        [["k", {}, 72, 104, 1]],
    ],
)
def test_an_index_that_lies_under_right_checksums_is_an_error_not_a_crash(index: Any) -> None:
    disk = SimDisk({PATH: crafted(index, {"k": "k", "f": ["a"], "i": [1], "r": [[1]]})})
    with pytest.raises(Corrupt):
        list(opened(disk).blocks())


def test_an_index_that_is_right_is_read() -> None:
    disk = SimDisk({PATH: crafted([["k", 1, 72, 104, 1]], {"k": "k", "f": ["a"], "i": [1], "r": [[1]]})})
    assert list(opened(disk).blocks()) == [Block("k", ["a"], [1], [[1]])]


@pytest.mark.parametrize("offset", [0, 71, 72, 73, 2**62, 2**64 - 1])
def test_an_offset_of_the_index_that_lies_is_an_error(offset: int) -> None:
    with pytest.raises(Corrupt):
        opened(SimDisk({PATH: crafted([], None, offset)}))


@pytest.mark.parametrize(
    "block",
    [
        None,
        5,
        [],
        {},
        {"k": "k", "f": [], "i": [], "r": []},
        {"k": "k", "f": ["a"], "i": [1]},
        {"k": "k", "f": ["a"], "i": 5, "r": [[1]]},
        {"k": "k", "f": ["a"], "i": [1], "r": 5},
        {"k": "k", "f": ["a"], "i": [1], "r": []},
        {"k": "k", "f": ["a"], "i": [1, 2], "r": [[1], [2]]},
        {"k": "other", "f": ["a"], "i": [1], "r": [[1]]},
    ],
)
def test_a_block_that_its_index_does_not_describe_is_an_error(block: Any) -> None:
    data = crafted([], block)
    at = SEGMENT_HEADER_BYTES
    length = int.from_bytes(data[at + 4 : at + 8], "little")
    size = 56 + length + -length % 8
    with pytest.raises(Corrupt):
        list(opened(SimDisk({PATH: crafted([["k", 1, 72, size, 1]], block)})).blocks())


# -- writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_after", [False, True])
def test_killed_at_each_step_it_is_whole_or_not_there(is_after: bool, chance: Random) -> None:
    probe = written()
    for nth in range(1, len(probe.trace) + 1):
        for is_power_cut in (False, True, True):
            disk = SimDisk({"store/LOCK": b""})
            disk.faults = [Fault(nth, None, is_after=is_after)]
            with pytest.raises(Killed):
                write_snapshot(disk.process(), PATH, BLOCKS, store=STORE, shard=3, generation=7, covered=99)
            disk.faults = []
            if is_power_cut:
                disk.cut_power(chance)
            if PATH in disk.image():
                assert read_all(disk) == BLOCKS
            write_snapshot(disk.process(), PATH, BLOCKS, store=STORE, shard=3, generation=7, covered=99)
            assert read_all(disk) == BLOCKS


def test_a_step_that_fails_leaves_no_file_of_that_name_but_perhaps_a_whole_one() -> None:
    probe = written()
    for nth in range(1, len(probe.trace) + 1):
        disk = SimDisk({"store/LOCK": b""})
        disk.faults = [Fault(nth, errno.ENOSPC)]
        with pytest.raises(OSError):
            write_snapshot(disk.process(), PATH, BLOCKS, store=STORE, shard=3, generation=7, covered=99)
        if PATH in disk.image():
            disk.faults = []
            assert read_all(disk) == BLOCKS


# -- parts -------------------------------------------------------------------------------------------------------------


def parts_of(data: bytes) -> list[Part]:
    return [part for _, part in read_parts(SimDisk({"store/w": data}).process(), "store/w", store=STORE, generation=7)]


def packed(parts: list[Part]) -> bytes:
    disk = SimDisk({"store/LOCK": b""})
    write_parts(disk.process(), "store/w", parts, store=STORE, generation=7)
    return disk.image()["store/w"]


@pytest.mark.parametrize("sizes", [[], [0], [5, 0, 7], [2_000_000], [600_000] * 4, [10, 2_000_000, 10]])
def test_parts_are_read_back(sizes: list[int]) -> None:
    parts = [Part(b"R", bytes([number]) * size) for number, size in enumerate(sizes)]
    assert parts_of(packed(parts)) == parts


def test_many_small_parts_are_written_in_a_time_that_grows_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: each part is measured once."""
    looks = 0

    class Body(bytes):
        def __len__(self) -> int:
            nonlocal looks
            looks += 1
            return super().__len__()

    packed([Part(b"R", Body(b"x" * 10)) for _ in range(2_000)])
    assert looks < 2_000 * 10


def test_a_part_as_large_as_a_frame_holds_is_written_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "RAW_BYTES", 10_000)
    monkeypatch.setattr(module, "BATCH_BYTES", 5_000)
    parts = [Part(b"R", b"x" * size) for size in (4_000, 9_992, 4_000, 9_992)]
    assert parts_of(packed(parts)) == parts


def test_every_flipped_bit_and_every_cut_of_parts_is_found() -> None:
    data = packed([Part(b"R", b"answer"), Part(b"M", b"{}")])
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Corrupt):
            parts_of(bytes(changed))
    for size in range(len(data)):
        with pytest.raises(Corrupt):
            parts_of(data[:size])


def test_a_window_is_no_snapshot_and_a_snapshot_no_window() -> None:
    with pytest.raises(Corrupt, match="another kind"):
        parts_of(written().image()[PATH])
    with pytest.raises(Corrupt, match="another kind"):
        opened(SimDisk({PATH: packed([])}))
    assert WINDOW != SNAPSHOT


def test_any_bytes_are_a_snapshot_or_an_error(chance: Random) -> None:
    whole = written().image()[PATH]
    for _ in range(300):
        changed = bytearray(whole)
        at = chance.randrange(len(changed))
        changed[at : at + chance.randrange(60)] = chance.randbytes(chance.randrange(60))
        try:
            assert read_all(SimDisk({PATH: bytes(changed)})) == BLOCKS
        except CheckpointError as error:
            assert PATH in str(error)
