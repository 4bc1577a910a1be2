"""An overview in lines: sums that add up to be read, dashes for what is not known, a sign before each alert."""

from __future__ import annotations

from typing import Any

from engine.cli.overviewlines import overview_lines
from engine.cli.screen import Screen
from engine.overview import Measured, overview
from tests.unit.engine.test_overview import stats


def lines(measured: Measured, **more: Any) -> dict[str, str]:
    shown = overview(stats(**more), measured).as_dict()
    found = overview_lines(shown, Screen(None))
    rows = {line.split()[0]: line.partition(" ")[2].strip() for line in found[1 : found.index("")]}
    return rows | {"head": found[0], "alerts": "\n".join(found[found.index("") + 1 :])}


def test_what_is_known_is_shown() -> None:
    shown = lines(
        Measured(
            active=1_198,
            per_min=12_345,
            efficiency=0.5,
            cpu=0.25,
            machine_bytes=200,
            network_bytes_per_s=1_234_567.0,
            disk_bytes_per_s=0.0,
            sprint={
                "id": "sp-1",
                "phase": "exec",
                "wave": 0,
                "speed": 1.0,
                "left_s": 512.0,
                "progress": 0.5,
                "next_in_s": None,
            },
            cost={"currency": "USD", "providers": {"local": 0.5}, "total": 0.5},
            impact={"features": 1, "tests": 2, "bugs_fixed": 3, "code_lines": 4},
            top=[{"agent": "a/342", "kind": "frontend", "done": 127, "counted": 0.5}],
            alerts=[{"level": "warning", "text": "Pool p3 at 89% capacity"}],
        )
    )
    assert shown["agents"] == "1,247 = 1,198 active + 42 idle + 7 failed"
    assert shown["tasks"] == "210 in the queue, 8,654 complete, 127 failed, 98.5% success"
    assert shown["performance"] == "12,345 tasks/min, 5 errors/min, 4 recoveries/min, 50.0% efficiency"
    assert shown["resources"] == "cpu 25.0%, memory 100 B (50.0%), network 1.23 MB/s, disk 0 B/s"
    assert shown["sprint"] == "sp-1, exec, 8:32 left, 50.0%"
    assert shown["cost"] == "USD 0.5000 = 0.5000 local"
    assert shown["impact"] == "1 features, 2 tests, 3 bugs fixed, 4 code lines"
    assert shown["top"] == "a/342: ≥127 tasks (frontend)"
    assert shown["alerts"] == "⚠ Pool p3 at 89% capacity"


def test_what_is_not_known_is_a_dash() -> None:
    shown = lines(Measured())
    dash = "\N{EN DASH}"
    assert shown["agents"] == f"1,247 = {dash} active + {dash} idle + 7 failed"
    assert {shown[name] for name in ("sprint", "cost", "top")} == {dash}
    assert shown["impact"] == f"{dash} features, {dash} tests, {dash} bugs fixed, {dash} code lines"
    assert shown["alerts"] == "✓ All systems operational"
