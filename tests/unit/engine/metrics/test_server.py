"""Pages over HTTP: what is asked for, what there is not, and clients that behave badly."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from threading import Event, Thread

import pytest

from engine.metrics.page import Page
from engine.metrics.server import AT_ONCE, Server
from tests.support.counts import stats


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server("127.0.0.1", 0, Page(stats))
    thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join(5)


def fetched(server: Server, path: str, method: str = "GET", within_s: float = 5, **headers: str) -> tuple[int, str, str]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=within_s)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def test_the_page_is_at_its_path(server: Server) -> None:
    status, content_type, text = fetched(server, "/metrics?x=1")
    assert (status, content_type.split(";")[0]) == (200, "text/plain")
    assert "engine_tasks_accepted_total 70.0" in text


def test_what_a_client_reads_is_what_it_gets(server: Server) -> None:
    _, content_type, text = fetched(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/metric", 404), ("/metrics/x", 404), ("/../etc/passwd", 404)])
def test_there_is_nothing_else(server: Server, path: str, status: int) -> None:
    found, _, text = fetched(server, path)
    assert found == status
    assert "/metrics" in text


def test_a_head_has_no_body(server: Server) -> None:
    assert fetched(server, "/metrics", "HEAD")[2] == ""


def test_nothing_can_be_posted(server: Server) -> None:
    assert fetched(server, "/metrics", "POST")[0] == 501


def test_a_client_that_says_nothing_holds_up_nobody(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as silent, socket.create_connection(("127.0.0.1", server.port)):
        silent.sendall(b"GET /met")
        assert fetched(server, "/metrics")[0] == 200


def test_a_port_that_is_taken_is_an_error(server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        Server("127.0.0.1", server.port, Page(stats))


def test_any_number_of_slow_clients_hold_up_nobody(server: Server) -> None:
    with ExitStack() as stack:
        for at in range(100):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            slow.sendall(b"GET /metrics HTTP/1.1\r\nHos"[: 1 + at % 26])
        assert fetched(server, "/metrics", within_s=20)[0] == 200


def test_those_who_wait_for_an_engine_that_is_away_get_one_page(server: Server) -> None:
    begun, gone_on, made = Event(), Event(), []

    def asked() -> None:
        made.append(1)
        begun.set()
        assert gone_on.wait(20)

    server._page = Page(asked)
    with ThreadPoolExecutor(6) as clients:
        first = clients.submit(fetched, server, "/metrics", within_s=30)
        assert begun.wait(20)
        others = [clients.submit(fetched, server, "/metrics", within_s=30) for _ in range(5)]
        while len(server._slow) or server._room._value > AT_ONCE - 6:  # all have asked
            time.sleep(0.01)
        gone_on.set()
        texts = [one.result()[2] for one in (first, *others)]
    assert len(set(texts)) == 1
    assert len(made) <= 3  # the one that was being made, one for all who asked meanwhile, and one who was just about to
