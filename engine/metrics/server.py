"""A page of metrics over HTTP, for whoever fetches it.

Owns the listening socket and the two paths that there are. It is a process of its own: nobody who fetches pages, however slowly
or often, is seen by the engine as more than one client that asks for `stats`.
"""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Lock
from typing import Any

from engine.metrics.page import Page

__all__ = ["Server"]

#: Seconds that a client may take for its request, and connections at once; more wait in the kernel.
REQUEST_S, AT_ONCE = 10.0, 16
HOME = b"The metrics of an engine are at /metrics\n"


class Server(ThreadingHTTPServer):
    """Serves pages until the process ends. host, port: where; port 0 takes a free one.  Raises OSError."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, page: Page) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.page = page
        #: One page is made at a time.
        self.turn = Lock()
        self._room = BoundedSemaphore(AT_ONCE)
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection, once there is room for it."""
        self._room.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve it in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

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
        path = self.path.partition("?")[0]
        if path == "/metrics":
            with self.server.turn:
                body, content_type = self.server.page.text(self.headers.get("Accept", ""))
            self._send(200, body, content_type)
        elif path == "/":
            self._send(200, HOME, "text/plain; charset=utf-8")
        else:
            self._send(404, b"there is nothing here; see /metrics\n", "text/plain; charset=utf-8")

    def _send(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is told of each page."""
