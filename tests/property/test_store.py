"""Any life of a store: what was acknowledged is there, nothing is invented, order is kept. And any bytes for its readers."""

from __future__ import annotations

import errno
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from random import Random
from struct import pack
from typing import Any
from zlib import crc32

import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from checkpoints.commitlog import CommitLog
from checkpoints.errors import CheckpointError, Corrupt, NewerFormat
from checkpoints.frame import COMMIT, TYPES, BadBytes, Frame, Part, encode, read_frame
from checkpoints.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from checkpoints.mark import MARK, read_mark
from checkpoints.segment import NO_DIGEST, Bad, Header, pack_header, read_header, walk
from checkpoints.snapshot import Block, Snapshot, read_parts, write_parts, write_snapshot
from checkpoints.store import Store
from checkpoints.table import Changes, Table
from checkpoints.window import ANSWERS, MARKS, Window
from tests.support.disks import Fault, Killed, SimDisk
from tests.support.stores import FOLDER, SESSION, Story, contents, open_at

SEEDS = st.integers(0, 2**32 - 1)
STORE = bytes(range(16))


class Life(RuleBasedStateMachine):
    """A store on a disk that forgets and fails, and the story of what was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = SimDisk()
        self.story = Story()
        self.store: Store | None = None
        self.is_synced = True
        self.segment_bytes = 1_000_000
        #: Without syncs: what a power cut may go back to, oldest first.
        self.past: list[Story] = []

    @initialize(is_synced=st.booleans(), segment_bytes=st.sampled_from([300, 1_000, 20_000]))
    def begin(self, is_synced: bool, segment_bytes: int) -> None:
        self.is_synced, self.segment_bytes = is_synced, segment_bytes
        self.past = [self.story.copy()]
        self.open()

    def do(self, act: Callable[[Store], object]) -> None:
        """Do something with the store; it may end it."""
        assert self.store is not None
        try:
            act(self.store)
        except Killed:
            self.disk.kill()
            self.store = None
        except CheckpointError:
            pass

    def settle(self) -> None:
        """All up to here is on the disk."""
        self.past = [self.story.copy()]

    # -- a good life -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.store is not None)
    @rule(seed=SEEDS, count=st.integers(1, 12))
    def commit(self, seed: int, count: int) -> None:
        def act(store: Store) -> None:
            for number in range(count):
                segment = store.log.segment
                if self.story.commit(store, Random(seed + number)):
                    self.past.append(self.story.copy())
                if self.is_synced or store.log.segment != segment:
                    self.settle()

        self.do(act)

    @precondition(lambda self: self.store is not None)
    @rule(seed=SEEDS, counts=st.lists(st.integers(0, 5), min_size=1, max_size=4), is_compacted=st.booleans())
    def work(self, seed: int, counts: list[int], is_compacted: bool) -> None:
        for count in counts:
            for act in (lambda: self.commit(seed, count), self.roll, self.compact if is_compacted else self.confirm):
                if self.store is not None:
                    act()

    @precondition(lambda self: self.store is not None)
    @rule()
    def confirm(self) -> None:
        self.do(lambda store: store.log.confirm())

    @precondition(lambda self: self.store is not None)
    @rule()
    def roll(self) -> None:
        def act(store: Store) -> None:
            segment = store.log.segment
            store.log.roll()
            if store.log.segment != segment:
                self.settle()

        self.do(act)

    @precondition(lambda self: self.store is not None)
    @rule()
    def compact(self) -> None:
        self.do(lambda store: store.compact())

    @precondition(lambda self: self.store is not None)
    @rule()
    def close(self) -> None:
        self.do(lambda store: store.close())
        self.store = None

    @precondition(lambda self: self.store is None)
    @rule(is_mended=st.sampled_from([True, True, False]))
    def open(self, is_mended: bool = True) -> None:
        if is_mended:
            self.disk.faults, self.disk.space_bytes = [], None
        try:
            store = open_at(self.disk, is_synced=self.is_synced, segment_bytes=self.segment_bytes)
        except Killed:
            self.disk.kill()
            return
        except (Corrupt, NewerFormat):
            raise
        except CheckpointError:
            return
        self.story.check(store)
        self.settle()
        self.store = store

    # -- what befalls it -------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.store is not None)
    @rule(
        nth=st.integers(1, 40),
        error=st.sampled_from([None, None, errno.ENOSPC, errno.EIO, errno.EROFS]),
        is_after=st.booleans(),
        is_lasting=st.booleans(),
        share=st.floats(0, 1),
        kinds=st.sampled_from([(), ("write",), ("sync",), ("rename", "sync_folder"), ("create", "remove")]),
    )
    def arm(self, **fault: Any) -> None:
        self.disk.faults = [Fault(**{**fault, "is_lasting": fault["is_lasting"] and fault["error"] is not None})]

    @precondition(lambda self: self.store is not None)
    @rule(space=st.none() | st.integers(0, 3_000))
    def fill(self, space: int | None) -> None:
        self.disk.space_bytes = None if space is None else self.disk.used_bytes + space

    @precondition(lambda self: self.store is not None)
    @rule()
    def mend(self) -> None:
        self.disk.faults, self.disk.space_bytes = [], None

    @precondition(lambda self: self.store is not None)
    @rule()
    def kill(self) -> None:
        self.disk.kill()
        self.store = None

    @rule(seed=SEEDS)
    def cut_power(self, seed: int) -> None:
        self.disk.faults = []
        self.disk.cut_power(Random(seed))
        self.store = None
        if not self.is_synced:
            self.go_back()

    def go_back(self) -> None:
        """Find out which of the last records are left: without syncs any number of them, from the last on, may be lost."""
        if not any(path.endswith(".log") for path in self.disk.image()):
            candidates = self.past[:1]
        else:
            self.disk.space_bytes = None
            store = open_at(SimDisk(self.disk.image()))
            told = [story for story in (*self.past, *filter(None, [self.story.in_doubt])) if self.is_like(story, store)]
            candidates = told[-1:]
        assert candidates, "what is left is none of what there was"
        self.story = candidates[0].copy()
        self.story.number = max(story.number for story in (*self.past, self.story))
        self.past = [self.story.copy()]

    @staticmethod
    def is_like(story: Story, store: Store) -> bool:
        return contents(store) == story.states and all(
            store.window.answers(SESSION, number) == story.answers.get(number) for number in range(1, story.number + 2)
        )

    @precondition(lambda self: self.store is None)
    @rule(chance=st.randoms(use_true_random=False))
    def damage_what_has_another(self, chance: Random) -> None:
        """The newest snapshots, their window or manifest, while those before are there."""
        with suppress(CheckpointError):
            reader = SimDisk(self.disk.image())
            manifests = read_manifest(reader.process(), FOLDER)
            if len(manifests) < 2 or manifests[0].generation == manifests[1].generation:
                return
            if not self.can_be_read(reader, manifests[0]) or not self.can_be_read(reader, manifests[1]):
                return
            new = f"{manifests[0].generation:08d}.snap"
            names = [path for path in self.disk.image() if path.endswith((new, MANIFEST, MARK))]
            path = chance.choice(names)
            data = bytearray(self.disk.image()[path])
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            self.disk.put(path, bytes(data))

    @staticmethod
    def can_be_read(disk: SimDisk, manifest: Manifest) -> bool:
        """Whether every file of a manifest is there, whole."""
        try:
            for shard, generation in manifest.snapshots.items():
                path = f"{FOLDER}/shard-{shard:02d}.{generation:08d}.snap"
                Snapshot(disk.process(), path, store=manifest.store, shard=shard, generation=generation).verify()
            window = f"{FOLDER}/window.{manifest.window:08d}.snap"
            list(
                read_parts(disk.process(), window, store=manifest.store, generation=manifest.window) if manifest.window else ()
            )
        except Corrupt:
            return False
        return True

    @invariant()
    def nothing_is_left_open_by_who_is_gone(self) -> None:
        if self.store is None:
            assert not [path for path in self.disk.locks if path.endswith("LOCK")]

    def teardown(self) -> None:
        """In the end all is mended, and the story is there."""
        self.disk.kill()
        self.disk.faults, self.disk.space_bytes = [], None
        self.story.check(open_at(self.disk))


def test_whatever_befalls_a_store_what_was_acknowledged_is_there() -> None:
    run_state_machine_as_test(Life, settings=settings(max_examples=120, stateful_step_count=30))


def test_a_store_that_syncs_nothing_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CommitLog, "_sync", lambda _log: None)
    found_soon = settings(max_examples=400, stateful_step_count=30, derandomize=True, database=None, phases=[Phase.generate])
    with pytest.raises((AssertionError, CheckpointError, ExceptionGroup)):
        run_state_machine_as_test(Life, settings=found_soon)


# -- any bytes ---------------------------------------------------------------------------------------------------------

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=3) | st.sampled_from(["k", "a", "+a", "00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("kifrsdxvopaltb") | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)
PARTS = st.builds(
    dict,
    k=st.just("k") | JSON,
    i=st.lists(st.integers(-3, 3) | st.sampled_from("ab"), max_size=3) | JSON,
    f=st.lists(st.sampled_from("ab"), max_size=2, unique=True) | JSON,
    r=st.lists(st.lists(st.integers(-9, 9), max_size=2) | st.integers(-9, 9), max_size=3) | JSON,
)
NOISE = st.binary(max_size=300)
FUZZ = settings(max_examples=400)


def good_frame() -> bytes:
    return encode(COMMIT, [Part(b"S", b"x" * 300)], segment=1, epoch=1, first=1, count=1, durable=0, before=NO_DIGEST)[0]


def good_segment() -> bytes:
    header = Header(1, 1, STORE, 1, NO_DIGEST, 0)
    one, digest = encode(COMMIT, [Part(b"S", b"one")], segment=1, epoch=1, first=1, count=1, durable=0, before=NO_DIGEST)
    two, _ = encode(COMMIT, [Part(b"S", b"two")], segment=1, epoch=1, first=2, count=1, durable=1, before=digest)
    return pack_header(header) + one + two


def good_snapshot() -> bytes:
    disk = SimDisk({f"{FOLDER}/LOCK": b""})
    write_snapshot(
        disk.process(), f"{FOLDER}/s", [Block("k", ["a"], [1], [[1]])], store=STORE, shard=0, generation=1, covered=1
    )
    return disk.image()[f"{FOLDER}/s"]


def good_window() -> bytes:
    disk = SimDisk({f"{FOLDER}/LOCK": b""})
    write_parts(disk.process(), f"{FOLDER}/s", [Part(b"M", b"{}")], store=STORE, generation=1)
    return disk.image()[f"{FOLDER}/s"]


def good_manifest() -> bytes:
    disk = SimDisk({f"{FOLDER}/LOCK": b""})
    write_manifest(disk.process(), FOLDER, Manifest(STORE, 3))
    return disk.image()[f"{FOLDER}/{MANIFEST}"]


def changed(good: bytes) -> st.SearchStrategy[bytes]:
    """Bytes like these, with some of them replaced, cut out or put in."""

    def change(places: list[tuple[int, int, bytes]]) -> bytes:
        data = bytearray(good)
        for at, size, piece in places:
            begin = at % (len(data) + 1)
            data[begin : begin + size] = piece
        return bytes(data)

    places = st.tuples(st.integers(0, 10_000), st.integers(0, 20), st.binary(max_size=12))
    return NOISE | st.lists(places, min_size=1, max_size=3).map(change)


def bounded(read: Callable[[], object], *errors: type[Exception]) -> None:
    """Read: it gives something or one of these errors, soon, and with little memory."""
    tracemalloc.start()
    began_s = time.process_time()
    with suppress(*errors):
        read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - began_s < 1
    assert peak < 4_000_000


@FUZZ
@given(changed(good_frame()))
def test_any_bytes_are_a_frame_or_none(data: bytes) -> None:
    bounded(lambda: read_frame(data, 0), BadBytes)


@given(
    st.binary(max_size=200), st.sampled_from(sorted({*TYPES, 0, 6, 0x80, 0xFF})), st.integers(0, 3), st.integers(0, 2**32 - 1)
)
def test_any_payload_under_right_checksums_is_a_frame_or_none(payload: bytes, kind: int, flags: int, raw: int) -> None:
    head = pack("<2sBBIIIIIQQ8sI", b"\xc5\x1e", kind, flags, len(payload), raw, 1, 1, 1, 1, 0, NO_DIGEST, crc32(payload))
    data = head + pack("<I", crc32(head)) + payload + bytes(-len(payload) % 8)
    bounded(lambda: read_frame(data, 0), BadBytes)


@FUZZ
@given(changed(good_segment()))
def test_any_bytes_are_a_segment_or_none(data: bytes) -> None:
    def read() -> None:
        header = read_header(data, "x.log")
        found = list(walk(data, header))
        assert all(isinstance(one, tuple) and isinstance(one[1], Frame) for one in found if not isinstance(one, Bad))
        assert not [one for one in found[:-1] if isinstance(one, Bad)]

    bounded(read, Corrupt, NewerFormat)


@FUZZ
@given(changed(good_manifest()))
def test_any_bytes_are_a_manifest_or_an_error(data: bytes) -> None:
    disk = SimDisk({f"{FOLDER}/{MANIFEST}": data})
    bounded(lambda: read_manifest(disk.process(), FOLDER), Corrupt, NewerFormat)


@given(
    JSON
    | st.builds(dict, version=st.just(1), store=st.just(STORE.hex()), shards=JSON, generation=JSON, snapshots=JSON, window=JSON)
)
def test_anything_under_right_checksums_is_a_manifest_or_an_error(facts: Any) -> None:
    data, _ = encode(4, [Part(b"M", orjson.dumps(facts))], segment=0, epoch=0, first=1, count=0, durable=0, before=NO_DIGEST)
    disk = SimDisk({f"{FOLDER}/{MANIFEST}": data})
    with suppress(Corrupt, NewerFormat):
        (manifest,) = read_manifest(disk.process(), FOLDER)
        write_manifest(disk.process(), FOLDER, manifest)


@FUZZ
@given(changed(good_manifest()))
def test_any_bytes_are_a_mark_or_an_error(data: bytes) -> None:
    disk = SimDisk({f"{FOLDER}/{MARK}": data})
    bounded(lambda: read_mark(disk.process(), FOLDER, STORE), Corrupt)


@FUZZ
@given(changed(good_snapshot()))
def test_any_bytes_are_a_snapshot_or_an_error(data: bytes) -> None:
    def read() -> None:
        process = SimDisk({f"{FOLDER}/s": data}).process()
        snapshot = Snapshot(process, f"{FOLDER}/s", store=STORE, shard=0, generation=1)
        snapshot.verify()
        snapshot.block("k", 1)
        list(snapshot.blocks())

    bounded(read, Corrupt, NewerFormat)


@FUZZ
@given(changed(good_window()))
def test_any_bytes_are_a_window_or_an_error(data: bytes) -> None:
    disk = SimDisk({f"{FOLDER}/s": data})
    bounded(lambda: list(read_parts(disk.process(), f"{FOLDER}/s", store=STORE, generation=1)), Corrupt, NewerFormat)


@given(st.lists(JSON | PARTS, max_size=4), NOISE)
def test_any_records_are_folded_or_refused(parts: list[Any], noise: bytes) -> None:
    table = Table()
    for body in (*map(orjson.dumps, parts), noise):
        with suppress(ValueError):
            assert type(table.fold(body)) is str
    for kind, known in table.kinds.items():
        assert type(kind) is str
        for row in known.rows.values():
            if type(row) is Changes:
                with suppress(ValueError):
                    row.applied({})


@given(
    st.lists(st.tuples(st.sampled_from([ANSWERS, MARKS, b"T", b"D", b"?"]), NOISE | JSON.map(orjson.dumps)), max_size=4), JSON
)
def test_any_answers_are_folded_or_refused(parts: list[tuple[bytes, bytes]], said: Any) -> None:
    window = Window()
    for letter, body in (*parts, (ANSWERS, SESSION + bytes(8) + orjson.dumps(said))):
        with suppress(ValueError):
            window.fold(Part(letter, body))
    with suppress(ValueError):
        window.answers(SESSION, 0)
    again = Window()
    for part in window.parts():
        again.fold(part)
    assert list(again.parts()) == list(window.parts())
