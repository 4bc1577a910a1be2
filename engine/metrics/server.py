"""A page of metrics over HTTP, for whoever fetches it.

Owns the listening socket, the two paths that there are, and that who is slow holds up nobody: where there is no room for
another connection, the one that has stood still for the longest goes. It is a process of its own: whoever fetches pages,
however often, is seen by the engine as one client that asks for `stats`.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Lock
from typing import Any

from engine.metrics.page import Page

__all__ = ["Server"]

#: Seconds that a client may stand still, and connections at once.
REQUEST_S, AT_ONCE = 10.0, 16
HOME = b"The metrics of an engine are at /metrics\n"


class Server(ThreadingHTTPServer):
    """Serves pages until the process ends. host, port: where; port 0 takes a free one.  Raises OSError."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, page: Page) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._page = page
        self._turn = Lock()
        #: The page that was made last: for which Accept, when it was begun, and it.
        self._made: tuple[str, float, tuple[bytes, str]] | None = None
        self._room = BoundedSemaphore(AT_ONCE)
        self._slow_turn = Lock()
        #: Connections that wait for their clients, by the number of each one's socket, the oldest first.
        self._slow: dict[int, socket.socket] = {}
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection; where there is no room, in place of the slowest."""
        if not self._room.acquire(blocking=False):
            self._end_slowest()
            self._room.acquire()
        self.waits(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve it in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def shutdown_request(self, request: Any) -> None:
        """A connection is over."""
        self.works(request)
        super().shutdown_request(request)

    def waits(self, connection: socket.socket) -> None:
        """From now on its client is waited for."""
        with self._slow_turn:
            self._slow[id(connection)] = connection

    def works(self, connection: socket.socket) -> None:
        """Its client is not waited for any more."""
        with self._slow_turn:
            self._slow.pop(id(connection), None)

    def _end_slowest(self) -> None:
        with self._slow_turn:
            for connection in self._slow.values():
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)  # its thread sees the end, and makes room
                del self._slow[id(connection)]
                return

    def text(self, accepted: str) -> tuple[bytes, str]:
        """The page, as `Page.text` has it. Of those who ask while one is made, all get the next one."""
        asked_s = time.monotonic()
        with self._turn:
            if self._made is None or self._made[0] != accepted or self._made[1] < asked_s:
                self._made = accepted, time.monotonic(), self._page.text(accepted)
            return self._made[2]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away harms nobody."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = REQUEST_S
    server_version = "engine-metrics"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.server.works(self.connection)
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._send(200, *self.server.text(self.headers.get("Accept", "")))
        elif path == "/":
            self._send(200, HOME, "text/plain; charset=utf-8")
        else:
            self._send(404, b"there is nothing here; see /metrics\n", "text/plain; charset=utf-8")

    def _send(self, status: int, body: bytes, content_type: str) -> None:
        self.server.waits(self.connection)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is told of each page."""
