"""Which host keys are trusted, and the line that makes one so.

Owns the files in which keys of hosts are looked up. A host whose key is in none of them is not spoken to, whatever ssh's own
configuration says about not looking; no key is ever added unless a person says so.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cluster.clusterfile import Ssh

if TYPE_CHECKING:
    from asyncssh import SSHKey

__all__ = ["add", "files_of", "known_keys", "place_of"]

#: Where keys of hosts stand for everybody on this machine.
GLOBAL = Path("/etc/ssh/ssh_known_hosts")
#: The mode of a file of them that is made here, and of its folder.
FILE_MODE, FOLDER_MODE = 0o600, 0o700


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
    return host if port == 22 else f"[{host}]:{port}"


def known_keys(files: Sequence[str], host: str, port: int) -> list[SSHKey]:
    """The keys that are known of a host, whether they are its keys now or not."""
    import asyncssh

    found: list[SSHKey] = []
    for file in files:
        keys, authorities, *_ = asyncssh.match_known_hosts(file, host, "", port)
        found += [*keys, *authorities]
    return found


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
