"""`engine cluster sprint`: backlogs that all nodes work on, driven by whichever node leads.

Owns the way of a backlog to the servers, through a node that can be reached, and what is shown of its sprints. They run on the
cluster: who stops looking stops nothing, and another node is asked where one goes away.
"""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import errors
from engine.backlogfile import read_backlog_file
from engine.cli import figures
from engine.cli.clusterfan import cluster_of, nodes_of
from engine.cli.clustersprintorder import show_asked, show_rollback
from engine.cli.ending import endings_by_loop
from engine.cli.misuse import Misuse, meant
from engine.cli.output import hint, screen, show_document, show_json, show_lines
from engine.cli.screen import clean
from engine.cli.sprintlines import clock
from engine.cli.states import style_of
from engine.cli.table import Column, table

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.node import Node
    from engine.cluster.remote import Done

__all__ = ["run"]

RUN_SCHEMA, LS_SCHEMA, SHOW_SCHEMA = (f"engine.cluster.sprint{form}/v1" for form in ("", "s", ".show"))
#: What can be done, and how many words each needs, and may have, behind it.
VERBS = {"run": (1, 1), "ls": (0, 0), "show": (1, 1), "settle": (1, 1)}
VERBS |= dict.fromkeys(("pause", "resume", "abort", "rollback"), (0, 1))
#: Seconds until nodes are asked once more, and rounds in which none could be.
AGAIN_S, ROUNDS = 2.0, 15
#: Bytes of a line at most: a sprint of 100,000 items with their receipts.
LINE_BYTES = 256 * 1024 * 1024
#: Items that are named one by one of those that are not done.
NAMED = 10

COLUMNS = [
    Column("SPRINT"),
    Column("BACKLOG", least=8),
    Column("BEGAN (UTC)", rank=3),
    Column("TOOK", is_right=True),
    Column("STATE", style=style_of),
    Column("DONE", is_right=True),
    Column("OF", is_right=True),
    Column("NOT", is_right=True, rank=1),
    Column("CARRIED", is_right=True, rank=2),
    Column("RELEASE", rank=4),
]


#: What is told of each line.
Hear = Callable[[dict[str, Any]], None]


def run(options: Namespace) -> int:
    """Do it."""
    verb, *words = options.words or [""]
    if verb not in VERBS:
        raise Misuse(f"sprint what? There are {', '.join(VERBS)}{meant(verb, VERBS)}")
    least, most = VERBS[verb]
    if not least <= len(words) <= most:
        needed = figures.plural(most, "word") if least == most else f"up to {figures.plural(most, 'word')}"
        raise Misuse(f"sprint {verb} takes {needed}, got {len(words)}; see: engine cluster --help")
    if verb != "run" and (options.sprints, options.speed, options.detach) != (None, None, False):
        raise Misuse(f"--sprints, --speed and --detach are for sprint run, not for {verb}")
    cluster = cluster_of(options)
    nodes = _in_order(nodes_of(options, cluster))
    from engine.cluster.reach import check_library

    check_library()
    asked = _Asked(options, cluster, nodes)
    if verb == "run":
        return _run(options, asked, words[0])
    heard: list[dict[str, Any]] = []
    with endings_by_loop():
        asyncio.run(_answered(asked, verb, words, heard.append))
    return SHOWN.get(verb, show_asked)(options, heard)


async def _answered(asked: _Asked, verb: str, words: Sequence[str], hear: Hear) -> None:
    """Have what a desk answers. A rollback is looked at first: another node that is asked then does it once."""
    if verb != "rollback":
        await asked.hear([verb, *words], b"", hear)
        return
    looked: list[dict[str, Any]] = []
    await asked.hear(["look-back", *words], b"", looked.append)
    await asked.hear(["rollback"], json.dumps(looked[-1]).encode(), hear)


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """Those first that have a server, most likely."""
    ranks = {"primary": 0, "backup": 1}
    return sorted(nodes, key=lambda node: ranks.get(node.role, 2))


class _Asked:
    """A desk of the cluster, on the first node that answers."""

    def __init__(self, options: Namespace, cluster: Cluster, nodes: Sequence[Node]) -> None:
        self._options = options
        self._cluster = cluster
        self._nodes = nodes

    async def hear(self, words: Sequence[str], given: bytes, hear: Hear) -> None:
        """Have the lines that a desk answers with; another node is asked where one goes away. Raises what the desk refuses."""
        from engine.cluster.outcome import NodeFailed

        said = ""
        for _ in range(ROUNDS):
            for node in self._nodes:
                try:
                    if await self._heard(node, words, given, hear):
                        return
                except NodeFailed as failed:
                    if said != str(failed):
                        hint(self._options, f"engine: {node.id}: {clean(str(failed))}")
                    said = str(failed)
            await asyncio.sleep(AGAIN_S)
        raise errors.Unavailable(f"no node can be asked; the last one said: {said}; see: engine cluster stats")

    async def _heard(self, node: Node, words: Sequence[str], given: bytes, hear: Hear) -> bool:
        """Whether a node answered to the end. Raises NodeFailed."""
        from engine.cluster.far import Far
        from engine.cluster.reach import connected

        lines = _Lines(hear)
        async with connected(node, self._cluster.ssh) as remote:
            done = await remote.run(await Far(remote, self._cluster).program("desk", *words), stdin=given, on_out=lines)
        if not done.code:
            return True
        self._refuse(done)
        return False

    def _refuse(self, done: Done) -> None:
        """Raises what a desk refuses; NodeFailed where another node may know more."""
        from engine.cluster.outcome import NodeFailed
        from sprints.errors import CampaignFailed

        error = _error(done.err)
        if error is None:
            said = done.err.decode(errors="replace").strip().rpartition("\n")[2][:200]
            raise NodeFailed(said or f"its desk ended with {done.code}", state="failed", mend="engine cluster up")
        if error["code"] == errors.AGAIN:
            raise NodeFailed(str(error["message"]), state="unjoined")
        if error["code"] == errors.WRONG:
            raise Misuse(str(error["message"]))
        raise CampaignFailed(f"{error['type']}: {error['message']}")


class _Lines:
    """What a desk prints, line by line."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._rest = bytearray()

    def __call__(self, piece: bytes) -> None:
        self._rest += piece
        *lines, rest = self._rest.split(b"\n")
        self._rest = bytearray(rest[-LINE_BYTES:])
        for line in lines:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                self._hear(value)


def _error(printed: bytes) -> dict[str, Any] | None:
    lines = printed.strip().splitlines()
    try:
        value = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) and {"type", "message", "code"} <= error.keys() else None


# -- run ---------------------------------------------------------------------------------------------------------------


def _run(options: Namespace, asked: _Asked, name: str) -> int:
    """Place the order, and show its sprints until the last one has ended."""
    from sprints.queue import new_queued_id
    from sprints.settings import Settings

    backlog = read_backlog_file(Path("/dev/stdin") if name == "-" else Path(name))
    settings = Settings(".", options.sprints or 1, options.speed or 1.0)
    order = new_queued_id()
    given = json.dumps({"backlog": backlog.row(), "settings": settings.row()}).encode()
    placed: list[dict[str, Any]] = []
    told: dict[str, dict[str, Any]] = {}
    ends: list[dict[str, Any]] = []

    def hear(line: dict[str, Any]) -> None:
        if "ended" in line:
            ends.append(line["ended"])
        elif isinstance(row := line.get("sprint"), dict):
            told[str(row.get("id"))] = row
            hint(options, f"engine: {_moment(row)}")

    async def follow() -> None:
        await asked.hear(["place", order], given, placed.append)
        if not options.detach:
            await asked.hear(["follow", order], b"", hear)

    try:
        with endings_by_loop():
            asyncio.run(follow())
    except KeyboardInterrupt:
        hint(options, "\nwhat was placed goes on in the cluster; see: engine cluster sprint ls")
        raise
    rows = list(told.values())
    if options.json:
        error = ends[-1]["error"] if ends else None
        show_json({"schema": RUN_SCHEMA, "order": order, "backlog": backlog.name, "error": error, "sprints": rows})
    elif options.detach:
        print(f"{order} is placed: {clean(backlog.name)}")
    else:
        show_lines(_outcome(rows, ends, backlog.name))
    return errors.DONE if options.detach else _code(rows, ends)


def _code(rows: Sequence[Mapping[str, Any]], ends: Sequence[Mapping[str, Any]]) -> int:
    """0 if all that was planned is done, or was done by a later sprint, and all that is done is in a release."""
    if not ends or ends[-1]["error"] is not None:
        return errors.FAILED
    if not rows:
        return errors.DONE
    last = rows[-1]
    is_done = last["verdicts"].get("done", 0) == last["planned"] and not last["aborted"]
    return errors.DONE if is_done and not last["not_shipped"] and not last["left_out"] else errors.FAILED


def _moment(row: Mapping[str, Any]) -> str:
    ended = sum(row["verdicts"].values())
    return f"{row['id']} {row['phase']}: {ended:,} of {row['planned']:,} ended, {row['verdicts'].get('done', 0):,} done"


def _outcome(rows: Sequence[Mapping[str, Any]], ends: Sequence[Mapping[str, Any]], backlog: str) -> list[str]:
    lines = [line for row in rows for line in _lines(row)]
    if not rows:
        lines.append(f"nothing of {clean(backlog)} is left to do")
    error = ends[-1]["error"] if ends else None
    return [*lines, clean(f"it ended with {error[0]}: {error[1]}")] if error else lines


def _lines(row: Mapping[str, Any]) -> list[str]:
    """What became of a sprint."""
    done, planned = row["verdicts"].get("done", 0), row["planned"]
    lines = [f"{row['id']} {_state(row)}: {done:,} of {figures.plural(planned, 'item')} done in {figures.span(row['seconds'])}"]
    lines += [f"  {count:,} {verdict}" for verdict, count in row["verdicts"].items() if verdict != "done"]
    lines += [clean(f"  carried {count:,}: {why}") for why, count in row["carried"].items()]
    lines += [clean(f"  shipped {one['release']}: {figures.plural(one['items'], 'item')}") for one in row["releases"]]
    lines += [clean(f"  not shipped: {why}") for why in row["not_shipped"]]
    return lines + [clean(f"  left out of the release: {item}, {why}") for item, why in list(row["left_out"].items())[:NAMED]]


def _state(row: Mapping[str, Any]) -> str:
    if row["damage"]:
        return "damaged"
    if row["rolled_back"] is not None:
        return "rolled back"
    if row["phase"] != "ended":
        return "paused" if row["is_paused"] else str(row["phase"])
    if row["aborted"] is not None:
        return "aborted"
    return "done" if row["verdicts"].get("done", 0) - len(row["left_out"]) == row["planned"] else "left some"


# -- what is looked at ---------------------------------------------------------------------------------------------------


def _ls(options: Namespace, heard: Sequence[dict[str, Any]]) -> int:
    if options.json:
        show_document(options, {"schema": LS_SCHEMA, "sprints": list(heard)}, "sprints")
    elif not heard:
        hint(options, "there is no sprint yet; begin one with: engine cluster sprint run BACKLOG.yaml")
    else:
        show_lines(table(COLUMNS, [_cells(row) for row in heard], screen(options)))
    return errors.DONE


def _cells(row: Mapping[str, Any]) -> list[str]:
    done, ended = row["verdicts"].get("done", 0), sum(row["verdicts"].values())
    times = [clock(row["began_s"]), figures.span(row["seconds"])]
    counts = [f"{count:,}" for count in (done, row["planned"], ended - done, sum(row["carried"].values()))]
    release = row["releases"][-1]["release"].partition("-")[0] if row["releases"] else ""
    return [str(row["id"]), clean(str(row["backlog"])), *times, _state(row), *counts, release]


def _show(options: Namespace, heard: Sequence[dict[str, Any]]) -> int:
    [row] = heard
    if options.json:
        show_json({"schema": SHOW_SCHEMA, **row})
        return errors.DONE
    lines = _lines(row)
    wrong = [one for one in row["receipts"] if one["verdict"] != "done"]
    lines += [clean(f"  {one['item']}: {one['verdict']}, {one['why'] or one['error']}") for one in wrong[:NAMED]]
    if len(wrong) > NAMED:
        lines.append(f"  and {len(wrong) - NAMED:,} more")
    steps = [[str(step["wave"]), step["phase"], figures.span(step["end_s"] - step["begin_s"])] for step in row["steps"]]
    show_lines([*lines, "", *table([Column("WAVE"), Column("STEP"), Column("TOOK", is_right=True)], steps, screen(options))])
    return errors.DONE


def _settled(options: Namespace, heard: Sequence[dict[str, Any]]) -> int:
    [row] = heard
    if options.json:
        show_json({"schema": RUN_SCHEMA, **row})
    else:
        print(f"{row['settled']}: it counts as not shipped; what it has done goes into the next release")
    return errors.DONE


#: What shows each answer.
SHOWN = {"ls": _ls, "show": _show, "settle": _settled, "rollback": show_rollback}
