"""The page on the fabric names every subject, record, field and limit as they are."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from engine.cluster.chest import FILE_BYTES
from engine.cluster.nodefile import NodeFile
from engine.cluster.pieces import PIECE_BYTES
from engine.cluster.records import (
    ENVELOPE_TASKS,
    RECORD_BYTES,
    Arrivals,
    Handover,
    Heartbeat,
    NodeInfo,
    Order,
    Progress,
    Proof,
    Question,
    Reply,
    TaskEnvelope,
    TaskResult,
)
from engine.cluster.server import KEPT_BYTES, ServerSpec
from engine.cluster.shiprecord import STATES
from engine.cluster.stores import ARTIFACT_BYTES, SPRINT_BYTES
from engine.cluster.streams import MOVED_BYTES, RESULTS_KEPT_S, STREAM_BYTES, WAITING, WINDOW_S
from engine.cluster.subjects import FORMS

PAGE = (Path(__file__).resolve().parents[4] / "engine" / "cluster" / "CLUSTER.md").read_text()


def test_every_subject_is_named_with_its_parts() -> None:
    shown = set(re.findall(r"^\| `([a-zA-Z.]+)` \|", PAGE, re.MULTILINE))
    assert {".".join((form, *(part.upper() for part in parts))) for form, parts in FORMS.items()} == shown


def test_every_record_is_named_with_its_fields() -> None:
    for kind in (NodeInfo, Heartbeat, TaskEnvelope, TaskResult, Progress, Handover, Order, Arrivals, Reply, Question, Proof):
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| {kind.__name__} |"))
        named = row.split("`")[1].split()
        assert named == [field.name for field in fields(kind)]


def test_every_field_of_the_two_files_is_named() -> None:
    for kind in (NodeFile, ServerSpec):
        assert [field.name for field in fields(kind) if field.name != "file" and f"`{field.name}`" not in PAGE] == []


def test_the_limits_are_those_that_hold() -> None:
    for said in (
        f"at most {RECORD_BYTES:,} bytes",
        f"1 to {ENVELOPE_TASKS:,} rows",
        f"{WAITING:,} envelopes",
        f"within {WINDOW_S:.0f} s",
        f"`.release.*` | {SPRINT_BYTES >> 30} GiB, then",
        f"`artifact.*` | {ARTIFACT_BYTES >> 30} GiB",
        f"a file has {FILE_BYTES >> 20} MiB at most",
        f"messages of {PIECE_BYTES >> 10} KiB at most",
        *(f"`{state}`" for state in STATES),
    ):
        assert said in PAGE
    assert f"{RESULTS_KEPT_S / 3_600:.0f} h" in PAGE


def test_what_the_streams_may_keep_fits_into_a_server() -> None:
    assert 2 * STREAM_BYTES + MOVED_BYTES + SPRINT_BYTES + ARTIFACT_BYTES <= KEPT_BYTES
