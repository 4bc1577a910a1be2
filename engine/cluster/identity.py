"""The keys with which this machine comes to a node: those that ssh would use, and passed over where ssh passes over them.

Owns which files of keys are read. A key with a passphrase is the agent's to use; nobody is asked for one here. A file that
cluster.yaml names must be a key; of those that ssh's own configuration names, one that is missing or none is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cluster.clusterfile import Ssh

if TYPE_CHECKING:
    from asyncssh import SSHClientConnectionOptions

__all__ = ["facts_of", "locked"]

#: The files that are tried where none is named, as ssh does.
DEFAULTS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")


def facts_of(ssh: Ssh, options: SSHClientConnectionOptions) -> dict[str, Any]:
    """What a connection is told of keys. options: what ssh's configuration says of the host, read without any key.

    It reads files.
    """
    if ssh.identity is not None:
        return {"client_keys": [str(ssh.identity)], "ignore_encrypted": True}
    named = _named(options)
    is_only = bool(options.config.get("IdentitiesOnly"))
    usable = [file for file in named if _is_usable(file, is_only=is_only)]
    return {} if usable == named else {"client_keys": usable, "ignore_encrypted": True}


def locked(ssh: Ssh, options: SSHClientConnectionOptions) -> list[str]:
    """Those of the keys that would be tried that have a passphrase. It reads files."""
    import asyncssh

    found = []
    for file in [str(ssh.identity)] if ssh.identity is not None else _named(options) or list(DEFAULTS):
        try:
            asyncssh.read_private_key(Path(file).expanduser())
        except asyncssh.KeyImportError as error:
            if str(error).startswith("Passphrase"):
                found.append(file)
        except (OSError, ValueError):
            continue
    return found


def _named(options: SSHClientConnectionOptions) -> list[str]:
    """The files that ssh's configuration names for a host."""
    files = options.config.get("IdentityFile")
    return [str(file) for file in files] if isinstance(files, Sequence) and not isinstance(files, str) else []


def _is_usable(file: str, *, is_only: bool) -> bool:
    """Whether a file can be tried. is_only: it may be the public half of a key that the agent has (IdentitiesOnly)."""
    import asyncssh

    try:
        asyncssh.load_keypairs([Path(file).expanduser()], skip_public=is_only, ignore_encrypted=True)
    except (OSError, ValueError):
        return False
    return True
