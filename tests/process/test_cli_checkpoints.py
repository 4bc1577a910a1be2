"""What is kept can be listed, verified, shown, saved and mended without an engine, and beside one that writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checkpoints.frame import HEADER_BYTES
from checkpoints.segment import SEGMENT_HEADER_BYTES
from checkpoints.store import Store, changes_part, gone_part, open_store, states_part
from tests.support.commands import POOLS, ROOT, Commands, Terminal, commands


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, with nothing kept."""
    with commands(tmp_path) as made:
        yield made


def opened(made: Commands, name: str = "p1/0", **facts: Any) -> Store:
    """A store at its place in the data directory."""
    return open_store(f"{data(made)}/{name}", chance=os.urandom, **facts)


def data(made: Commands) -> Path:
    return made.home / "state" / "engine" / "data"


def fill(made: Commands, name: str = "p1/0", *keys: int) -> Path:
    """A store with some counters, closed. Returns its folder."""
    store = opened(made, name)
    for key in keys or (1, 2, 3):
        store.commit([states_part("counter", ["total"], [key], [key * 10])], 1)
    store.close()
    return Path(store.folder)


def crash(folder: Path, tail: bytes = b"\xc5\x1ehalf a frame") -> Path:
    """Make a folder what a crash in the middle of a write leaves. Returns the torn segment."""
    program = (
        "import os, sys; from checkpoints.store import open_store, states_part;"
        "store = open_store(sys.argv[1], chance=os.urandom);"
        "store.commit([states_part('counter', ['total'], [7], [70])], 1); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], cwd=ROOT, timeout=30, check=False)
    assert done.returncode == 9
    segment = max(folder.glob("*.log"))
    with segment.open("ab") as file:
        file.write(tail)
    return segment


def damage(file: Path, at: int) -> None:
    """Turn one bit of a file around."""
    held = bytearray(file.read_bytes())
    held[at] ^= 1
    file.write_bytes(held)


def log_of(folder: Path) -> Path:
    """The first segment of a folder that has records."""
    return min(file for file in folder.glob("*.log") if file.stat().st_size > SEGMENT_HEADER_BYTES + HEADER_BYTES)


def contents(folder: Path) -> dict[str, bytes]:
    """What every file of a folder holds."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# -- nothing and misuse ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["ls"], ["verify"], ["compact"], ["repair"], ["export", "--all"]])
def test_where_nothing_is_kept_it_is_said_and_is_fine(engine: Commands, words: list[str]) -> None:
    done = engine("checkpoints", *words)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"nothing is kept yet: no stores in {data(engine)}\n"
    if words[0] != "export":
        document = engine.document("checkpoints", *words)
        assert (document["schema"], document["stores"]) == (f"engine.checkpoints.{words[0]}/v1", [])


def test_a_new_store_that_was_never_written_is_fine(engine: Commands) -> None:
    opened(engine).close()
    (data(engine) / "p1" / "1").mkdir()
    first, second = engine.document("checkpoints", "verify")["stores"]
    assert (first["state"], first["states"], first["records"], first["shards"]) == ("closed", 0, 0, 10)
    assert (second["state"], second["states"], second["records"], second["shards"]) == ("closed", 0, 0, None)
    assert engine("checkpoints", "compact").stdout == "p1/0  nothing to fold\np1/1  nothing to fold\n"
    assert engine("checkpoints", "repair").stdout == "p1/0  nothing to cut off\np1/1  nothing to cut off\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "missing: ACTION"),
        (["lst"], "did you mean ls?"),
        (["xyzzy"], "write ls, verify, show, export, compact or repair"),
        (["show"], "show what? Write kind/key, such as counter/17\n"),
        (["export"], "such as counter/17, or --all"),
        (["export", "counter/1", "--all"], "one word too many"),
        (["ls", "counter/1"], "one word too many"),
        (["show", "counter/1", "--all"], "--all is for export"),
        (["verify", "--dry-run"], "--dry-run is for repair"),
        (["show", "counter"], "names no agent"),
        (["show", "Counter/1"], "cannot name a kind"),
        (["ls", "--data", "nowhere"], "there is no such directory"),
        (["ls", "--store", "p9/0"], "no store 'p9/0'; there are: p1/0, p1/1"),
    ],
)
def test_what_cannot_be_meant_is_answered_with_code_2(engine: Commands, words: list[str], said: str) -> None:
    fill(engine, "p1/0")
    fill(engine, "p1/1", 4)
    done = engine("checkpoints", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_another_data_directory_may_be_named_but_not_a_store_of_it(engine: Commands) -> None:
    folder = fill(engine)
    document = engine.document("checkpoints", "ls", "--data", str(data(engine)), "--name", "other")
    assert [store["folder"] for store in document["stores"]] == [str(folder)]
    done = engine("checkpoints", "ls", "--data", str(folder))
    assert done.returncode == 2
    assert "give the directory above its pool" in done.stderr


# -- ls and verify -----------------------------------------------------------------------------------------------------


def test_ls_counts_what_each_store_holds(engine: Commands) -> None:
    store = opened(engine, "p2/10")
    store.commit([states_part("counter", ["total"], [1, 2, 3], [1, 2, 3])], 3)
    store.log.roll()
    assert store.compact() is not None
    store.commit([gone_part("counter", [2]), changes_part("scout", ["ada"], [{"at": 1}])], 2)
    store.commit([states_part("counter", ["total"], [3, 4], [30, 40])], 2)
    store.close()
    fill(engine, "p2/9")
    nine, ten = engine.document("checkpoints", "ls")["stores"]
    assert (nine["worker"], ten["worker"]) == (9, 10)
    assert (ten["states"], ten["records"], ten["shards"]) == (4, 7, 10)
    assert ten["segments"] == len(list(Path(store.folder).glob("*.log")))
    assert ten["snapshots"] == len(list(Path(store.folder).glob("shard-*.snap")))
    assert ten["size_bytes"] == sum(map(len, contents(Path(store.folder)).values()))
    assert ten["written_s"] == max(file.stat().st_mtime for file in Path(store.folder).glob("*.log"))
    lines = engine("checkpoints", "ls").stdout.splitlines()
    assert lines[0].split()[:4] == ["STORE", "STATE", "STATES", "RECORDS"]
    assert [line.split()[:4] for line in lines[1:]] == [["p2/9", "closed", "3", "3"], ["p2/10", "closed", "4", "7"]]


def test_a_store_that_is_written_is_open_by_its_pid_and_its_unfinished_frame_is_no_damage(engine: Commands) -> None:
    store = opened(engine)
    store.commit([states_part("counter", ["total"], [1], [10])], 1)
    with max(Path(store.folder).glob("*.log")).open("ab") as file:
        file.write(b"\xc5\x1e\x01")
    (seen,) = engine.document("checkpoints", "verify")["stores"]
    assert (seen["state"], seen["pid"], seen["states"], seen["torn"]) == ("open", os.getpid(), 1, None)
    assert f"open by pid {os.getpid()}" in engine("checkpoints", "ls").stdout
    assert engine("checkpoints", "verify").stdout.startswith(f"p1/0  well, open by pid {os.getpid()}: ")
    store.close()
    (seen,) = engine.document("checkpoints", "ls")["stores"]
    assert (seen["state"], seen["pid"]) == ("closed", None)


def test_looking_disturbs_no_engine_that_opens_the_store_in_that_moment(engine: Commands) -> None:
    """A look takes no lock: a store can be opened while one is under way, and changes no file."""
    folder = fill(engine)
    looking = [engine.start("checkpoints", "verify") for _ in range(2)]
    for _ in range(50):
        open_store(str(folder), chance=os.urandom).close()
    assert [process.wait(timeout=30) for process in looking] == [0, 0]
    fresh = fill(engine, "p2/0")
    before = contents(fresh)
    for words in (["ls"], ["verify"], ["show", "counter/1", "--store", "p2/0"], ["export", "--all"]):
        assert engine("checkpoints", *words).returncode == 0
    assert contents(fresh) == before


def test_looks_beside_a_writer_that_rolls_and_compacts_find_no_damage(engine: Commands) -> None:
    store = opened(engine, segment_bytes=2_000)
    looking = engine.start("checkpoints", "verify")
    looks = 0
    total = 0
    while looks < 5:
        total += 1
        store.commit([states_part("counter", ["total"], list(range(20)), [total] * 20)], 20)
        if total % 10 == 0:
            store.compact()
        if looking.poll() is not None:
            out, error = looking.communicate(timeout=30)
            assert (looking.returncode, error) == (0, b""), out
            looks += 1
            looking = engine.start("checkpoints", "verify")
    assert looking.wait(timeout=30) == 0
    store.close()
    assert json.loads(engine("checkpoints", "export", "counter/7").stdout)["state"] == {"total": total}


def test_a_torn_tail_is_named_and_is_no_damage(engine: Commands) -> None:
    segment = crash(fill(engine))
    size_bytes = segment.stat().st_size
    done = engine("checkpoints", "verify")
    assert done.returncode == 0
    assert done.stdout.startswith(f"p1/0  torn tail: 14 bytes of {segment.name} at byte {size_bytes - 14}: ")
    assert "engine checkpoints repair" in done.stdout
    (seen,) = engine.document("checkpoints", "ls")["stores"]
    assert (seen["state"], seen["states"], seen["torn"]["offset"]) == ("torn tail", 4, size_bytes - 14)
    assert "torn tail" in engine("checkpoints", "ls").stdout


def test_damage_in_the_middle_of_a_log_is_named_with_its_file_and_offset(engine: Commands) -> None:
    folder = fill(engine)
    fill(engine, "p1/1")
    damage(log_of(folder), 80)
    before = contents(folder)
    done = engine("checkpoints", "verify")
    assert done.returncode == 4
    first, second = done.stdout.splitlines()
    assert first.startswith(f"p1/0  damaged: {log_of(folder)} is damaged at byte 72: ")
    assert second.startswith("p1/1  well, closed: ")
    assert "export --all" in done.stderr
    told = json.loads(engine("checkpoints", "verify", "--json").stdout)
    assert told["is_well"] is False
    (found,) = told["stores"][0]["damages"]
    assert (found["type"], found["file"], found["offset"]) == ("Corrupt", str(log_of(folder)), 72)
    assert "damaged" in engine("checkpoints", "ls").stdout
    assert engine("checkpoints", "ls").returncode == 0
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["MANIFEST", "MANIFEST.before", "shard-??.00000002.snap", "window.00000002.snap", "*.log"])
def test_one_bit_in_the_middle_of_any_file_is_found(engine: Commands, name: str) -> None:
    for _ in range(2):
        folder = fill(engine)
        assert engine("checkpoints", "compact").returncode == 0
    file = min(folder.glob(name))
    damage(file, file.stat().st_size // 2)
    done = engine("checkpoints", "verify")
    assert done.returncode == 4
    assert f"{file} is damaged at byte " in done.stdout


def test_a_changed_seal_of_an_older_segment_is_named_and_the_states_can_be_read(engine: Commands) -> None:
    fill(engine)
    folder = fill(engine)
    older = log_of(folder)
    assert older != max(folder.glob("*.log"))
    seal = older.stat().st_size - HEADER_BYTES
    damage(older, seal + 5)
    done = engine("checkpoints", "verify")
    assert done.returncode == 4
    assert f"{older} is damaged at byte {seal}: " in done.stdout
    assert engine("checkpoints", "show", "counter/2").returncode == 0
    older.write_bytes(older.read_bytes()[: seal + 5])  # as a crash in its write leaves it
    assert engine("checkpoints", "verify").returncode == 0


def test_files_that_count_only_if_newer_ones_are_damaged_are_verified_too(engine: Commands) -> None:
    for _ in range(2):
        folder = fill(engine)
        assert engine("checkpoints", "compact").returncode == 0
    for file in [*folder.glob("shard-*.00000001.snap"), folder / "window.00000001.snap", min(folder.glob("*.log"))]:
        before = file.read_bytes()
        damage(file, len(before) // 2)
        done = engine("checkpoints", "verify", "--json")
        (found,) = json.loads(done.stdout)["stores"][0]["damages"]
        assert (done.returncode, found["file"]) == (4, str(file))
        file.write_bytes(before)
    assert engine("checkpoints", "verify").returncode == 0


def test_damaged_snapshots_are_named_and_the_states_come_from_those_before(engine: Commands) -> None:
    for total in (1, 2):
        store = opened(engine)
        store.commit([states_part("counter", ["total"], [1], [total])], 1)
        store.close()
        assert engine("checkpoints", "compact").returncode == 0
    (newest,) = Path(store.folder).glob("shard-*.00000002.snap")
    damage(newest, 90)
    done = engine("checkpoints", "verify")
    assert done.returncode == 4
    assert f"{newest} is damaged at byte" in done.stdout
    assert "older snapshots and a longer log are whole" in done.stdout
    assert json.loads(engine("checkpoints", "export", "counter/1").stdout)["state"] == {"total": 2}


def test_a_missing_manifest_is_damage_where_there_are_segments(engine: Commands) -> None:
    folder = fill(engine)
    (folder / "MANIFEST").unlink()
    done = engine("checkpoints", "verify")
    assert done.returncode == 4
    assert f"{folder}/MANIFEST is damaged at byte 0: it is missing" in done.stdout


@pytest.mark.parametrize("columns", [60, 100])
def test_the_table_fits_the_terminal_and_shows_states_in_colour(engine: Commands, columns: int) -> None:
    crash(fill(engine))
    terminal = Terminal(engine, "checkpoints", "ls", columns=columns)
    assert terminal.end() == 0
    assert "\x1b[33mtorn tail\x1b[0m" in terminal.seen
    plain = Terminal(engine, "checkpoints", "ls", "--no-color", columns=columns)
    assert plain.end() == 0
    assert max(map(len, plain.seen.splitlines())) <= columns


def test_beside_a_running_engine_its_stores_are_open_and_its_agents_have_what_they_were_answered(engine: Commands) -> None:
    (engine.folder / "pools.yaml").write_text(f"durability: sync\n{POOLS}")
    assert engine("spawn", "--count", "1000").returncode == 0
    for key in (1, 900):
        assert engine("ask", f"counter/{key}", "add", str(key)).returncode == 0
    workers = {worker["pool"]: worker["pid"] for worker in engine.document("ps")["workers"]}
    *stores, journal, roster = engine.document("checkpoints", "verify")["stores"]
    assert {store["pool"]: store["pid"] for store in stores} == workers
    assert {store["state"] for store in stores} == {"open"}
    for own, name in ((journal, "_journal"), (roster, "_roster")):
        assert (own["pool"], own["state"], own["worker"]) == (name, "open", None)
    told = [json.loads(line) for line in engine("checkpoints", "export", "--all").stdout.splitlines()]
    assert {one["agent"]: one["state"] for one in told} == {"counter/1": {"total": 1}, "counter/900": {"total": 900}}
    assert engine("checkpoints", "compact").returncode == 3
    assert engine("stop").returncode == 0
    assert engine("checkpoints", "compact").returncode == 0
    assert engine("start").returncode == 0
    assert engine("ask", "counter/900", "get").stdout == "900\n"


# -- show and export ---------------------------------------------------------------------------------------------------


def test_show_prints_the_state_and_says_which_record_it_comes_from(engine: Commands) -> None:
    folder = fill(engine)
    done = engine("checkpoints", "show", "counter/2")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"total": 20})
    assert done.stderr.startswith("counter/2 in p1/0, shard ")
    assert f": record 2, in {log_of(folder).name} at byte " in done.stderr
    told = engine.document("checkpoints", "show", "counter/2")
    assert told["schema"] == "engine.checkpoints.state/v1"
    assert (told["agent"], told["pool"], told["worker"], told["state"]) == ("counter/2", "p1", 0, {"total": 20})
    source = told["source"]
    assert (source["file"], source["first"], source["last"], source["snapshot"]) == (log_of(folder).name, 2, 2, None)


def test_a_state_in_a_snapshot_and_changes_upon_it_are_found(engine: Commands) -> None:
    store = opened(engine)
    store.commit([changes_part("scout", ["ada", "eve"], [{"notes": ["a"], "at": 1}, {"at": 2}])], 2)
    store.log.roll()
    assert store.compact() is not None
    store.commit([changes_part("scout", ["ada"], [{"+notes": ["b"]}])], 1)
    store.close()
    ada, eve = (engine.document("checkpoints", "export", f"scout/{key}") for key in ("ada", "eve"))
    assert ada["state"] == {"notes": ["a", "b"], "at": 1}
    newest = max(Path(store.folder).glob("*.log"))
    assert (ada["source"]["file"], ada["source"]["first"]) == (newest.name, 3)
    assert (ada["source"]["snapshot"] or "").startswith("shard-")
    assert eve["state"] == {"at": 2}
    assert (eve["source"]["file"], eve["source"]["offset"]) == (eve["source"]["snapshot"], None)
    assert (eve["source"]["first"], eve["source"]["last"]) == (1, 2)
    assert "which has all records up to 2" in engine("checkpoints", "show", "scout/eve").stderr


def test_an_unknown_agent_is_named_with_what_is_known(engine: Commands) -> None:
    store = opened(engine)
    store.commit([states_part("counter", ["total"], [1, 2], [1, 2])], 2)
    store.commit([gone_part("counter", [2])], 1)
    store.close()
    for agent, said in (
        ("counter/9", "nothing changed it yet"),
        ("scout/9", "there are states of counter"),
        ("counter/2", f"it was removed, p1/0 record 3, in {log_of(Path(store.folder)).name} at byte "),
    ):
        done = engine("checkpoints", "export", agent)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


def test_an_agent_with_a_state_in_two_stores_asks_for_which(engine: Commands) -> None:
    fill(engine, "p1/0")
    fill(engine, "p1/1", 2)
    done = engine("checkpoints", "show", "counter/2")
    assert done.returncode == 2
    assert "p1/0 and p1/1" in done.stderr
    assert engine("checkpoints", "show", "counter/2", "--store", "p1/1").returncode == 0


def test_an_agent_is_shown_beside_a_store_that_cannot_be_read_which_is_said(engine: Commands) -> None:
    folder = fill(engine, "p1/0", 1, 2)
    fill(engine, "p1/1", 3)
    damage(log_of(folder), 80)
    done = engine("checkpoints", "show", "counter/3")
    assert (done.returncode, json.loads(done.stdout)) == (4, {"total": 30})
    assert "is damaged at byte 72" in done.stderr
    unknown = engine("checkpoints", "show", "counter/1")
    assert (unknown.returncode, unknown.stdout) == (4, "")
    assert engine("checkpoints", "show", "counter/3", "--store", "p1/1").returncode == 0


def test_export_of_all_is_a_line_for_each_agent_with_a_state(engine: Commands) -> None:
    store = opened(engine)
    store.commit([states_part("counter", ["total"], list(range(50)), [1] * 50)], 50)
    store.log.roll()
    assert store.compact() is not None
    store.commit([gone_part("counter", [7]), states_part("counter", ["total"], [8], [2])], 2)
    store.commit([changes_part("scout", ["ada"], [{"said": "é\u202e\n"}])], 1)
    store.close()
    fill(engine, "p2/0", 100)
    done = engine("checkpoints", "export", "--all")
    assert done.returncode == 0
    told = [json.loads(line) for line in done.stdout.splitlines()]
    states = {one["agent"]: one["state"] for one in told}
    assert len(states) == len(told)
    wanted = {f"counter/{key}": {"total": 1} for key in range(50) if key != 7}
    assert states == wanted | {"counter/8": {"total": 2}, "counter/100": {"total": 1000}, "scout/ada": {"said": "é\u202e\n"}}
    assert {one["pool"] for one in told} == {"p1", "p2"}


def test_the_engines_own_store_is_listed_and_mended_but_has_no_agents(engine: Commands) -> None:
    store = opened(engine, "_roster", shards=1)
    store.commit([changes_part("agents", ["counter"], [{"+ranges": [["p1", 0, 5]]}])], 1)
    store.close()
    fill(engine)
    assert [line.split()[0] for line in engine("checkpoints", "ls").stdout.splitlines()] == ["STORE", "p1/0", "_roster"]
    assert engine.document("checkpoints", "verify")["stores"][1]["worker"] is None
    assert len(engine("checkpoints", "export", "--all").stdout.splitlines()) == 3
    told = engine.document("checkpoints", "show", "agents/counter", "--store", "_roster")
    assert told["state"] == {"ranges": [["p1", 0, 5]]}
    assert "_roster  folded 1 record into 1 state" in engine("checkpoints", "compact").stdout
    with next((data(engine) / "_roster").glob("shard-*.snap")).open("ab") as file:
        file.write(b"?")
    assert engine("checkpoints", "verify").returncode == 4


def test_export_of_all_saves_what_can_be_read_and_ends_with_4(engine: Commands) -> None:
    folder = fill(engine, "p1/0")
    fill(engine, "p1/1", 5)
    damage(log_of(folder), 80)
    done = engine("checkpoints", "export", "--all")
    assert done.returncode == 4
    assert [json.loads(line)["agent"] for line in done.stdout.splitlines()] == ["counter/5"]
    assert done.stderr.count("\n") == 1


# -- compact and repair ------------------------------------------------------------------------------------------------


def test_compact_folds_the_log_and_nothing_is_lost(engine: Commands) -> None:
    folder = fill(engine)
    first = log_of(folder)
    before = engine("checkpoints", "export", "--all").stdout
    assert engine("checkpoints", "compact").stdout.startswith("p1/0  folded 3 records into 3 states, ")
    assert sorted(engine("checkpoints", "export", "--all").stdout.splitlines()) == sorted(before.splitlines())
    assert engine("checkpoints", "compact").stdout == "p1/0  nothing to fold\n"
    fill(engine)
    (told,) = engine.document("checkpoints", "compact")["stores"]
    assert (told["records"], told["states"], told["error"]) == (3, 3, None)
    assert first.name in told["removed"]
    assert not first.exists()
    assert engine("checkpoints", "verify").returncode == 0


@pytest.mark.parametrize("words", [["compact"], ["repair"], ["repair", "--dry-run"]])
def test_a_store_that_is_open_is_not_touched_and_the_code_is_3_while_others_are_mended(
    engine: Commands, words: list[str]
) -> None:
    store = opened(engine)
    fill(engine, "p1/1")
    before = contents(Path(store.folder))
    done = engine("checkpoints", *words)
    assert done.returncode == 3
    first, second = done.stdout.splitlines()
    assert first == f"p1/0  not changed: {store.folder} is written by another process (pid {os.getpid()}): end that one first"
    assert second.startswith("p1/1  folded" if words == ["compact"] else "p1/1  nothing to cut off")
    assert contents(Path(store.folder)) == before
    told = json.loads(engine("checkpoints", *words, "--json").stdout)
    assert [store["error"] and store["error"]["type"] for store in told["stores"]] == ["FolderInUse", None]
    store.close()


def test_repair_says_what_it_would_cut_then_cuts_it_and_keeps_it(engine: Commands) -> None:
    segment = crash(fill(engine))
    whole = segment.read_bytes()
    dry = engine("checkpoints", "repair", "--dry-run")
    assert (dry.returncode, segment.read_bytes()) == (0, whole)
    assert dry.stdout.startswith(f"p1/0  would cut off 14 bytes of {segment.name} at byte {len(whole) - 14}: ")
    (told,) = engine.document("checkpoints", "repair", "--dry-run")["stores"]
    assert (told["is_cut"], told["torn"]["size_bytes"], told["torn"]["kept"]) == (False, 14, None)
    done = engine("checkpoints", "repair")
    assert done.returncode == 0
    (kept,) = segment.parent.glob(f"{segment.name}.*.broken")
    assert done.stdout.endswith(f"; kept as {kept.name}\n")
    assert (segment.read_bytes(), kept.read_bytes()) == (whole[:-14], whole[-14:])
    assert engine("checkpoints", "repair").stdout == "p1/0  nothing to cut off\n"
    store = opened(engine)
    assert store.state("counter", 7) == {"total": 70}
    store.close()


def test_a_torn_tail_of_zeros_is_cut_without_a_copy(engine: Commands) -> None:
    segment = crash(fill(engine), bytes(4096))
    assert engine("checkpoints", "repair").stdout.endswith("; it was all zeros\n")
    assert list(segment.parent.glob("*.broken")) == []


@pytest.mark.parametrize("words", [["compact"], ["repair"], ["repair", "--dry-run"]])
def test_damage_in_the_middle_is_never_cut(engine: Commands, words: list[str]) -> None:
    folder = fill(engine)
    crash(folder)
    damage(log_of(folder), 80)
    before = contents(folder)
    done = engine("checkpoints", *words)
    assert done.returncode == 4
    assert done.stdout.startswith(f"p1/0  not changed: {log_of(folder)} is damaged at byte 72: ")
    after = contents(folder)
    assert {name: held for name, held in after.items() if name != "LOCK"} == {
        name: held for name, held in before.items() if name != "LOCK"
    }
