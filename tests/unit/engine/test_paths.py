"""Each engine's files are found by the platform's rules, and only in directories that are the user's alone."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, UnsafePath
from engine.paths import SOCKET_PATH_BYTES, Paths, find_paths, flaw_of, valid_name

ME = os.getuid()
NOWHERE = Path("/nowhere")


def private(directory: Path) -> Path:
    directory.mkdir(mode=0o700)
    return directory


def test_the_runtime_directory_of_the_session_is_used(tmp_path: Path) -> None:
    session = private(tmp_path / "session")
    paths = find_paths("main", {"XDG_RUNTIME_DIR": str(session), "HOME": "/home/me"}, sessions=NOWHERE)
    assert paths.runtime == session / "engine" / "main"
    assert paths.socket == session / "engine" / "main" / "control.sock"
    assert paths.lock == session / "engine" / "main" / "daemon.lock"


def test_what_is_kept_of_agents_stands_beside_the_log(tmp_path: Path) -> None:
    paths = find_paths("main", {"ENGINE_HOME": str(tmp_path)})
    assert paths.data == paths.log.parent / "data" == tmp_path / "state" / "main" / "data"


def test_without_the_variable_the_users_session_directory_is_used(tmp_path: Path) -> None:
    session = private(tmp_path / str(ME))
    assert find_paths("main", {}, sessions=tmp_path).runtime == session / "engine" / "main"


def test_without_a_session_a_private_directory_beside_the_temporary_files_is_used(tmp_path: Path) -> None:
    paths = find_paths("main", {"TMPDIR": str(tmp_path)}, sessions=NOWHERE)
    assert paths.runtime == tmp_path / f"engine-{ME}" / "main"
    assert find_paths("main", {}, sessions=NOWHERE).runtime == Path(f"/tmp/engine-{ME}/main")
    assert find_paths("main", {"TMPDIR": "here"}, sessions=NOWHERE).runtime == Path(f"/tmp/engine-{ME}/main")


@pytest.mark.parametrize("broken", ["relative/path", "/nowhere/at/all"])
def test_a_session_directory_that_cannot_be_used_is_passed_over(tmp_path: Path, broken: str) -> None:
    environ = {"XDG_RUNTIME_DIR": broken, "TMPDIR": str(tmp_path)}
    assert find_paths("main", environ, sessions=NOWHERE).runtime == tmp_path / f"engine-{ME}" / "main"


def test_a_session_directory_of_another_user_is_passed_over(tmp_path: Path) -> None:
    session = private(tmp_path / "session")
    environ = {"XDG_RUNTIME_DIR": str(session), "TMPDIR": str(tmp_path)}
    assert find_paths("main", environ, uid=ME + 1, sessions=NOWHERE).runtime == tmp_path / f"engine-{ME + 1}" / "main"


def test_a_session_directory_that_others_can_write_to_is_passed_over(tmp_path: Path) -> None:
    session = private(tmp_path / "session")
    session.chmod(0o777)
    environ = {"XDG_RUNTIME_DIR": str(session), "TMPDIR": str(tmp_path)}
    assert find_paths("main", environ, sessions=NOWHERE).runtime == tmp_path / f"engine-{ME}" / "main"


def test_engine_home_overrides_every_other_directory(tmp_path: Path) -> None:
    environ = {"ENGINE_HOME": "/srv/engine", "XDG_RUNTIME_DIR": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    paths = find_paths("main", environ)
    assert paths == Paths("main", Path("/srv/engine/run/main"), Path("/srv/engine/state/main"))


@pytest.mark.parametrize("home", ["engine", "./engine", "~/engine"])
def test_an_engine_home_that_depends_on_the_folder_is_refused(home: str) -> None:
    with pytest.raises(ConfigError, match="not absolute") as caught:
        find_paths("main", {"ENGINE_HOME": home})
    assert caught.value.key == "ENGINE_HOME"


def test_logs_go_to_the_state_directory_of_the_standard() -> None:
    assert find_paths("main", {"XDG_STATE_HOME": "/srv/state"}).log == Path("/srv/state/engine/main/daemon.log")
    assert find_paths("main", {"HOME": "/home/me"}).state == Path("/home/me/.local/state/engine/main")
    relative = {"XDG_STATE_HOME": "state", "HOME": "/home/me"}
    assert find_paths("main", relative).state == Path("/home/me/.local/state/engine/main")


def test_two_names_share_no_file() -> None:
    one, other = find_paths("one", {"ENGINE_HOME": "/srv"}), find_paths("other", {"ENGINE_HOME": "/srv"})
    assert not {one.socket, one.lock, one.log} & {other.socket, other.lock, other.log}


@pytest.mark.parametrize("name", ["", "Main", "a b", "a/b", "..", "-a", "a_b", "ä", "a" * 33, "a\n"])
def test_a_name_that_could_leave_its_directory_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="1-32 of a-z, 0-9 and -"):
        find_paths(name, {})


@given(st.text(max_size=40))
def test_a_valid_name_is_one_part_of_a_path(name: str) -> None:
    try:
        valid_name(name)
    except ConfigError:
        return
    assert Path(name).name == name
    assert not name.startswith((".", "-"))


def test_the_longest_socket_path_can_really_be_bound_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    room = SOCKET_PATH_BYTES - len(str(tmp_path)) - len("//run/a/control.sock")
    paths = find_paths("a", {"ENGINE_HOME": str(tmp_path / ("x" * room))})
    paths.prepare()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(paths.socket))
    with pytest.raises(UnsafePath, match="108 bytes, a unix socket's path at most 107") as caught:
        find_paths("ab", {"ENGINE_HOME": str(tmp_path / ("x" * room))})
    assert "set ENGINE_HOME to a shorter directory" in str(caught.value)
    assert caught.value.path.name == "control.sock"


def test_prepared_directories_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        paths = find_paths("main", {"ENGINE_HOME": str(tmp_path / "home")})
        paths.prepare()
        paths.prepare()
    finally:
        os.umask(before)
    for directory in (paths.runtime.parent, paths.runtime, paths.state):
        assert directory.stat().st_mode & 0o777 == 0o700


def test_finding_paths_makes_nothing(tmp_path: Path) -> None:
    find_paths("main", {"ENGINE_HOME": str(tmp_path / "home")})
    assert not (tmp_path / "home").exists()


def test_a_directory_open_to_others_is_refused_with_the_command_that_closes_it(tmp_path: Path) -> None:
    paths = find_paths("main", {"ENGINE_HOME": str(tmp_path)})
    paths.prepare()
    paths.runtime.chmod(0o755)
    with pytest.raises(UnsafePath, match=f"chmod 700 {paths.runtime}"):
        paths.prepare()


def test_a_link_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    paths = find_paths("main", {"ENGINE_HOME": str(tmp_path)})
    paths.prepare()
    paths.runtime.rmdir()
    paths.runtime.symlink_to(private(tmp_path / "trap"))
    with pytest.raises(UnsafePath, match="is not a directory"):
        paths.prepare()


def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    flaw = flaw_of(private(tmp_path / "theirs"), ME + 1)
    assert flaw is not None
    assert f"belongs to user {ME}" in flaw.said
    assert "ENGINE_HOME" in flaw.mend


def test_a_place_where_nothing_can_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    paths = find_paths("main", {"ENGINE_HOME": str(tmp_path / "file")})
    with pytest.raises(UnsafePath, match="cannot be made") as caught:
        paths.prepare()
    assert "set ENGINE_HOME" in str(caught.value)
