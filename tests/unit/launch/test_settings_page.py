"""`.env.example` and the settings page are what the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import settings
from hub.errors import ConfigError
from hub.launch.environment import child_environment, variables, write_env_file
from hub.launch.settings_page import PAGES
from hub.launch.settings_page import variables as documented
from hub.settings import Settings

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in [each.name for each in documented()]:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("path", PAGES)
def test_the_written_page_is_up_to_date(path):
    """A changed setting shows on the pages: run `python -m hub.launch.settings_page`."""
    assert (CHECKOUT / path).read_text(encoding="utf-8") == PAGES[path]()


def test_every_setting_says_what_it_is_for():
    """No setting without a description, and no name twice."""
    assert [each.name for each in documented() if not each.description] == []
    names = [each.name for each in documented()]
    assert len(set(names)) == len(names)


def test_the_example_with_every_line_switched_on_is_the_defaults(monkeypatch):
    """What `.env.example` shows as default is the default; an empty value means: not set."""
    for line in PAGES[".env.example"]().splitlines():
        if line.startswith("#HUB_"):
            name, _, value = line[1:].partition("=")
            monkeypatch.setenv(name, value)
    assert settings.load(running=False) == Settings()


def test_what_children_are_given_is_what_the_parent_has(monkeypatch, tmp_path):
    """Settings survive the way through the environment, secrets and paths included."""
    given = {
        "HUB_POSTGRES__URL": "postgresql+psycopg://hub:p%40ss@h/d",
        "HUB_KAFKA__PASSWORD": "geheim #1",
        "HUB_GATE__DEDUPE_HOURS": "1.5",
        "HUB_REGISTRY_DIR": str(tmp_path / "a b"),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    parent = settings.load(tmp_path / "data", running=False)
    for name, value in child_environment(parent).items():
        monkeypatch.setenv(name, value)
    assert settings.load(running=False) == parent
    assert variables(parent) == given | {"HUB_DATA_DIR": str(tmp_path / "data")}


def test_hub_env_is_private_and_brings_commands_to_the_hub(tmp_path):
    """0600, and read back exactly: also a password with signs that an env file would take apart."""
    url = "postgresql+psycopg://hub:a$b'\"c\\ d#e@127.0.0.1:1/hub"
    written = Settings(
        data_dir=tmp_path, kafka={"bootstrap": "127.0.0.1:1"}, postgres={"url": url}, api={"port": 81}
    )
    file = write_env_file(written)
    assert file.stat().st_mode & 0o777 == 0o600
    assert settings.load(tmp_path) == written


def test_hub_env_does_not_make_the_next_start_use_yesterdays_engines(tmp_path):
    """`hub up` reads its settings without hub.env: else its own Kafka would look like an external one."""
    write_env_file(Settings(data_dir=tmp_path, kafka={"bootstrap": "127.0.0.1:1"}))
    assert settings.load(tmp_path, running=False).kafka.bootstrap is None
    assert settings.load(tmp_path).kafka.bootstrap == "127.0.0.1:1"


def test_every_wrong_variable_is_named_at_once(monkeypatch):
    """One message for all faults, so that nobody repairs one at a time."""
    monkeypatch.setenv("HUB_API__PORT", "eighty")
    monkeypatch.setenv("HUB_LOG_LEVEL", "loud")
    with pytest.raises(ConfigError) as caught:
        settings.load(running=False)
    assert "HUB_API__PORT" in str(caught.value)
    assert "HUB_LOG_LEVEL" in str(caught.value)
