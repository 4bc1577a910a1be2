"""The decisions of one candidate for the lead."""

from __future__ import annotations

import orjson
import pytest

from engine.cluster.lease import DRIFT, Entry, Lease, Term, read_entry, unreadable
from engine.cluster.records import BadRecord
from engine.errors import ConfigError


def other(revision: int, term: int = 0, holder: str = "other") -> Entry:
    return Entry(revision, holder, term, 1)


def test_who_comes_first_leads_from_the_moment_it_asked() -> None:
    lease = Lease("me", Term())
    wanted = lease.look(None, 100.0)
    assert wanted is not None
    assert wanted.last == 0
    assert lease.token(100.0) is None
    lease.written(wanted.number, 7, 104.0)
    assert lease.token(104.0) == 7
    assert lease.token(100.0 + 10.0 * (1 - DRIFT)) is None


def test_another_is_waited_for_as_long_as_it_counts_on_its_lease() -> None:
    lease = Lease("me", Term(3.0, 1.0))
    long = Entry(5, "other", 0, 1, 20.0)
    assert lease.look(long, 0.0) is None
    assert lease.look(long, 19.9) is None
    assert lease.look(unreadable(6), 19.9) is None
    assert lease.look(unreadable(6), 39.8) is None
    assert lease.look(unreadable(6), 39.9) is not None
    mine = Lease("me", Term(20.0, 6.0))
    wanted = mine.look(None, 0.0)
    assert wanted is not None
    assert read_entry(7, wanted.data).lease_s == 20.0
    mine.written(wanted.number, 7, 0.0)
    mine.term = Term(3.0, 1.0)
    assert mine.look(mine.seen, 1.0) is not None, "it is renewed, for less"
    assert mine.token(3.8) == 7
    assert mine.token(4.0) is None, "others may go by the shorter one"
    for wrong in (-1, 1e9, "x", None):
        with pytest.raises(BadRecord):
            read_entry(7, orjson.dumps({"holder": "a", "term": 0, "number": 1, "lease_s": wrong}))


def test_a_term_keeps_its_token_while_it_is_renewed() -> None:
    lease = Lease("me", Term())
    for number, revision in ((1, 7), (2, 8), (3, 12)):
        wanted = lease.look(lease.seen, 3.0 * number)
        assert wanted is not None
        lease.written(wanted.number, revision, 3.0 * number)
        assert lease.token(3.0 * number) == 7
        assert read_entry(revision, wanted.data).token == 7


def test_another_is_followed_after_a_whole_lease_without_a_sign_and_not_before() -> None:
    lease = Lease("me", Term())
    assert lease.look(other(5), 100.0) is None
    assert lease.look(other(6, 5), 105.0) is None
    assert lease.look(other(6, 5), 114.9) is None
    wanted = lease.look(other(6, 5), 115.0)
    assert wanted is not None
    assert wanted.last == 6
    lease.written(wanted.number, 9, 115.1)
    assert lease.token(115.1) == 9


def test_who_gave_the_lease_back_is_followed_at_once_but_by_those_who_let_others_go_first() -> None:
    assert Lease("me", Term()).look(other(5, holder=""), 0.0) is not None
    patient = Lease("me", Term(extra_s=3.0))
    assert patient.look(other(5, holder=""), 0.0) is None
    assert patient.look(other(5, holder=""), 3.0) is not None


def test_a_write_whose_answer_was_lost_is_found_by_the_next_look() -> None:
    lease = Lease("me", Term())
    wanted = lease.look(None, 100.0)
    assert wanted is not None
    again = lease.look(read_entry(4, wanted.data), 103.0)
    assert lease.token(103.0) == 4
    assert again is not None
    assert again.last == 4


def test_who_released_leads_no_more_whatever_arrives() -> None:
    lease = Lease("me", Term())
    wanted = lease.look(None, 0.0)
    assert wanted is not None
    lease.written(wanted.number, 1, 0.0)
    released = lease.release(1.0)
    assert released is not None
    assert read_entry(2, released.data).holder == ""
    assert lease.token(1.0) is None
    assert lease.look(read_entry(1, wanted.data), 2.0) is None
    lease.written(wanted.number, 3, 2.0)
    assert lease.token(2.0) is None


def test_who_sees_another_leads_no_more() -> None:
    lease = Lease("me", Term())
    wanted = lease.look(None, 0.0)
    assert wanted is not None
    lease.written(wanted.number, 1, 0.0)
    assert lease.look(other(2), 1.0) is None
    assert lease.token(1.0) is None
    assert lease.release(1.0) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"1",
        b'{"holder":"a","term":-1,"number":1}',
        b'{"holder":"a b","term":0,"number":1}',
        b'{"holder":"a","term":9,"number":1}',
        b'{"holder":1,"term":0,"number":1}',
        b'{"holder":"a","term":true,"number":1}',
    ],
)
def test_an_entry_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(BadRecord):
        read_entry(5, data)


def test_what_cannot_be_read_is_followed_after_a_whole_lease_and_ends_the_lead_of_who_had_it() -> None:
    lease, leader = Lease("me", Term()), Lease("other", Term())
    wanted = leader.look(None, 95.0)
    assert wanted is not None
    leader.written(wanted.number, 5, 95.0)
    assert leader.token(96.0) == 5
    assert leader.look(unreadable(6), 96.0) is None
    assert leader.token(96.0) is None
    lease.look(other(5), 95.0)
    assert lease.look(unreadable(6), 96.0) is None
    assert lease.look(unreadable(6), 105.9) is None
    wanted = lease.look(unreadable(6), 106.0)
    assert wanted is not None
    assert wanted.last == 6
    lease.written(wanted.number, 7, 106.0)
    assert lease.token(106.0) == 7


def test_a_lease_that_is_looked_at_too_seldom_is_refused() -> None:
    with pytest.raises(ConfigError, match="check_s is below half of lease_s"):
        Term(lease_s=6.0, check_s=3.0)
