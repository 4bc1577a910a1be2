"""A topic keeps the newest messages under their offsets and sends each one to everybody who hears."""

from __future__ import annotations

from typing import Any

import pytest

from engine.kinds import topic
from engine.kinds.topic import KEPT_BYTES, MESSAGES, SUBSCRIBERS, TOPIC_BYTES, VALUE_BYTES, Topic
from pools.context import Context
from pools.errors import AgentFull, BadAddress, BadArgument
from pools.kind import Kind
from pools.spec import OUTBOX_MESSAGES
from tests.support.clocks import Clock
from tests.support.rigs import Office

KIND = Kind(Topic)


class Stage:
    """A topic, and what each of its tasks sends."""

    def __init__(self) -> None:
        self.topic: Any = KIND.make("news")
        self.sent: list[Any] = []

    def publish(self, value: Any, sender: str | None = None) -> int:
        ctx = self._ctx()
        offset: int = self.topic.publish(value, ctx, sender)
        self.sent = ctx.outbox
        return offset

    def subscribe(self, agent: str, method: str = "hear", since: int | None = None) -> dict[str, int]:
        ctx = self._ctx()
        said: dict[str, int] = self.topic.subscribe(agent, method, ctx, since)
        self.sent = ctx.outbox
        return said

    @staticmethod
    def _ctx() -> Context:
        kind = Kind(Topic)
        return Context(Office(), kind, kind.make("news"), "1.0")

    def heard(self) -> list[tuple[str, str, int]]:
        """Who was sent what: address, method and offset."""
        return [(address, method, argument[0]["offset"]) for _, address, method, argument in self.sent]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(Topic, "_clock", Clock().s)
    return Stage()


def test_a_subscriber_gets_one_object_that_says_everything(stage: Stage) -> None:
    assert stage.subscribe("book/1", "write") == {"next": 0, "missed": 0}
    assert stage.publish({"a": 1}, "scout/a") == 0
    message = {"topic": "news", "offset": 0, "ts": 1.0, "from": "scout/a", "value": {"a": 1}}
    assert stage.sent == [("tell", "book/1", "write", [message])]
    assert stage.publish(5) == 1
    assert stage.topic.replay() == {
        "messages": [message, message | {"offset": 1, "from": None, "value": 5}],
        "next": 2,
        "missed": 0,
    }


def test_everybody_hears_of_each_message_and_who_left_hears_no_more(stage: Stage) -> None:
    for agent in ("book/1", "book/2"):
        stage.subscribe(agent)
    stage.publish("x")
    assert stage.heard() == [("book/1", "hear", 0), ("book/2", "hear", 0)]
    assert (stage.topic.unsubscribe("book/1"), stage.topic.unsubscribe("book/1")) == (True, False)
    stage.subscribe("book/2", "other")
    assert stage.topic.subscribers() == [{"agent": "book/2", "method": "other"}]
    stage.publish("y")
    assert stage.heard() == [("book/2", "other", 1)]


def test_a_late_subscriber_gets_what_is_kept_from_where_it_says_and_is_told_what_is_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic, "MESSAGES", 4)
    for number in range(10):
        stage.publish(number)
    assert stage.subscribe("book/1", since=8) == {"next": 10, "missed": 0}
    assert stage.heard() == [("book/1", "hear", 8), ("book/1", "hear", 9)]
    assert stage.subscribe("book/2", since=0) == {"next": 10, "missed": 6}
    assert [offset for _, _, offset in stage.heard()] == [6, 7, 8, 9]
    assert stage.subscribe("book/3", since=10) == {"next": 10, "missed": 0}
    assert (stage.heard(), len(stage.topic.listeners)) == ([], 3)


def test_messages_are_read_in_pages(stage: Stage) -> None:
    for number in range(25):
        stage.publish(number)
    seen, since = [], 0
    while (page := stage.topic.replay(since, 10))["messages"]:
        seen += [message["value"] for message in page["messages"]]
        since = page["next"]
    assert (seen, since) == (list(range(25)), 25)


def test_the_oldest_messages_go_when_there_are_too_many_or_too_large(stage: Stage) -> None:
    for number in range(MESSAGES + 5):
        stage.publish(number)
    size = stage.topic.size()
    assert (size["messages"], size["first"], size["next"]) == (MESSAGES, 5, MESSAGES + 5)
    assert stage.topic.replay(0, 1)["missed"] == 5
    stage = Stage()
    for _ in range(KEPT_BYTES // VALUE_BYTES + 20):
        stage.publish("x" * (VALUE_BYTES - 2))
    size = stage.topic.size()
    assert KEPT_BYTES - 2 * VALUE_BYTES < size["bytes"] <= KEPT_BYTES
    assert size["next"] - size["first"] == size["messages"]


def test_a_publish_records_its_message_and_what_goes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic, "MESSAGES", 50)
    for _ in range(50):
        stage.publish("x" * 100)
    stage.topic._committed = KIND.commit(stage.topic)
    stage.publish("new")
    messages = dict(zip(KIND.names, KIND.commit(stage.topic), strict=True))["messages"]
    assert (list(messages.puts), messages.gone) == (["50"], ["0"])


def test_so_many_may_hear(stage: Stage) -> None:
    for number in range(SUBSCRIBERS):
        stage.subscribe(f"book/{number}")
    with pytest.raises(AgentFull, match="topic/news has 256 subscribers"):
        stage.subscribe("book/more")
    stage.subscribe("book/7", "other")
    stage.publish(1)
    assert len(stage.heard()) == SUBSCRIBERS


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda stage: stage.subscribe("book"), BadAddress),
        (lambda stage: stage.subscribe("Book/1"), BadAddress),
        (lambda stage: stage.subscribe("topic/news", "publish"), BadArgument),
        (lambda stage: stage.subscribe("book/1", "no method"), BadArgument),
        (lambda stage: stage.subscribe("book/1", since=-1), BadArgument),
        (lambda stage: stage.subscribe("book/1", since=2), BadArgument),
        (lambda stage: stage.topic.replay(2), BadArgument),
        (lambda stage: stage.topic.replay(0, 0), BadArgument),
        (lambda stage: stage.topic.replay(0, MESSAGES + 1), BadArgument),
        (lambda stage: stage.publish("x" * VALUE_BYTES), BadArgument),
    ],
)
def test_what_cannot_be_is_refused(stage: Stage, call: Any, error: type[Exception]) -> None:
    stage.publish(1)
    with pytest.raises(error):
        call(stage)


def test_what_one_task_sends_and_a_topic_holds_is_within_the_limits_of_all_agents(stage: Stage) -> None:
    assert max(SUBSCRIBERS, MESSAGES) <= OUTBOX_MESSAGES
    for number in range(SUBSCRIBERS):
        stage.subscribe(f"book/{number:x>120}", "m" * 100)
    for _ in range(KEPT_BYTES // VALUE_BYTES):
        stage.publish("x" * (VALUE_BYTES - 2))
    KIND.commit(stage.topic)
    assert len(KIND.save(stage.topic)) < TOPIC_BYTES
