"""Which host keys are trusted, and the line that makes one so.

Owns the files in which keys of hosts are looked up. A host whose key is in none of them is not spoken to, whatever ssh's own
configuration says about not looking; a key that one of them revokes is never trusted; no key is ever added unless a person says
so.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cluster.clusterfile import Ssh
from engine.cluster.outcome import NodeFailed

if TYPE_CHECKING:
    from asyncssh import SSHKey

__all__ = ["REVOKED", "KnownHosts", "add", "files_of", "place_of"]

#: Where keys of hosts stand for everybody on this machine.
GLOBAL = Path("/etc/ssh/ssh_known_hosts")
#: The mode of a file of them that is made here, and of its folder.
FILE_MODE, FOLDER_MODE = 0o600, 0o700
#: The port of which a host's name says nothing.
PORT = 22
#: What stands before a line whose key is never to be trusted.
REVOKED = "@revoked"


def files_of(ssh: Ssh, configured: Sequence[str]) -> list[str]:
    """The files that say whom to trust; those that exist, the first of them being the one that is written.

    configured: those that ssh's own configuration names.
    """
    if ssh.known_hosts is not None:
        named = [ssh.known_hosts]
    else:
        named = [Path(one).expanduser() for one in configured] or [Path("~/.ssh/known_hosts").expanduser(), GLOBAL]
    return [str(file) for file in named if file.is_file() and os.access(file, os.R_OK)]


def place_of(host: str, port: int) -> str:
    """A host as these files name it."""
    return host if port == PORT else f"[{host}]:{port}"


class KnownHosts:
    """What some files say. Raises NodeFailed, which names the line, for one that cannot be read: it may be one that revokes."""

    def __init__(self, files: Sequence[str]) -> None:
        import asyncssh

        parts = {file: Path(file).read_bytes() for file in files}
        try:
            text = "\n".join(part.decode() for part in parts.values())
            self._all = asyncssh.import_known_hosts(text)
        except ValueError as wrong:
            for file, part in parts.items():
                _check(file, part)
            raise NodeFailed(f"{', '.join(files)}: {wrong}", state="untrusted") from wrong
        revoked = [line.strip().removeprefix(REVOKED) for line in text.splitlines() if line.strip().startswith(REVOKED)]
        self._revoked = asyncssh.import_known_hosts("\n".join(revoked))

    def __call__(self, host: str, addr: str, port: int | None) -> tuple[list[SSHKey], list[SSHKey], list[SSHKey]]:
        """The keys, the authorities and the revoked keys of a host, whether they are its keys now or not."""
        place = None if port == PORT else port
        keys, authorities, *_ = self._all.match(host, addr, place)
        revoked = [key for each in {place, None} for key in self._revoked.match(host, addr, each)[0]]
        return list(keys), list(authorities), revoked

    def keys(self, host: str, port: int) -> list[SSHKey]:
        """Those that are known of a host, and those who may vouch for it."""
        keys, authorities, _ = self(host, "", port)
        return [*keys, *authorities]

    def algorithms(self, host: str, port: int) -> list[str]:
        """What a host is asked for, so that it shows a key that can be compared; none where none is known."""
        if self(host, "", port)[1]:
            return []
        return list(dict.fromkeys(one.decode() for key in self.keys(host, port) for one in key.sig_algorithms))

    def has_revoked(self, host: str, port: int, key: SSHKey) -> bool:
        """Whether a key of a host is never to be trusted."""
        return key in self(host, "", port)[2]


def _check(file: str, data: bytes) -> None:
    """Raises NodeFailed for the first line that is none of keys of hosts."""
    import asyncssh

    for number, line in enumerate(data.splitlines(), 1):
        try:
            asyncssh.import_known_hosts(line.decode())
        except ValueError as wrong:
            said = "it is no text" if isinstance(wrong, UnicodeDecodeError) else str(wrong)
            raise NodeFailed(
                f"{file}:{number} cannot be read as keys of hosts: {said[:80]}",
                state="untrusted",
                mend=f"see what stands in line {number} of {file}, and take it out",
            ) from wrong


def add(file: Path, host: str, port: int, key: SSHKey) -> None:
    """Trust a host's key from now on: a line at the end of the file, which is made if need be."""
    line = f"{place_of(host, port)} {key.export_public_key().decode().strip()}\n"
    file.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, FILE_MODE)
    with os.fdopen(descriptor, "r+b") as known:
        size = known.seek(0, os.SEEK_END)
        if size:
            known.seek(size - 1)
            if known.read(1) != b"\n":
                known.write(b"\n")
        known.write(line.encode())
        known.flush()
        os.fsync(known.fileno())
