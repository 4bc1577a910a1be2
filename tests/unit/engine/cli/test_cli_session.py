"""Which engine a command means: flag, environment, .env, pools.yaml, default; and no file is read without need."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import pytest

from engine.cli.session import command, config_of, environment, name_of
from engine.errors import ConfigError

POOLS = "pools:\n  p1: {agents: 100}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    for name in ("ENGINE_NAME", "ENGINE_POOLS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def options(name: str | None = None, file: str | None = None) -> Namespace:
    return Namespace(name=name, file=file)


def test_without_a_word_the_engine_is_called_engine() -> None:
    assert name_of(options(), environment()) == "engine"


def test_pools_yaml_may_name_it(here: Path) -> None:
    (here / "pools.yaml").write_text(f"name: from-file\n{POOLS}")
    assert name_of(options(), environment()) == "from-file"


def test_the_file_of_a_flag_may_name_it(here: Path) -> None:
    (here / "other.yaml").write_text(f"name: from-other\n{POOLS}")
    assert name_of(options(file="other.yaml"), environment()) == "from-other"


def test_dotenv_wins_over_the_file(here: Path) -> None:
    (here / "pools.yaml").write_text(f"name: from-file\n{POOLS}")
    (here / ".env").write_text("ENGINE_NAME=from-dotenv\n")
    assert name_of(options(), environment()) == "from-dotenv"
    assert config_of(options()).name == "from-dotenv"


def test_the_environment_wins_over_dotenv(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / ".env").write_text("ENGINE_NAME=from-dotenv\n")
    monkeypatch.setenv("ENGINE_NAME", "from-environment")
    assert name_of(options(), environment()) == "from-environment"


def test_the_flag_wins_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_NAME", "from-environment")
    assert name_of(options("from-flag"), environment()) == "from-flag"
    assert config_of(options("from-flag")).name == "from-flag"


def test_a_broken_file_does_not_hide_an_engine_that_is_named(here: Path) -> None:
    (here / "pools.yaml").write_text("agnets: 5\n")
    assert name_of(options("engine"), environment()) == "engine"
    with pytest.raises(ConfigError, match="agents"):
        name_of(options(), environment())


def test_no_file_is_parsed_where_none_can_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "engine.config", None)
    assert name_of(options(), environment()) == "engine"


def test_what_to_type_next_names_the_engine_where_it_is_not_the_usual_one() -> None:
    assert command("engine", "stats --watch") == "engine stats --watch"
    assert command("nightly", "stats --watch") == "engine --name nightly stats --watch"
