"""What is to happen before a release is switched to: a command, or a commit on a branch.

Owns the reading of its row and its running. A hook that fails says no: nothing is switched then. It runs in a session of its
own; out of time, it is killed with all that it started. Who runs it in a process that ends with the engine is `leash`. It may
run again for a sprint whose engine was killed meanwhile, so it is given the release's name to know it by.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sprints.command import Ended, run_command
from sprints.errors import HookFailed

__all__ = ["LONGEST_S", "TEXT_CHARS", "Hook", "hook_of", "run_hook"]

#: Seconds that a hook has where it does not say: a ship step.
TIMEOUT_S = 60.0
#: Seconds that a hook may have at most: a sprint.
LONGEST_S = 900.0
#: Characters of a branch, a folder or a message.
TEXT_CHARS = 4_000
#: Who commits where the machine's git knows nobody.
NOBODY = {"NAME": "engine", "EMAIL": "engine@localhost"}


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook. command: its argument list; or branch and repo: where what is released is committed.

    repo: a folder of the repository, from that of the released files on; `.` is the one in which they lie.  timeout_s: of each
    command.  again: whether it may be run a second time for the same release.
    """

    command: tuple[str, ...] = ()
    branch: str = ""
    repo: str = ""
    timeout_s: float = TIMEOUT_S
    again: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"git {self.branch}" if self.branch else " ".join(self.command)[:100]


def hook_of(row: object) -> Hook:
    """The hook of a row: `{command: [...], again: BOOL}` or `{git: BRANCH, repo: DIR}`, with `timeout_s`. Raises ValueError."""
    if not isinstance(row, Mapping):
        raise ValueError(f"a hook is a mapping with `command` or `git`, not {row!r}")  # noqa: TRY004 - a row is wrong in one way
    is_git = "git" in row
    known = {"git", "repo", "timeout_s"} if is_git else {"command", "timeout_s", "again"}
    for key in row:
        if key not in known:
            raise ValueError(f"{key!r} is no key of such a hook; there are {', '.join(sorted(known))}")
    timeout_s = row.get("timeout_s", TIMEOUT_S)
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 0 < timeout_s <= LONGEST_S:
        raise ValueError(f"timeout_s: seconds above 0 and at most {LONGEST_S:g}, not {timeout_s!r}")
    again = row.get("again", is_git)  # the same commit twice is one
    if not isinstance(again, bool):
        raise ValueError(f"again: true or false, not {again!r}")  # noqa: TRY004 - a row is wrong in one way
    if not is_git:
        return Hook(command=_command(row.get("command")), timeout_s=float(timeout_s), again=again)
    branch, repo = row["git"], row.get("repo", ".")
    for key, value in (("git", branch), ("repo", repo)):
        if not isinstance(value, str) or not value or len(value) > TEXT_CHARS or "\0" in value or value.startswith("-"):
            raise ValueError(f"{key}: a text of 1 to {TEXT_CHARS} characters, not {value!r}")
    return Hook(branch=branch, repo=repo, timeout_s=float(timeout_s), again=again)


def _command(value: object) -> tuple[str, ...]:
    is_list = isinstance(value, list) and bool(value) and all(isinstance(one, str) and "\0" not in one for one in value)
    if not isinstance(value, list) or not is_list or not value[0]:
        raise ValueError(f"command: a list of arguments, the program first, not {value!r}")
    return tuple(value)


def run_hook(hook: Hook, files: str, facts: Mapping[str, str]) -> None:
    """Run it and wait. files: the folder of what is to be released.  facts: put into its environment.

    Raises HookFailed.
    """
    environ = os.environ | facts
    try:
        if hook.branch:
            _commit(hook, files, environ, f"Release {facts.get('ENGINE_RELEASE', '')}")
        else:
            _run(hook, hook.command, files, environ)
    except OSError as error:
        raise HookFailed(hook.name, f"it cannot be run: {error.strerror}: {error.filename or ''}") from error


def _run(hook: Hook, argv: Sequence[str], folder: str, environ: Mapping[str, str], given: bytes = b"") -> Ended:
    ended = run_command(argv, folder=folder, given=given, timeout_s=hook.timeout_s, environ=environ)
    if ended.is_late or ended.code:
        raise HookFailed(hook.name, ended.why)
    return ended


def _commit(hook: Hook, files: str, environ: Mapping[str, str], message: str) -> None:
    """Have the files as the newest commit of a branch: what is checked out there is not touched."""
    git = ("git", "-C", hook.repo)
    top = _run(hook, (*git, "rev-parse", "--absolute-git-dir"), files, environ).last_line
    ref = f"refs/heads/{hook.branch}"
    _run(hook, (*git, "check-ref-format", ref), files, environ)
    with tempfile.TemporaryDirectory() as folder:
        environ = {**environ, "GIT_DIR": top, "GIT_WORK_TREE": files, "GIT_INDEX_FILE": f"{folder}/index"}
        for role in ("AUTHOR", "COMMITTER"):
            if run_command(("git", "var", f"GIT_{role}_IDENT"), folder=files, environ=environ, timeout_s=hook.timeout_s).code:
                environ |= {f"GIT_{role}_{key}": value for key, value in NOBODY.items()}
        _run(hook, ("git", "add", "--all", "--force", "."), files, environ)
        tree = _run(hook, ("git", "write-tree"), files, environ).last_line
        known = run_command(
            ("git", "rev-parse", "--verify", "--quiet", ref), folder=files, environ=environ, timeout_s=hook.timeout_s
        )
        before = "" if known.code else known.last_line
        if before and _run(hook, ("git", "rev-parse", f"{before}^{{tree}}"), files, environ).last_line == tree:
            return  # it is there already
        parents = ("-p", before) if before else ()
        commit = _run(hook, ("git", "commit-tree", tree, *parents), files, environ, message.encode()).last_line
        _run(hook, ("git", "update-ref", ref, commit, before or "0" * len(commit)), files, environ)
