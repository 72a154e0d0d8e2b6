"""`hub plan`, `hub apply` and `hub agency` as a person meets them."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from hub.broker import clients, credentials
from hub.broker.desired.apply import apply
from hub.cli import agency, registry
from hub.contracts import topics
from hub.errors import ConfigError
from hub.registry.model import Registry, system_agencies

TYPE = "service.request.submitted.v1"


@pytest.fixture
def run(engines, monkeypatch):
    """Return a function that runs a command against the engines; a HubError is raised as it is."""
    for name, value in engines.environment.items():
        if name.startswith("HUB_"):
            monkeypatch.setenv(name, value)
    app = typer.Typer()
    registry.register(app)
    agency.register(app)

    def invoke(*words, text=None):
        result = CliRunner().invoke(app, [str(word) for word in words], input=text)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def code(fresh_agency_code):
    return fresh_agency_code("cli")


@pytest.fixture
def folder(tmp_path, engines, code):
    """Write a registry of one fresh agency that tells the window; only the system's are in force before."""
    apply(engines.settings, Registry(0, system_agencies(), {}), remove_agencies=True)
    for name, text in {
        "agencies/a.yaml": f"code: {code}\ntitle: {{fa: آزمون, en: Test}}\npublishes: [{TYPE}]\n",
        "agreements/a.yaml": (
            f"id: tell-{code}\nfrom: {code}\nto: window\npurpose: {{code: test, fa: آزمون, en: Test}}\n"
            f"legal_basis: Test Act\nevents: {{{TYPE}: all}}\nsubject: pass\ncase_id: pass\n"
            "valid: {from: 2020-03-20T00:00:00+03:30}\n"
        ),
    }.items():
        file = tmp_path / name
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8")
    return tmp_path


def test_plan_shows_apply_does_and_a_second_plan_is_empty(run, folder, code, engines):
    """The whole way: read the plan, apply it, see that nothing is left to do."""
    shown = run("plan", folder).output
    assert f"+ agency {code}" in shown
    assert shown.rstrip().endswith("Plan: 2 to add, 0 to change, 0 to remove.")
    done = run("apply", folder, "--yes").output
    assert f"topic agency.{code}.outbox created" in done
    assert "is in force." in done
    assert run("plan", folder).output.startswith("No changes.")
    assert json.loads(run("plan", folder, "--json").output)["changes"] == []
    assert "Nothing to do: edition" in run("apply", folder, "--yes").output
    assert clients.answers(engines.settings, code, 10)


def test_apply_without_anybody_to_ask_wants_yes(run, folder, code, engines):
    """In a script, nothing is applied by accident."""
    with pytest.raises(ConfigError, match="--yes"):
        run("apply", folder, text="y\n")
    assert not credentials.file_of(engines.settings, code).exists()


def test_faulty_files_change_nothing(run, folder):
    """Faults are told with exit code 2, by plan and by apply alike."""
    (folder / "agencies" / "b.yaml").write_text("code: B\n", encoding="utf-8")
    for words in (("plan", folder), ("apply", folder, "--yes")):
        with pytest.raises(ConfigError, match=r"agencies/b\.yaml:1: title: is missing") as caught:
            run(*words)
        assert caught.value.exit_code == 2


def test_the_list_shows_topics_grants_and_agreements(run, folder, code):
    """As a table for people, as JSON for programs."""
    run("apply", folder, "--yes")
    assert code in run("agency", "list").output
    (found,) = [each for each in json.loads(run("agency", "list", "--json").output) if each["code"] == code]
    assert found["publishes"] == [TYPE]
    assert found["topics"] == [topics.outbox(code), topics.inbox(code), topics.receipts(code)]
    assert found["agreements"] == {"in": [], "out": [f"tell-{code}@1"]}


def test_credentials_are_what_the_sdk_reads(run, folder, code, engines, tmp_path):
    """The printed variables make a working connector; the file is for its owner only."""
    from connectors.sdk import Config

    run("apply", folder, "--yes")
    lines = run("agency", "credentials", code).output.strip().splitlines()
    config = Config.from_env(dict(line.split("=", 1) for line in lines))
    assert (config.agency, config.bootstrap) == (code, engines.settings.kafka.bootstrap)
    assert config.password == credentials.password(engines.settings, code)
    out = tmp_path / "secret.env"
    run("agency", "credentials", code, "--out", out)
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_text(encoding="utf-8").strip().splitlines() == lines


def test_credentials_never_show_the_hubs_own_password(run, code, monkeypatch):
    """HUB_KAFKA__PASSWORD is the hub's; an agency without credentials gets a sentence, not that."""
    monkeypatch.setenv("HUB_KAFKA__PASSWORD", "the-hubs-own")
    with pytest.raises(ConfigError, match="there are no credentials of an agency"):
        run("agency", "credentials", code)


def test_rotate_gives_another_password_and_knows_only_agencies(run, folder, code):
    """A misspelt code is answered with the nearest one; the hub's principals are no agencies."""
    run("apply", folder, "--yes")
    before = run("agency", "credentials", code).output
    run("agency", "rotate", code)
    assert run("agency", "credentials", code).output != before
    with pytest.raises(ConfigError, match=f"Did you mean '{code}'"):
        run("agency", "rotate", f"{code}x")
    with pytest.raises(ConfigError, match="no agency code"):
        run("agency", "rotate", topics.GATE_PRINCIPAL)
