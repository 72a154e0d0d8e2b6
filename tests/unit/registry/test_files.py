from __future__ import annotations

import pytest

from hub import resources
from hub.errors import ConfigError
from hub.registry.files import load

SUBMITTED, STEP = "service.request.submitted.v1", "service.step.completed.v1"
A, G = "agencies/all.yaml", "agreements/fees.yaml"

FAULTS = [
    (A, "code: source", "code: Source", f"{A}:1: code: 'Source' is no agency code"),
    (A, "code: other-source", "code: source", f"{A}:7: code: agency 'source' is declared already in {A}:1"),
    (A, "title: {fa: فرستنده, en: Source}", "title: Source", f"{A}:2: title: must be an object"),
    (A, ", en: Source}", "}", f"{A}:2: title.en: is missing"),
    (A, "publishes:\n", "publish:\n", f"{A}:3: publish: unknown field. Did you mean 'publishes'?"),
    (A, "  - service.step", "  - service.stop", f"{A}:5: publishes.1: no contract has the event type"),
    (A, "  - service.step.completed.v1", "  - hub.step.overdue.v1", f"{A}:5: publishes.1: event types of"),
    (
        A,
        "  - service.step.completed.v1",
        f"  - {SUBMITTED}",
        f"{A}:5: publishes.1: {SUBMITTED} is granted twice",
    ),
    (
        A,
        "  - service.step.completed.v1",
        "  - hub.delivery.rejected.v1",
        f"{A}:5: publishes.1: every agency may",
    ),
    (A, "  - service.step.completed.v1", "  - hub.receipt.v1", f"{A}:5: publishes.1: no contract"),
    (A, "  - service.step.completed.v1", "  - 7", f"{A}:5: publishes.1: must be text"),
    (
        A,
        "---\ncode: recipient",
        "partitions: 3\n---\ncode: recipient",
        f"{A}:10: partitions: must be a power of two",
    ),
    (
        A,
        "---\ncode: recipient",
        "partitions: four\n---\ncode: recipient",
        f"{A}:10: partitions: must be a whole",
    ),
    (
        A,
        "---\ncode: recipient",
        "code: again\n---\ncode: recipient",
        f"{A}:10: code: stands twice (first on line 7)",
    ),
    (
        A,
        "---\ncode: recipient",
        "quota: {produce_bytes: 1}\n---\ncode: recipient",
        f"{A}:10: quota.produce_bytes: unknown field. Did you mean 'produce_bytes_per_second'?",
    ),
    (
        A,
        "---\ncode: recipient",
        "subsystems: [&one {code: a, title: {fa: آ, en: A}}, *one]\n---\ncode: recipient",
        f"{A}:10: subsystems.1.code: subsystem 'a' is declared twice",
    ),
    (A, "code: source", "code: source: x", f"{A}:1: is no YAML"),
    (A, "code: source", "code: &self [*self]", f"{A}:1: code.0: an alias may not stand inside what it names"),
    (G, "id: fees", "id: fee rules", f"{G}:1: id: 'fee rules' is no agreement id"),
    (G, "id: fees", "id: fees-rejections", f"{G}:1: id: fees-rejections: ids that end in -rejections"),
    (
        G,
        "to: recipient",
        "to: recipent",
        f"{G}:3: to: no agency has the code 'recipent'. Did you mean 'recipient'?",
    ),
    (
        G,
        "from: source",
        "from: sauce",
        f"{G}:2: from: no agency has the code 'sauce'. Did you mean 'source'?",
    ),
    (G, "from: source", "from: []", f"{G}:2: from: must not be empty"),
    (G, "to: recipient", "to: source", f"{G}:2: from: source would agree with itself"),
    (G, "code: fee-collection", "code: Fee collection", f"{G}:4: purpose.code: must be lower-case letters"),
    (
        G,
        "[handled_by]",
        "[handled_bye]",
        f"{G}:8: events.{STEP}.withhold.0: {STEP} has no field 'handled_bye'. Did",
    ),
    (G, "[handled_by]", "[service_id]", f"{G}:8: events.{STEP}.withhold: service_id has no default"),
    (
        G,
        "[service_id, fee_amount]",
        "[fee_amount]",
        f"{G}:7: events.{SUBMITTED}.only: service_id has no default",
    ),
    (G, "{only: [service_id, fee_amount]}", "{}", f"{G}:7: events.{SUBMITTED}: say `all`, or"),
    (G, "{only: [service_id, fee_amount]}", "everything", f"{G}:7: events.{SUBMITTED}: must be an object"),
    (G, "fee_amount]}", "fee_amount], withhold: []}", f"{G}:7: events.{SUBMITTED}: say `all`, or"),
    (G, "only:", "onyl:", f"{G}:7: events.{SUBMITTED}.onyl: unknown field. Did you mean 'only'?"),
    (
        G,
        STEP,
        "service.stop.completed.v1",
        f"{G}:8: events.service.stop.completed.v1: no contract has the event",
    ),
    (G, STEP, "feedback.rating.given.v1", f"{G}:8: events.feedback.rating.given.v1: source is not granted"),
    (
        G,
        STEP,
        "hub.delivery.rejected.v1",
        f"{G}:8: events.hub.delivery.rejected.v1: rejections reach the hub",
    ),
    (G, "subject: drop", "subject: hide", f"{G}:9: subject: should be 'pass', 'drop' or 'pseudonym'"),
    (G, "subject: drop\n", "", f"{G}:1: subject: is missing"),
    (G, "2026-03-21T00:00:00+03:30", "2026-03-21", f"{G}:11: valid.from: must be a time with offset"),
    (G, "2026-03-21T00:00:00+03:30", "2026-03-21T00:00:00", f"{G}:11: valid.from: must have an offset"),
    (
        G,
        "2026-03-21T00:00:00+03:30",
        "2026-13-21T00:00:00+03:30",
        f"{G}:11: valid.from: is no value that YAML",
    ),
    (G, "+03:30}", "+03:30, until: 2026-03-20T00:00:00+03:30}", f"{G}:11: valid.until: must be later"),
    (G, "valid: {from: 2026-03-21T00:00:00+03:30}", "valid: {}", f"{G}:11: valid.from: is missing"),
]


@pytest.mark.parametrize(("file", "old", "new", "expected"), FAULTS)
def test_a_fault_is_named_with_file_line_and_field(folder, file, old, new, expected):
    """One broken place in sound files gives one sentence that leads straight to it."""
    folder.replace(file, old, new)
    with pytest.raises(ConfigError) as caught:
        folder.load()
    assert expected in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_faults_are_named_in_one_pass(folder):
    """Faults of several files, of form and of meaning, come together."""
    folder.replace(A, "  - service.step.completed.v1", "  - service.stop.completed.v1")
    folder.replace(G, "subject: drop", "subject: hide")
    folder.write("agreements/second.yaml", "id: second\nfrom: nobody\n")
    with pytest.raises(ConfigError) as caught:
        folder.load()
    text = str(caught.value)
    assert f"{A}:5: publishes.1" in text
    assert f"{G}:9: subject" in text
    assert "agreements/second.yaml:1: to: is missing" in text


def test_a_faulty_agency_does_not_make_its_agreements_faulty(folder):
    """An agency with a fault of its own is named once, not again by everything that mentions it."""
    folder.replace(A, "code: recipient", "code: recipient\npartitions: 3")
    with pytest.raises(ConfigError) as caught:
        folder.load()
    assert "has 1 fault:" in str(caught.value)


def test_the_same_events_cannot_reach_a_recipient_twice(folder):
    """Two agreements of one pair over one type are refused while their periods overlap, else fine."""
    text = (folder.path / G).read_text(encoding="utf-8").replace("id: fees", "id: more-fees")
    folder.write("agreements/more.yaml", text)
    with pytest.raises(ConfigError, match="it would come twice"):
        folder.load()
    folder.write(
        "agreements/more.yaml", text.replace("2026-03-21T00:00:00+03:30", "2027-03-21T00:00:00+03:30")
    )
    folder.replace(G, "+03:30}", "+03:30, until: 2027-03-21T00:00:00+03:30}")
    assert {"fees", "more-fees"} == folder.load().agreements.keys()


def test_a_list_of_sources_makes_one_agreement_each(folder):
    """A route has one source and one recipient; the ids say which, also for a list of one."""
    folder.replace(G, "from: source", "from: [source, other-source]")
    folder.replace(G, f"  {STEP}: {{withhold: [handled_by]}}\n", "")
    assert {"fees-source", "fees-other-source"} == folder.load().agreements.keys()
    folder.replace(G, "from: [source, other-source]", "from: [source]")
    assert {"fees-source"} == folder.load().agreements.keys()


def test_an_allow_list_withholds_every_other_field(folder, contracts):
    """`only` is resolved over all versions of the contract: nothing but the named fields passes."""
    agreement = folder.load().agreements["fees"]
    names = {note.name for contract in contracts.versions(SUBMITTED) for note in contract.fields}
    assert names - {"service_id", "fee_amount"} == agreement.types[SUBMITTED]


def test_files_that_would_be_left_out_are_faults(folder):
    """A wrong ending or a misspelt folder must not silently drop an agreement."""
    folder.write("agreements/late.yml", "")
    folder.write("agreement/typo.yaml", "")
    with pytest.raises(ConfigError) as caught:
        folder.load()
    assert "agreements/late.yml:1: is no *.yaml file" in str(caught.value)
    assert "agreement:1: is no part of the agency registry. Did you mean 'agreements'?" in str(caught.value)


def test_an_empty_file_and_a_list_are_faults(folder):
    """Each document is one object; a file without any was probably a mistake."""
    folder.write("agencies/empty.yaml", "# nothing yet\n")
    folder.write("agencies/list.yaml", "- code: a\n")
    with pytest.raises(ConfigError) as caught:
        folder.load()
    assert "agencies/empty.yaml:1: holds nothing" in str(caught.value)
    assert "agencies/list.yaml:1: must be an object" in str(caught.value)


def test_bytes_that_are_no_text_are_a_fault(folder):
    """A file in another encoding is named, and no traceback is printed."""
    (folder.path / "agencies" / "old.yaml").write_bytes("code: شهر".encode("cp1256"))
    with pytest.raises(ConfigError, match=r"agencies/old\.yaml:1: is not UTF-8 text"):
        folder.load()


def test_a_folder_without_agencies_and_agreements_is_no_registry(tmp_path, contracts):
    """A wrong path gives one sentence, not a fault for each file there."""
    with pytest.raises(ConfigError, match="no folder of the agency registry"):
        load(tmp_path / "nowhere", contracts)


def test_a_system_agency_may_be_given_in_a_file(folder):
    """Titles and grants of the window come from its file where there is one."""
    folder.write(
        "agencies/window.yaml", f"code: window\ntitle: {{fa: پنجره, en: Window}}\npublishes: [{SUBMITTED}]\n"
    )
    registry = folder.load()
    assert registry.agencies["window"].title_en == "Window"
    assert registry.may_publish("window", SUBMITTED)


def test_the_example_registry_is_sound_and_keeps_its_promises(contracts):
    """Four islands reach five recipients; the collector sees fees only, statistics no person, by any type."""
    registry = load(resources.folder("registry"), contracts)
    sources = ("municipality-1", "municipality-2", "municipality-3", "permit-office")
    for source in sources:
        recipients = {each.recipient for each in registry.agreements_for(source, SUBMITTED)}
        assert {"permit-register", "fee-collector", "statistics", "window", "supervision"} == recipients
    for agreement in registry.agreements.values():
        for type_ in agreement.types:
            notes = contracts.newest(type_).fields
            personal = {note.name for note in notes if note.personal}
            passed = {note.name for note in notes} - agreement.mask(type_, [note.name for note in notes])
            if agreement.recipient == "fee-collector":
                assert passed <= {"service_id", "fee_amount", "fee_currency"}
            if agreement.recipient == "statistics":
                assert not passed & personal
                assert agreement.caseid == "pseudonym"
            if agreement.recipient == "permit-register":
                assert {note.name for note in notes} == passed
