"""Subjects: what is built is parsed again, and no name can become a part that NATS gives a meaning to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster.subjects import FORMS, Subject, Subjects
from engine.errors import ConfigError
from pools.errors import BadAddress

parts = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
clusters = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)


@given(clusters, st.sampled_from(sorted(FORMS)), st.data())
def test_what_is_built_is_parsed_again(cluster: str, form: str, data: Any) -> None:
    subjects = Subjects(cluster)
    given_parts = tuple(data.draw(parts) for _ in FORMS[form])
    assert subjects.parse(subjects.build(form, *given_parts)) == Subject(form, given_parts)


@given(st.sampled_from([form for form in FORMS if FORMS[form]]), st.text(max_size=70))
def test_a_part_is_taken_as_it_is_or_refused(form: str, text: str) -> None:
    subjects = Subjects("c")
    others = ["x"] * (len(FORMS[form]) - 1)
    try:
        subject = subjects.build(form, *others, text)
    except BadAddress:
        return
    assert not set(".*> \t\r\n\0") & set(text)
    assert subjects.parse(subject).parts[-1] == text


@given(st.text(max_size=80))
def test_any_text_is_a_subject_of_the_cluster_or_refused(text: str) -> None:
    subjects = Subjects("c")
    for candidate in (text, f"c.{text}", f"c.task.assign.{text}"):
        try:
            found = subjects.parse(candidate)
        except BadAddress:
            continue
        assert subjects.build(found.form, *found.parts) == candidate


def test_each_form_has_subjects_of_its_own() -> None:
    subjects = Subjects("c")
    built = {subjects.build(form, *("x" for _ in FORMS[form])) for form in FORMS}
    assert len(built) == len(FORMS)
    assert subjects.build("task.queue", "any", "counter") == "c.task.queue.any.counter"


def test_a_subject_of_another_cluster_is_refused() -> None:
    with pytest.raises(BadAddress):
        Subjects("a").parse(Subjects("b").build("heartbeat", "n1"))


def test_a_pattern_leaves_open_what_was_not_given() -> None:
    subjects = Subjects("c")
    assert subjects.every("heartbeat") == "c.heartbeat.*"
    assert subjects.every("task.result", "s1") == "c.task.result.s1.*"
    assert subjects.every("task.result") == "c.task.result.*.*"
    assert subjects.every("discovery.query") == "c.discovery.query"


def test_too_many_or_too_few_parts_are_refused() -> None:
    with pytest.raises(BadAddress, match="followed by sender and envelope, got 1"):
        Subjects("c").build("task.result", "x")


@pytest.mark.parametrize("name", ["", "A", "a.b", "a b", "-a", "a" * 33, ">", "*"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        Subjects(name)
