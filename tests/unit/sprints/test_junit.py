"""Failures in a JUnit report become tasks; what a report could do to its reader it cannot do here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sprints.errors import BadImport
from sprints.junit import DETAIL_CHARS, read_junit

REPORT = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" tests="4">
  <testcase classname="tests.test_a" name="test_passes" time="0.1"/>
  <testcase classname="tests.test_a" name="test_fails" file="tests/test_a.py" line="7" time="0.1">
    <failure message="assert 1 == 2">def test_fails():
&gt;       assert 1 == 2 &amp; more</failure>
  </testcase>
  <testcase classname="tests.test_a" name="test_fails"><failure message="again"/></testcase>
  <testcase name="test_breaks"><error type="OSError"><![CDATA[no <disk>]]></error><system-out>noise</system-out></testcase>
  <testcase name="test_skipped"><skipped message="not today"/></testcase>
</testsuite></testsuites>
"""


def rows(document: bytes) -> list[dict[str, Any]]:
    return read_junit(document, role="dev", method="mend")


def test_each_test_that_did_not_pass_is_a_task_once() -> None:
    assert rows(REPORT) == [
        {
            "id": "mend-tests.test_a-test_fails", "title": "Mend tests.test_a::test_fails", "role": "dev", "method": "mend",
            "args": {
                "test": "tests.test_a::test_fails", "message": "assert 1 == 2",
                "detail": "def test_fails():\n>       assert 1 == 2 & more", "file": "tests/test_a.py", "line": "7",
            },
            "priority": "normal", "bug": "tests.test_a::test_fails",
        },
        {
            "id": "mend-test_breaks", "title": "Mend test_breaks", "role": "dev", "method": "mend",
            "args": {"test": "test_breaks", "message": "OSError", "detail": "no <disk>"},
            "priority": "high", "bug": "test_breaks",
        },
    ]  # fmt: skip


def test_of_a_long_failure_the_end_is_kept() -> None:
    document = f"<testsuite><testcase name='t'><failure>{'x' * 9_999}END</failure></testcase></testsuite>".encode()
    detail = rows(document)[0]["args"]["detail"]
    assert (len(detail), detail[-3:]) == (DETAIL_CHARS, "END")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "not XML: no element found"),
        (b"<testsuite>\n<testcase></testsuite>", "line 2: not XML: mismatched tag"),
        (b"<html></html>", "not a report of JUnit"),
        (b"<testsuite><testcase name='a'/></testsuite>", "no test failed"),
        (b"<testsuite><testcase><failure/></testcase></testsuite>", "line 1: a <testcase> without a name"),
        (b"<testsuite>" + b"<a>" * 40 + b"</a>" * 40 + b"</testsuite>", "more than 32 elements within each other"),
        (
            b'<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "c">]><testsuite>&b;</testsuite>',
            "line 2: a document type is not read",
        ),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><testsuite/>', "a document type is not read"),
        (b"<testsuite>\xff</testsuite>", "not XML"),
    ],
)
def test_what_is_no_report_is_refused(document: bytes, said: str) -> None:
    with pytest.raises(BadImport, match=said):
        rows(document)


@given(st.binary(max_size=200), st.integers(0, len(REPORT)))
def test_no_damage_makes_another_error(noise: bytes, at: int) -> None:
    try:
        rows(REPORT[:at] + noise + REPORT[at:])
    except BadImport as wrong:
        assert str(wrong)


@pytest.mark.parametrize("encoding", [b"utf-88", b"hex", b"utf-32"])
def test_an_encoding_that_cannot_be_read_is_told(encoding: bytes) -> None:
    with pytest.raises(BadImport, match="not XML"):
        rows(REPORT.replace(b"utf-8", encoding, 1))
