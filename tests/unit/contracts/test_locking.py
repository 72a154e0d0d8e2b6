"""The lock: ids are given once, old versions stay, incompatible changes are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hub.cli import schemas as command
from hub.contracts import lockfile, locking
from hub.contracts.names import EventType
from hub.contracts.schemas import Contracts
from hub.errors import ConfigError, ContractError

REPOSITORY = Path(__file__).resolve().parents[3]
RATING = "feedback/rating.given.v1.avsc"


@pytest.fixture
def folder(tmp_path):
    """Return a copy of the project's schemas that a test may change."""
    return Path(shutil.copytree(REPOSITORY / "schemas", tmp_path / "schemas"))


def edit(folder, file, change):
    """Apply `change` to a schema file's document."""
    document = json.loads((folder / file).read_text(encoding="utf-8"))
    change(document)
    (folder / file).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def add_field(document):
    document["fields"].append(
        {
            "name": "device",
            "type": ["null", "string"],
            "default": None,
            "doc": "What the user held.",
            "title": {"fa": "وسیله", "en": "Device"},
            "personal": False,
        }
    )


def run(*arguments):
    """Run `hub schemas …` and return the result."""
    app = typer.Typer()
    command.register(app)

    @app.callback()
    def root() -> None:
        """Stands for `hub`."""

    return CliRunner().invoke(app, ["schemas", *map(str, arguments)])


def test_the_projects_lock_is_current():
    """Every schema file of the project is well and locked."""
    state = locking.examine(REPOSITORY / "schemas")
    assert (state.findings, state.changes) == ((), ())


def test_a_changed_schema_gets_the_next_id_and_the_old_version_stays(folder):
    """Old events keep their contract; the newest version is the file's."""
    before = Contracts.load(folder)
    last = max(contract.id for contract in before)
    edit(folder, RATING, add_field)
    result = run("lock", "--schemas", folder)
    assert result.exit_code == 0, result.output
    after = Contracts.load(folder)
    old, new = after.versions(EventType("feedback.rating.given.v1"))
    assert (new.id, new.version) == (last + 1, 2)
    assert old == before.newest(old.event_type)
    assert {contract.id: contract for contract in before}.items() <= {c.id: c for c in after}.items()
    assert run("check", "--schemas", folder).exit_code == 0


def test_locking_twice_changes_nothing(folder):
    """The second run finds nothing to do and writes nothing."""
    edit(folder, RATING, add_field)
    run("lock", "--schemas", folder)
    first = (folder / lockfile.FILE).read_bytes()
    assert "nothing to do" in run("lock", "--schemas", folder).output
    assert (folder / lockfile.FILE).read_bytes() == first


def test_a_changed_title_is_a_new_version_too(folder):
    """What an id stands for never changes, annotations included."""
    edit(folder, RATING, lambda document: document["title"].update(en="Rating"))
    assert [change.altered for change in locking.examine(folder).changes] == [()]


def test_an_incompatible_change_is_refused_with_field_rule_and_way_out(folder):
    """Nothing is written; the sentence names field, rule and the next major."""
    before = (folder / lockfile.FILE).read_bytes()
    edit(folder, RATING, lambda document: document["fields"][1].update(type="string"))
    result = run("lock", "--schemas", folder)
    assert result.exit_code == 1
    assert f"{RATING}, field rating: int became string in the reader's schema" in result.output
    assert "FULL_TRANSITIVE" in result.output
    assert "feedback.rating.given.v2" in result.output
    assert (folder / lockfile.FILE).read_bytes() == before


def test_a_new_major_may_differ_and_counts_its_versions_from_one(folder):
    """A major is a subject of its own."""

    def next_major(document):
        document["namespace"] = "peyvand.feedback.v2"
        document["fields"][1]["type"] = "string"

    shutil.copy(folder / RATING, folder / "feedback/rating.given.v2.avsc")
    edit(folder, "feedback/rating.given.v2.avsc", next_major)
    assert run("lock", "--schemas", folder).exit_code == 0
    assert Contracts.load(folder).newest(EventType("feedback.rating.given.v2")).version == 1


def test_check_prints_all_findings_at_once_and_fails(folder):
    """A broken rule in one file, a stale lock by another, a file that is gone: one run shows all three."""
    edit(folder, RATING, lambda document: document["fields"][2].pop("doc"))
    edit(folder, "hub/receipt.v1.avsc", add_field)
    (folder / "data/record.changed.v1.avsc").unlink()
    result = run("check", "--schemas", folder)
    assert result.exit_code == 1
    assert f"{RATING}, field rating_max: 'doc' is missing" in result.output
    assert "hub/receipt.v1.avsc: it is changed and not locked: run `hub schemas lock`." in result.output
    assert "data/record.changed.v1.avsc: it is locked, but its file is gone" in result.output
    assert "3 findings" in result.output


def test_diff_shows_what_lock_would_do_and_does_nothing(folder):
    """Event type, version, id and the fields that differ."""
    before = (folder / lockfile.FILE).read_bytes()
    edit(folder, RATING, add_field)
    result = run("diff", "--schemas", folder)
    assert result.exit_code == 0
    assert "~ feedback.rating.given.v1 version 2, id " in result.output
    assert "    + device" in result.output
    assert (folder / lockfile.FILE).read_bytes() == before
    assert "No changes." in run("diff", "--schemas", REPOSITORY / "schemas").output


def test_a_folder_without_schemas_is_a_configuration_error(tmp_path):
    """Wrong use is told from a finding."""
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ConfigError):
            locking.examine(place)
    with pytest.raises(ConfigError, match="hub schemas lock"):
        Contracts.load(tmp_path)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: text[:-20], "cannot be read"),
        (lambda _: "[]", "cannot be read"),
        (lambda text: text.replace('"format": 1', '"format": 2'), "format 2"),
        (lambda text: text.replace("Rating given", "Rating taken"), "SHA-256 differs"),
        (lambda text: text.replace('"id": 2,', '"id": 1,'), "id 1 does not follow id 1"),
        (lambda text: text.replace('"version": 1,', '"version": 2,', 1), "out of its order"),
        (lambda text: text.replace('-value"', '"', 1), "is no subject"),
    ],
)
def test_a_damaged_lock_is_refused_with_its_place(damage, says, folder):
    """A merge gone wrong or an edit by hand never gives other ids silently."""
    path = folder / lockfile.FILE
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ContractError, match=says):
        Contracts.load(folder)


def test_an_unknown_id_or_type_is_a_contract_error():
    """Lookups say what is unknown."""
    contracts = Contracts.load(REPOSITORY / "schemas")
    with pytest.raises(ContractError, match="999999 is unknown"):
        contracts.by_id(999999)
    with pytest.raises(ContractError, match=r"'a.b.c.v1' is unknown"):
        contracts.newest(EventType("a.b.c.v1"))


def test_a_contract_tells_its_fields_annotations():
    """Personal fields, their basis, defaults as values, titles in both languages."""
    contract = Contracts.load(REPOSITORY / "schemas").newest(EventType("service.step.completed.v1"))
    handled_by = contract.note("handled_by")
    assert (handled_by.personal, handled_by.has_default, handled_by.default) == (True, True, None)
    assert handled_by.legal_basis
    assert (handled_by.title_fa, handled_by.title_en) == ("انجام‌دهنده", "Handled by")
    assert contract.note("parts").default == []
    assert not contract.note("service_id").has_default
    assert (contract.title_fa, contract.title_en) == ("انجام یک گام", "Step completed")
    with pytest.raises(ContractError, match="no field 'nothing'"):
        contract.note("nothing")


def test_a_folder_without_a_lock_gets_ids_from_one(folder):
    """The first lock numbers every schema, in the order of the files, without gaps."""
    (folder / lockfile.FILE).unlink()
    assert run("check", "--schemas", folder).exit_code == 1
    assert run("lock", "--schemas", folder).exit_code == 0
    contracts = Contracts.load(folder)
    assert [contract.id for contract in contracts] == list(range(1, len(contracts) + 1))


def test_a_lock_that_cannot_be_written_is_one_sentence_and_the_old_one_stays(folder):
    """A folder stands where the scratch file goes: nothing is half written."""
    before = (folder / lockfile.FILE).read_bytes()
    edit(folder, RATING, add_field)
    (folder / f".{lockfile.FILE}.new").mkdir()
    result = run("lock", "--schemas", folder)
    assert isinstance(result.exception, ConfigError)
    assert "the lock cannot be written" in str(result.exception)
    assert (folder / lockfile.FILE).read_bytes() == before
