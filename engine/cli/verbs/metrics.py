"""`engine metrics`: what is counted, for Prometheus."""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentTypeError, Namespace
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import errors
from engine.cli.misuse import Misuse
from engine.cli.output import hint, show_document
from engine.cli.parser import About, Parser, amount
from engine.cli.session import environment, name_of
from engine.errors import Unavailable

if TYPE_CHECKING:
    from engine.metrics.page import Page

__all__ = ["ABOUT", "add_arguments", "run"]

SCHEMA = "engine.metrics/v1"
#: Where pages are served unless it is said: the port that exporters of this sort have by custom.
LISTEN = "127.0.0.1:9464"
#: Seconds between two pages in a file, and the least that may be asked for.
EVERY_S, LEAST_S = 15.0, 0.1
#: Who may read a file of metrics: node_exporter is another user.
MODE = 0o644

ABOUT = About(
    usage="[--listen [HOST:PORT] [--remote]] [--json]\n  engine metrics --file PATH [--every SECONDS]",
    text="""\
Prints everything counted in the form that Prometheus reads, once. With --listen it serves that at /metrics until Ctrl-C, with
--file it writes it to a file again and again, as a whole each time, for node_exporter's textfile collector (the name ends with
.prom); while that cannot be written, as on a full disk, the one before stays and it is tried again. It is a client of the
engine like any other: while the engine is away, engine_up is 0 and nothing else is said; when it is back it goes on. Only this
machine can reach what --listen serves, unless its address is another's and --remote is given: there is no password.""",
    examples="""\
  engine metrics | grep tasks
  engine metrics --listen
  engine metrics --listen 127.0.0.1:9500
  engine metrics --file /var/lib/node_exporter/engine.prom --every 15
""",
)


def add_arguments(parser: Parser) -> None:
    """Where to, and how often."""
    parser.add_argument(
        "--listen", nargs="?", const=LISTEN, type=_address, metavar="HOST:PORT", help=f"serve it over HTTP ({LISTEN})"
    )
    parser.add_argument("--remote", action="store_true", help="allow an address that other machines reach")
    parser.add_argument("--file", dest="path", metavar="PATH", help="write it to a file")
    parser.add_argument("--every", type=_interval, metavar="SECONDS", help=f"how often the file is written ({EVERY_S:g})")
    parser.offer(path="files")


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise ArgumentTypeError(f"{text!r} is no address such as {LISTEN}")
    return host, int(port)


def _interval(text: str) -> float:
    seconds: float = amount("parse_seconds")(text)
    if seconds < LEAST_S:
        raise ArgumentTypeError(f"{text!r} is too often: give {LEAST_S:g} or more seconds")
    return seconds


def run(options: Namespace) -> int:
    """Print, serve or write them."""
    if options.listen is not None and options.path is not None:
        raise Misuse("--listen and --file exclude each other: start two of them")
    if options.every is not None and options.path is None:
        raise Misuse("--every says how often --file PATH is written")
    environ = environment()
    name = name_of(options, environ)
    from engine.metrics.page import Page, ask

    if options.json:
        return _document(options, ask(name, environ))
    page = Page(lambda: ask(name, environ))
    if options.listen is not None:
        return _serve(options, page)
    if options.path is not None:
        return _write(options, page)
    body, _ = page.text()
    print(body.decode(), end="")
    return errors.DONE if page.is_up else errors.AGAIN


def _document(options: Namespace, stats: Any) -> int:
    """Print them as a document."""
    from engine.metrics.catalogue import samples_of

    found = [
        {"name": metric.name, "type": metric.kind, "labels": dict(zip(metric.labels, labels, strict=True)), "value": value}
        for metric, samples in samples_of(stats)
        for labels, value in samples
    ]
    show_document(options, {"schema": SCHEMA, "metrics": found}, "metrics")
    return errors.AGAIN if stats is None else errors.DONE


def _serve(options: Namespace, page: Page) -> int:
    from engine.metrics.server import Server

    host, port = options.listen
    if not options.remote and not _is_own(host):
        raise Misuse(f"{host} can be reached from other machines, and there is no password; give --remote if that is meant")
    try:
        server = Server(host, port, page)
    except OSError as error:
        raise Unavailable(f"unavailable: {host}:{port}: {error.strerror or error}; give another with --listen") from error
    with server:
        at = f"[{host}]" if ":" in host else host
        hint(options, f"http://{at}:{server.port}/metrics, until Ctrl-C")
        server.serve_forever()
    return errors.DONE


def _is_own(host: str) -> bool:
    """Whether only this machine reaches an address."""
    from ipaddress import ip_address

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _write(options: Namespace, page: Page) -> int:
    """Write the file until the process is ended; what stops it later than at first, such as a full disk, is waited out."""
    path, every_s = Path(options.path), options.every or EVERY_S
    if path.exists() and not path.is_file():
        raise Misuse(f"{path} is no file; it would be replaced by one")
    path = path.resolve()  # a link stays one
    said = ""
    due_s = time.monotonic()
    for is_first in chain((True,), repeat(False)):
        body, _ = page.text()
        try:
            _replace(path, body)
        except OSError as error:
            wrong = f"{path} cannot be written: {error.strerror or error}"
            if is_first:
                raise Unavailable(wrong) from error
        else:
            wrong = ""
        if wrong != said:
            again = f"{path} is written again"
            print(f"engine: {wrong}; what it has is old, it is tried again" if wrong else f"engine: {again}", file=sys.stderr)
            said = wrong
        due_s = max(due_s + every_s, time.monotonic())
        time.sleep(max(due_s - time.monotonic(), 0.0))
    return errors.DONE


def _replace(path: Path, body: bytes) -> None:
    """Write a file as a whole: who reads it sees what was there before, or all of this."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")  # of a name that no collector reads
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, MODE)
            file.write(body)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
