"""A connection to one node: commands on it, and files to it.

Owns that a command is words and never a line for a shell of our making, that what it says is bounded, and that it does not
outlive whoever waits for it. Who is connected to, and whether it is to be trusted, is decided in `reach`.
"""

from __future__ import annotations

import asyncio
import io
import re
import shlex
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from engine.cluster.outcome import NodeFailed

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection, SSHClientProcess, SSHReader

__all__ = ["OUTPUT_BYTES", "Done", "Remote", "said"]

#: Bytes that a command may say before it is ended as one that floods.
OUTPUT_BYTES = 8 * 1024 * 1024
#: Bytes that are read at a time.
CHUNK_BYTES = 65_536
#: Bytes of a file that are sent at a time.
COPY_BYTES = 1024 * 1024
#: Says the number of its process, then becomes the command: sshd passes no signals on to commands of root. It is the same for
#: every command, whose words stand behind it as they are. What is no command is named in them: `exec` of a shell would speak as
#: a shell, or take a word that begins with `-` for an option of its own.
BECOME = (
    'echo "engine-command $$" >&2',
    """case $1 in ""|-*) false;; *) command -v "$1" >/dev/null;; esac || { echo "there is no command '$1'" >&2; exit 127; }""",
    'exec "$@"',
)
NUMBERED = ("sh", "-c", "; ".join(BECOME), "sh")
_NUMBER = re.compile(rb"^engine-command ([1-9][0-9]{0,9})\n", re.MULTILINE)
#: Bytes that may be said by others before that number is.
BEFORE_BYTES = 65_536
#: Seconds that a command has to end after each of SIGTERM and SIGKILL.
END_S = 0.5
#: Characters of what a failed command said that are repeated in the reason.
SAID_CHARS = 300


class Done(NamedTuple):
    """A command that has ended. code: its exit code, 128 and the number of a signal that ended it."""

    code: int
    out: bytes
    err: bytes


class Remote:
    """A node that is connected."""

    def __init__(self, connection: SSHClientConnection) -> None:
        self.connection = connection
        self._home: str | None = None

    async def run(
        self,
        words: Sequence[str],
        *,
        stdin: bytes = b"",
        on_out: Callable[[bytes], None] | None = None,
        limit_bytes: int = OUTPUT_BYTES,
    ) -> Done:
        """Run a command to its end. on_out: takes what it prints, as it comes; that is neither kept nor bounded then.

        Raises NodeFailed (`flooded`, `lost`). Whoever cancels this ends the command on the node too.
        """
        import asyncssh

        try:
            process = await self.connection.create_process(shlex.join([*NUMBERED, *words]), encoding=None)
        except asyncssh.Error as error:
            raise NodeFailed(f"no command can be run there: {error.reason}", state="lost") from error
        heard = _Heard(on_out, limit_bytes)
        is_over = False
        try:
            await _talk(process, stdin, heard)
            is_over = True
        except (asyncssh.Error, ConnectionError) as error:
            raise NodeFailed(f"the connection was lost: {error}", state="lost", value=heard.done(-1)) from error
        except NodeFailed as flooded:
            flooded.value = heard.done(-1)
            raise
        finally:
            if not is_over:
                await self._end(process, heard)
            process.close()
        return heard.done(_code(process, heard))

    async def _end(self, process: SSHClientProcess[bytes], heard: _Heard) -> None:
        """See that a command ends, also one that does not want to, and one that has ended but for those that it began."""
        for number, end in ((signal.SIGTERM, process.terminate), (signal.SIGKILL, process.kill)):
            with suppress(OSError):
                end()
            with suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    await self._kill(number, heard.number, is_group=process.returncode is not None)
                    await process.wait_closed()
                    break

    async def _kill(self, number: signal.Signals, process: int | None, *, is_group: bool) -> None:
        """Send a signal to a process there, and to the group that it leads. is_group: it has ended, its group may not have."""
        import asyncssh

        if process is None:
            return
        words = ["kill", "-s", number.name.removeprefix("SIG"), "--", f"-{process}", str(process)]  # dash takes no -TERM --
        if is_group:  # while others are in it no process gets its number; if one has it, it is somebody else's
            words = ["sh", "-c", f"[ -e /proc/{process} ] || {shlex.join(words[:-1])}"]
        with suppress(asyncssh.Error, OSError):
            await self.connection.run(shlex.join(words), stdin=asyncssh.DEVNULL)

    async def checked(self, words: Sequence[str], *, stdin: bytes = b"", limit_bytes: int = OUTPUT_BYTES) -> bytes:
        """What a command prints that must succeed. Raises NodeFailed, with the last that it said."""
        done = await self.run(words, stdin=stdin, limit_bytes=limit_bytes)
        if done.code:
            raise NodeFailed(f"{words[0]} ended with {done.code}{said(done)}", state="failed", value=done)
        return done.out

    async def put(self, file: Path, place: str, begun_bytes: int = 0) -> int:
        """Copy a file to a whole path there; returns the bytes that were sent.

        begun_bytes: that are there already of it, behind which it goes on. Raises NodeFailed.
        """
        with file.open("rb") as source:
            source.seek(begun_bytes)
            return await self._send(source, place, "ab" if begun_bytes else "wb")

    async def write(self, content: bytes, place: str) -> int:
        """Have a file with this content at a whole path there; returns its bytes. Raises NodeFailed."""
        return await self._send(io.BytesIO(content), place, "wb")

    async def _send(self, source: BinaryIO, place: str, mode: str) -> int:
        import asyncssh

        sent = 0
        try:
            private = asyncssh.SFTPAttrs(permissions=0o600)
            async with self.connection.start_sftp_client() as sftp, sftp.open(place, mode, private) as target:
                while part := source.read(COPY_BYTES):
                    await target.write(part)
                    sent += len(part)
        except (asyncssh.Error, OSError) as error:
            said = f"{place} cannot be written there: {getattr(error, 'reason', '') or error}"
            raise NodeFailed(
                said, state="failed", mend="see that its sshd has the subsystem sftp, and its disk room"
            ) from error
        return sent

    async def home(self) -> str:
        """The home folder of the user there."""
        if self._home is None:
            found = (await self.checked(["printenv", "HOME"], limit_bytes=4_096)).decode(errors="replace").strip()
            if not found.startswith("/"):
                raise NodeFailed(f"its user has no home folder: HOME is {found!r:.80}", state="failed")
            self._home = found
        return self._home

    async def place(self, folder: str) -> str:
        """The whole path of a folder that may begin with `~/`."""
        return f"{await self.home()}/{folder[2:]}" if folder.startswith("~/") else folder


def said(done: Done) -> str:
    """What a command that failed said last, to stand behind a sentence."""
    lines = (done.err or done.out).decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:SAID_CHARS]}" if lines else ""


class _Heard:
    """What a command has said so far."""

    def __init__(self, on_out: Callable[[bytes], None] | None, limit_bytes: int) -> None:
        self._out = bytearray()
        self._err = bytearray()
        self._number: int | None = None
        self._on_out = on_out
        self._limit_bytes = limit_bytes

    @property
    def number(self) -> int | None:
        """Of its process there; None where it was not said."""
        return self._number

    def done(self, code: int) -> Done:
        return Done(code, bytes(self._out), bytes(self._err))

    def out(self, part: bytes) -> None:
        if self._on_out is not None:
            self._on_out(part)
        else:
            self._keep(self._out, part)

    def err(self, part: bytes) -> None:
        self._keep(self._err, part)
        if self._number is None and len(self._err) <= BEFORE_BYTES and (found := _NUMBER.search(self._err)):
            self._number = int(found[1])
            del self._err[found.start() : found.end()]

    def _keep(self, kept: bytearray, part: bytes) -> None:
        left = self._limit_bytes - len(self._out) - len(self._err)
        kept += part[:left]
        if len(part) > left:
            limit = f"{self._limit_bytes:,} bytes"
            raise NodeFailed(f"it printed more than {limit} and was ended", state="flooded")


async def _talk(process: SSHClientProcess[bytes], stdin: bytes, heard: _Heard) -> None:
    """Feed a command and hear it to its end."""
    tasks = [
        asyncio.ensure_future(part)
        for part in (_feed(process, stdin), _hear(process.stdout, heard.out), _hear(process.stderr, heard.err))
    ]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await process.wait_closed()


async def _feed(process: SSHClientProcess[bytes], stdin: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionError):
        for at in range(0, len(stdin), CHUNK_BYTES):
            process.stdin.write(stdin[at : at + CHUNK_BYTES])
            await process.stdin.drain()
        process.stdin.write_eof()


async def _hear(reader: SSHReader[bytes], take: Callable[[bytes], None]) -> None:
    while part := await reader.read(CHUNK_BYTES):
        take(part)


def _code(process: SSHClientProcess[bytes], heard: _Heard) -> int:
    code = process.returncode
    if code is None:
        raise NodeFailed("the connection was lost before it ended", state="lost", value=heard.done(-1))
    return code if code >= 0 else 128 - code
