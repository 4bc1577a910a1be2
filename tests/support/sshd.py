"""Real sshd on loopback ports, each as a host of its own: its own host key, its own home folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Sshd", "keygen", "sshd", "why_not"]

#: Where Debian has it: it wants to be called by its whole path.
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
SFTP = "internal-sftp"


def why_not() -> str:
    """Why there can be no real sshd here; "" where there can."""
    if SSHD is None:
        return "no sshd is installed here: tests/cluster/install.sh"
    return "" if os.getuid() == 0 else "sshd is started by root only here"


class Sshd:
    """One of them. address, port: where it listens, port 0 for any.  home: that of its user.  prefix: of its command."""

    def __init__(
        self, folder: Path, client: Path, *, address: str = "127.0.0.1", port: int = 0, prefix: Sequence[str] = ()
    ) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        key = folder / "key"
        keygen(key)
        self.address, self.port = address, port or _free_port()
        (folder / "keys").write_text(client.with_suffix(".pub").read_text())
        for path in (folder, folder / "keys"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        said = {
            "Port": self.port,
            "ListenAddress": address,
            "HostKey": key,
            "AuthorizedKeysFile": folder / "keys",
            "PidFile": "none",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "StrictModes": "no",
            "UsePAM": "no",
            "MaxStartups": "100",
            "SetEnv": f"HOME={self.home}",
            "Subsystem": f"sftp {SFTP}",
        }
        config = folder / "config"
        config.write_text("".join(f"{name} {value}\n" for name, value in said.items()))
        self.log = folder / "log"
        self.process = subprocess.Popen([*prefix, str(SSHD), "-D", "-f", str(config), "-E", str(self.log)])
        self.key = key.with_suffix(".pub").read_text()
        self._wait()

    def line(self) -> str:
        """Its line of known_hosts."""
        return f"{self.address if self.port == 22 else f'[{self.address}]:{self.port}'} {self.key}"

    def close(self) -> None:
        """End it, with every session."""
        self.process.terminate()
        self.process.wait(timeout=20)

    def sessions_end(self, within_s: float) -> bool:
        """Whether every process that a session of it has begun ends in time."""
        deadline_s = time.monotonic() + within_s
        mine = f"HOME={self.home}\0".encode()
        while time.monotonic() < deadline_s:
            if not any(mine in _environ(process) for process in Path("/proc").glob("[0-9]*")):
                return True
            time.sleep(0.05)
        return False

    def _wait(self) -> None:
        deadline_s = time.monotonic() + 20
        while time.monotonic() < deadline_s:
            assert self.process.poll() is None, self.log.read_text()
            with suppress(OSError), socket.create_connection((self.address, self.port), timeout=1):
                return
            time.sleep(0.01)
        raise AssertionError(self.log.read_text())


def _environ(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def keygen(file: Path) -> None:
    """A key without a password, and its public half beside it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True, stdin=subprocess.DEVNULL)


@contextmanager
def sshd(folder: Path, number: int) -> Iterator[list[Sshd]]:
    """So many of them; `folder/id` is the key that they let in, `folder/known_hosts` has theirs."""
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    keygen(folder / "id")
    made: list[Sshd] = []
    try:
        made.extend(Sshd(folder / f"h{at}", folder / "id") for at in range(number))
        (folder / "known_hosts").write_text("".join(one.line() for one in made))
        yield made
    finally:
        for one in made:
            one.close()
