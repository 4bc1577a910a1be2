"""The dashboard in a browser, on this machine alone.

Owns who may see it: whoever has the address with its secret, from a page of this server. A port of the loopback is open to
every user of a machine and to every page in a browser, and who sees the dashboard can stop the engine.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import shlex
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

__all__ = ["HOST", "WebMonitor", "serve"]

#: The one address that is listened at.
HOST = "127.0.0.1"
#: Bytes of the secret, and the name of the cookie that carries it once the page was opened.
SECRET_BYTES, COOKIE = 32, "engine_monitor"
#: Where its page is: one that loads nothing from elsewhere, so that it works without a network and nobody else hears of it.
PAGE = Path(__file__).parent / "page"
#: What a browser is told of each answer: to tell nobody the address, to load from here alone, to stand in no other's page.
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
#: Signals that end it, each with 128 and its number as the exit code.
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Seconds that those who look have to take their leave.
PARTING_S = 2.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebMonitor(Server):
    """Runs a command for each visitor and shows its terminal. secret: what the address must carry."""

    def __init__(self, words: Sequence[str], port: int, secret: str) -> None:
        super().__init__(shlex.join(words), host=HOST, port=port, title="engine monitor", templates_path=PAGE)
        self._secret = secret

    @property
    def address(self) -> str:
        """What to open."""
        return f"{self.public_url}/?token={self._secret}"

    def initialize_logging(self) -> None:
        """Nothing is logged: an address would carry the secret."""

    async def on_startup(self, _app: web.Application) -> None:
        """Nothing is said before somebody can connect."""

    async def run(self, listener: socket.socket) -> int:
        """Serve at a socket until a signal; returns the exit code that it means."""
        loop, ending = asyncio.get_running_loop(), asyncio.Event()
        codes: list[int] = []

        def end(number: int) -> None:
            codes.append(128 + number)
            ending.set()

        for number in ENDINGS:
            loop.add_signal_handler(number, end, number)
        runner = web.AppRunner(await self._make_app(), handle_signals=False, shutdown_timeout=PARTING_S)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            print(f"the dashboard is at {self.address}\nCtrl-C ends it", file=sys.stderr, flush=True)
            await ending.wait()
        finally:
            await runner.cleanup()
        return codes[0]

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let through who has the secret and comes from a page of ours."""
        origin = request.headers.get("Origin")
        if request.headers.get("Host") != f"{HOST}:{self.port}" or origin not in (None, self.public_url):
            raise web.HTTPForbidden(text=f"open it as {self.public_url}, from its own page")
        token = request.query.get("token", "")
        if not any(
            hmac.compare_digest(said.encode(), self._secret.encode()) for said in (token, request.cookies.get(COOKIE, ""))
        ):
            raise web.HTTPForbidden(text="the address has a token, as engine monitor --web has printed it")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
            if token:
                response.set_cookie(COOKIE, self._secret, httponly=True, samesite="Strict")
        return response


def serve(words: Sequence[str], port: int) -> int:
    """Serve the terminal of a command until Ctrl-C; returns the exit code. Raises OSError where the port is taken."""
    with socket.create_server((HOST, port)) as listener:
        return asyncio.run(WebMonitor(words, port, secrets.token_urlsafe(SECRET_BYTES)).run(listener))
