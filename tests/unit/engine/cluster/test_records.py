"""Records: what is written is read again, and what arrives is a record or a `BadRecord`, nothing else."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster.records import (
    ENVELOPE_TASKS,
    RECORD_BYTES,
    REPLIES,
    ROLES,
    VERBS,
    Arrivals,
    BadRecord,
    Handover,
    Heartbeat,
    HookAnswer,
    HookQuestion,
    NodeInfo,
    Order,
    Outcome,
    Progress,
    Proof,
    Question,
    Record,
    Reply,
    TaskEnvelope,
    TaskResult,
    Told,
    decode,
    encode,
)
from pools.errors import Failure
from sprints.hookword import STATES

KINDS: list[Any] = [
    NodeInfo, Heartbeat, TaskEnvelope, TaskResult, Progress, Handover, Order, Arrivals, Reply, Question, Proof, HookQuestion,
    HookAnswer,
]  # fmt: skip

names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
kinds = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
whole = st.integers(0, 2**53 - 1)
times = st.floats(0, 1e10)
texts = st.text(st.characters(codec="utf-8"), max_size=50)
plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts
value = st.recursive(plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8)
infos = st.builds(
    NodeInfo,
    node=names,
    incarnation=ids,
    role=st.sampled_from(ROLES),
    kinds=st.lists(kinds, max_size=4).map(tuple),
    capabilities=st.lists(names, max_size=4).map(tuple),
    agents=whole,
    version=texts,
)
rows = st.tuples(texts, texts, value, st.none(), st.none() | times).map(list)
outcomes = st.builds(Outcome, value, st.none()) | st.builds(
    Outcome, st.none(), st.builds(Failure, texts, texts, st.none() | times)
)
made = st.tuples(texts, st.from_regex(r"[0-9a-f]{64}", fullmatch=True), whole).map(list)
told = st.builds(
    Told,
    st.none() | st.dictionaries(texts, value, max_size=4),
    st.lists(made, max_size=3).map(tuple),
    st.lists(st.tuples(texts, texts).map(list), max_size=3).map(tuple),
)
RECORDS: dict[Any, Any] = {
    NodeInfo: infos,
    Heartbeat: st.builds(
        Heartbeat,
        info=infos,
        number=whole,
        running=whole,
        room=whole,
        is_draining=st.booleans(),
        superseded=whole,
        wall_s=times,
    ),
    TaskEnvelope: st.builds(TaskEnvelope, sender=ids, id=ids, rows=st.lists(rows, min_size=1, max_size=4).map(tuple)),
    TaskResult: st.lists(outcomes, min_size=1, max_size=4).flatmap(
        lambda made: st.builds(
            TaskResult,
            sender=ids,
            id=ids,
            node=names,
            incarnation=ids,
            outcomes=st.just(tuple(made)),
            rows=st.just(())
            | st.sets(st.integers(0, ENVELOPE_TASKS - 1), min_size=len(made), max_size=len(made)).map(sorted).map(tuple),
        )
    ),
    Progress: st.builds(Progress, sender=ids, id=ids, node=names, ended=whole, tasks=whole),
    Handover: st.builds(
        Handover, version=whole, node=names, id=ids, kind=kinds, part=whole, parts=whole, data=st.text("aB3~{", max_size=9)
    ),
    Order: st.builds(
        Order, verb=st.sampled_from(VERBS), kind=st.just("") | kinds, count=whole, keys=st.lists(texts, max_size=4).map(tuple)
    ),
    Arrivals: st.builds(Arrivals, node=names, rows=st.lists(st.tuples(kinds, whole).map(list), max_size=4).map(tuple)),
    Reply: st.builds(Reply, node=names, said=st.sampled_from(REPLIES), count=whole, text=texts),
    Question: st.builds(
        Question,
        node=names,
        work=texts,
        tasks=st.lists(st.tuples(texts, st.lists(texts, max_size=3)).map(list), min_size=1, max_size=4).map(tuple),
        is_over=st.booleans(),
    ),
    Proof: st.builds(Proof, node=names, told=st.lists(told, min_size=1, max_size=4).map(tuple)),
    HookQuestion: st.builds(HookQuestion, node=names, run=ids),
    HookAnswer: st.builds(HookAnswer, node=names, run=ids, state=st.sampled_from(STATES), why=texts),
}


@given(st.one_of(*RECORDS.values()))
def test_every_record_comes_back_as_it_was(record: Record) -> None:
    assert decode(encode(record), type(record)) == record


@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_bytes_by_chance_are_no_record(kind: Any, data: bytes) -> None:
    with pytest.raises(BadRecord):
        decode(data, kind)


@given(st.data())
def test_a_record_with_any_field_replaced_is_a_record_or_a_bad_one(data: Any) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    document = orjson.loads(encode(data.draw(RECORDS[kind])))
    at = document
    if "info" in document and data.draw(st.booleans()):
        at = document["info"]
    at[data.draw(st.sampled_from(sorted(at)))] = data.draw(value)
    try:
        read = decode(orjson.dumps(document), kind)
    except BadRecord:
        return
    assert decode(encode(read), kind) == read


@given(st.sampled_from(KINDS), st.sampled_from(KINDS), st.data())
def test_a_record_of_another_kind_is_refused(kind: Any, other: Any, data: Any) -> None:
    if kind is not other:
        with pytest.raises(BadRecord, match="not a record of"):
            decode(encode(data.draw(RECORDS[other])), kind)


def test_a_missing_or_a_strange_field_is_named() -> None:
    document = orjson.loads(encode(Progress("a", "b", "n1", 1, 2)))
    with pytest.raises(BadRecord, match="stranger"):
        decode(orjson.dumps(document | {"stranger": 1}), Progress)
    del document["ended"]
    with pytest.raises(BadRecord, match="ended"):
        decode(orjson.dumps(document), Progress)


def test_another_version_is_refused_by_its_number() -> None:
    document = orjson.loads(encode(Progress("a", "b", "n1", 1, 2)))
    with pytest.raises(BadRecord, match="version 2, known is 1"):
        decode(orjson.dumps(document | {"v": 2}), Progress)


@pytest.mark.parametrize("wrong", [float("nan"), 2**70, {1: 2}, object()])
def test_a_value_that_cannot_travel_is_refused_when_it_is_written(wrong: Any) -> None:
    with pytest.raises(BadRecord):
        encode(TaskEnvelope("s", "1", (["counter", "add", wrong, None, None],)))
    with pytest.raises(BadRecord):
        encode(TaskResult("s", "1", "n1", "x", (Outcome(None, Failure("a" * 3_000, "")),)))


def test_too_many_tasks_and_too_many_bytes_are_refused() -> None:
    row = ["counter", "add", 1, None, None]
    with pytest.raises(BadRecord, match="list of 1 to"):
        encode(TaskEnvelope("s", "1", (row,) * (ENVELOPE_TASKS + 1)))
    with pytest.raises(BadRecord, match="more than"):
        encode(TaskEnvelope("s", "1", (["counter", "add", "x" * RECORD_BYTES, None, None],)))
    with pytest.raises(BadRecord, match="list of 1 to"):
        encode(TaskEnvelope("s", "1", ()))


@pytest.mark.parametrize("rows", [(0,), (1, 1), (2, 1), (0, ENVELOPE_TASKS), (0, -1)])
def test_a_result_names_each_row_once_and_in_order(rows: tuple[int, ...]) -> None:
    document = orjson.loads(encode(TaskResult("s", "1", "n1", "x", (Outcome(1), Outcome(2)))))
    with pytest.raises(BadRecord):
        decode(orjson.dumps(document | {"rows": rows}), TaskResult)
