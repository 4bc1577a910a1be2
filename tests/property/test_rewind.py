"""Whatever documents there are and whatever befalls the bytes: what comes out is what was recorded, or nothing."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints.simdisk import SimDisk
from engine.errors import NotRecorded
from engine.rewind.difference import BadDifference, applied, difference
from engine.rewind.recording import Recording
from engine.rewind.ring import Ring
from engine.rewind.scan import documents, scan
from engine.rewind.scribe import Scribe, packed

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from([0, 0.0, -0.0, 1, 1.0, True, False, ""])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
)
KEYS = st.sampled_from(["a", "b", "c", "", "0", "é"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=15
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)
#: Documents as JSON gives them, with the steps in milliseconds from one to the next; a clock may be set back.
FILMS = st.lists(st.tuples(st.integers(-3_000, 70_000), DOCUMENTS), min_size=1, max_size=12)


def plain(document: dict[str, Any]) -> dict[str, Any]:
    return dict(orjson.loads(packed(document)))


def played(film: list[tuple[int, dict[str, Any]]]) -> tuple[list[tuple[int, bytes]], dict[int, bytes]]:
    """What is recorded, and what is to be found: where a clock was set back, the later recording."""
    time_ms, steps, known = 1_000_000, [], {}
    for step_ms, document in film:
        time_ms += step_ms
        steps.append((time_ms, packed(document)))
        known = {at: raw for at, raw in known.items() if at < time_ms} | {time_ms: packed(document)}
    return steps, known


@given(DOCUMENTS, DOCUMENTS)
def test_a_difference_gives_the_later_document_byte_for_byte(before: dict[str, Any], after: dict[str, Any]) -> None:
    before, after = plain(before), plain(after)
    change = orjson.loads(orjson.dumps(difference(before, after)))
    assert packed(applied(before, change)) == packed(after)
    assert (change == {}) == (packed(before) == packed(after))


@given(DOCUMENTS, st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_json_is_a_difference_or_is_refused(before: dict[str, Any], change: dict[str, Any]) -> None:
    kept = packed(before := plain(before))
    with suppress(BadDifference):
        assert type(applied(before, plain(change))) is dict
    assert packed(before) == kept


@given(FILMS)
def test_a_ring_gives_at_every_instant_what_was_recorded_last(film: list[tuple[int, dict[str, Any]]]) -> None:
    steps, known = played(film)
    disk = SimDisk()
    ring = Ring("ring", disk.process())
    ring.open()
    for time_ms, raw in steps:
        ring.add(time_ms, raw)
    looking = Ring("ring", disk.process())
    looking.load()
    for one in (ring, looking):
        assert one.past(limit=100)["instants"] == [time_ms / 1000 for time_ms in sorted(known)]
        for time_ms in known:
            for asked_ms in (time_ms, time_ms + 1):
                found = one.at(asked_ms / 1000)
                meant = max(at for at in known if at <= asked_ms)
                assert (found.time_s, packed(found.document)) == (meant / 1000, known[meant])
        first = Ring("ring", disk.process())
        first.load(min(known) / 1000 - 0.001)
        try:
            assert first.at(min(known) / 1000 - 0.001).time_s < min(known) / 1000
        except NotRecorded as refused:
            assert refused.after_s == min(known) / 1000


@settings(max_examples=40)
@given(FILMS, st.integers(0, 255))
def test_with_any_byte_damaged_nothing_false_is_read_and_the_place_is_named(
    film: list[tuple[int, dict[str, Any]]], flip: int
) -> None:
    steps, _ = played(film)
    true = {raw for _, raw in steps}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film"
        with Scribe(path) as scribe:
            for time_ms, raw in steps:
                scribe.add(time_ms, raw)
        data = path.read_bytes()
    for at in range(len(data)):
        bad = data[:at] + bytes([data[at] ^ (flip or 1)]) + data[at + 1 :]
        found = scan(bad)
        (damage,) = found.damage
        assert damage.offset <= at < damage.offset + damage.size_bytes
        for frame in found.frames:
            *_, (_, time_ms, document) = documents(bad[frame.base : frame.end])
            assert (time_ms, packed(document)) in steps
            assert packed(document) in true


@settings(max_examples=60)
@given(FILMS, FILMS, st.floats(0, 1))
def test_a_file_cut_anywhere_gives_its_beginning_and_is_gone_on_with(
    film: list[tuple[int, dict[str, Any]]], more: list[tuple[int, dict[str, Any]]], share: float
) -> None:
    steps, _ = played(film)
    files = SimDisk().process()
    ends = []
    with Scribe("film", files) as scribe:
        for time_ms, raw in steps:
            ends.append(scribe.add(time_ms, raw).end)
    data = files.read("film")
    cut = data[: int(len(data) * share)]
    kept = sum(end <= len(cut) for end in ends)
    disk = SimDisk({"film": cut})
    behind = [(steps[-1][0] + 1 + at, packed(document)) for at, (_, document) in enumerate(more)]
    with Scribe("film", disk.process()) as scribe:
        for time_ms, raw in behind:
            scribe.add(time_ms, raw)
    there = Recording("film", disk.process())
    whole: dict[int, bytes] = {}
    for time_ms, raw in [*steps[:kept], *behind]:
        whole = {at: one for at, one in whole.items() if at < time_ms} | {time_ms: raw}
    assert [(round(time_s * 1000), packed(document)) for time_s, document in there] == list(whole.items())
    assert there.damage == []


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_recording_or_are_refused(data: bytes) -> None:
    found = scan(data)
    assert found.frames == []
    assert found.damage
