"""The ways that ssh's configuration, keys and files of known hosts lead: as ssh itself goes them, or named where they end."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.cluster.clusterfile import Ssh
from engine.cluster.node import Node, parse_address
from engine.cluster.outcome import NodeFailed
from engine.cluster.reach import connected
from engine.cluster.remote import Done
from tests.support.clusters import CONNECT_S
from tests.support.sshd import sshd, why_not
from tests.support.sshhosts import Host, Hosts

NO_AGENT = "" if shutil.which("ssh-agent") and shutil.which("ssh-add") else "no ssh-agent is installed here"


def said(there: Hosts, host: Host, *lines: str, identity: Path | None = None, words: tuple[str, ...] = ("echo", "in")) -> Done:
    """What a host answers that is called far in ssh's configuration, which has some lines more."""
    config = there.folder / "config"
    more = "".join(f"  {line}\n" for line in lines)
    config.write_text(f"Host far\n  HostName 127.0.0.1\n  Port {host.port}\n  User ada\n{more}")
    ssh = Ssh(config=config, known_hosts=there.known, identity=identity, connect_timeout_s=CONNECT_S)

    async def job() -> Done:
        async with connected(Node("n1", parse_address("far"), "worker", 100), ssh) as remote:
            return await remote.run(words)

    return asyncio.run(job())


def refused(there: Hosts, host: Host, *lines: str, identity: Path | None = None) -> NodeFailed:
    """Why it cannot be come to."""
    with pytest.raises(NodeFailed) as failed:
        said(there, host, *lines, identity=identity)
    return failed.value


@contextmanager
def agent(folder: Path, key: Path) -> Iterator[str]:
    """The socket of an agent that has a key."""
    socket = str(folder / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        done = subprocess.run(["ssh-add", "-q", str(key)], env=os.environ | {"SSH_AUTH_SOCK": socket}, check=False)
        assert done.returncode == 0
        yield socket
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user without keys and without an agent."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def test_a_key_of_the_configuration_that_is_not_there_or_no_key_is_passed_over(there: Hosts) -> None:
    rubbish = there.folder / "rubbish"
    rubbish.write_text("no key\n")
    lines = [f"IdentityFile {file}" for file in (there.folder / "nosuchkey", rubbish, there.identity)]
    assert said(there, there.add(), *lines).out == b"in\n"
    assert said(there, there.add(), *lines, "IdentitiesOnly yes").out == b"in\n"


@pytest.mark.skipif(bool(NO_AGENT), reason=NO_AGENT or "-")
def test_a_key_with_a_passphrase_is_used_by_the_agent_that_has_it(there: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    host, closed = there.add(), there.folder / "closed"
    shutil.copy(there.identity, closed)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "a secret", "-f", str(closed)], check=True, stdin=subprocess.DEVNULL)
    assert said(there, host, identity=there.identity).out == b"in\n"
    without = refused(there, host, identity=closed)
    assert (without.state, without.mend) == ("refused", f"ssh-add {closed}, or ssh-copy-id far")
    with agent(there.folder, there.identity) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        assert said(there, host, identity=closed).out == b"in\n"
        assert said(there, host, f"IdentityFile {closed}").out == b"in\n"


def test_a_named_identity_that_is_no_key_is_refused(there: Hosts) -> None:
    rubbish = there.folder / "rubbish"
    rubbish.write_text("no key\n")
    failed = refused(there, there.add(), identity=rubbish)
    assert (failed.state, "ssh cannot be set up" in str(failed)) == ("refused", True)


@pytest.mark.parametrize("wanted", ["force", "yes"])
def test_a_terminal_that_the_configuration_wants_is_not_asked_for(there: Hosts, wanted: str) -> None:
    host = there.add()
    done = said(there, host, f"RequestTTY {wanted}", identity=there.identity)
    assert (done.out, done.err, host.terminals) == (b"in\n", b"", 0)


def test_a_revoked_key_is_called_so_also_where_the_host_is_known_without_its_port(there: Hosts) -> None:
    host = there.add(is_known=False)
    _, _, key = host.line().partition(" ")
    there.known.write_text(f"@revoked {host.line()}127.0.0.1 {key}")
    failed = refused(there, host, f"IdentityFile {there.identity}")
    assert failed.state == "untrusted"
    assert f"revoked: a line of {there.known} says @revoked" in str(failed)
    assert host.heard == []


@pytest.mark.parametrize("line", [b"far \x92\xff rubbish", b"oneword"])
def test_a_line_of_known_hosts_that_cannot_be_read_is_named(there: Hosts, line: bytes) -> None:
    host = there.add()
    with there.known.open("ab") as known:
        known.write(line + b"\n")
    failed = refused(there, host)
    assert failed.state == "untrusted"
    assert str(failed).startswith(f"{there.known}:2 cannot be read as keys of hosts: ")


def test_a_jump_host_may_be_written_as_a_url_and_a_host_behind_it_that_is_down_is_unreachable(there: Hosts) -> None:
    jump, host = there.add("jump"), there.add()
    lines = (f"IdentityFile {there.identity}", f"ProxyJump ssh://ada@127.0.0.1:{jump.port}")
    key = there.identity
    assert said(there, host, *lines, identity=key).out == b"in\n"
    host.port = there.closed_port()
    failed = refused(there, host, *lines, identity=key)
    assert failed.state == "unreachable"
    assert f"127.0.0.1 port {host.port} cannot be reached from the host before it" in str(failed)


def test_a_proxy_command_that_is_not_installed_is_named(there: Hosts) -> None:
    failed = refused(there, there.add(), "ProxyCommand nosuchproxy %h %p", identity=there.identity)
    assert (failed.state, failed.mend) == ("unreachable", "see that nosuchproxy is installed here")
    assert str(failed).startswith("ProxyCommand nosuchproxy 127.0.0.1 ")


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")
def test_what_a_command_left_in_the_background_is_ended_with_whoever_waits_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    folder.mkdir()
    with sshd(folder, 1) as [host]:
        ssh = Ssh(known_hosts=folder / "known_hosts", identity=folder / "id", connect_timeout_s=CONNECT_S)
        node = Node("n1", parse_address(f"root@127.0.0.1:{host.port}"), "worker", 100)

        async def job() -> None:
            heard: asyncio.Queue[bytes] = asyncio.Queue()
            async with connected(node, ssh) as remote:
                waiting = asyncio.create_task(remote.run(["sh", "-c", "sleep 777 & echo $$"], on_out=heard.put_nowait))
                shell = int(await heard.get())
                while Path(f"/proc/{shell}").exists():
                    await asyncio.sleep(0.01)
                assert not waiting.done()
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting

        asyncio.run(job())
        assert host.sessions_end(within_s=20)
