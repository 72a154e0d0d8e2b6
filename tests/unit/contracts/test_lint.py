"""The lint: each rule finds its fault, and names file and field."""

from __future__ import annotations

import copy
import json

import pytest

from hub.contracts.lint import lint
from hub.contracts.names import EventType
from hub.contracts.sources import Source, read_sources

TITLE = {"fa": "نام", "en": "Name"}


def field(name, type_="string", **more):
    return {"name": name, "type": type_, "doc": "What it is.", "title": TITLE, "personal": False, **more}


def schema(*fields, **more):
    return {
        "type": "record",
        "name": "ThingHandedOver",
        "namespace": "peyvand.test.v1",
        "doc": "What happened.",
        "doc_fa": "چه شد.",
        "title": TITLE,
        "owner": "somebody",
        "fields": list(fields) or [field("a")],
        **more,
    }


def findings(document):
    """Return the lint's findings as (field, text)."""
    source = Source("test/thing.handed-over.v1.avsc", EventType("test.thing.handed-over.v1"), document)
    return [(finding.field, finding.what) for finding in lint(source)]


PERSONAL = {"personal": True, "legal_basis": "a law", "default": None}
NESTED = {"type": "record", "name": "N", "fields": [field("x", ["null", "string"], **PERSONAL)]}


def test_a_good_schema_has_no_findings():
    """Every kind of type that contracts may use."""
    good = schema(
        field("a"),
        field("b", ["null", "string"], **PERSONAL),
        field("c", {"type": "array", "items": "string"}, default=[]),
        field("d", {"type": "enum", "name": "E", "symbols": ["x"], "default": "x"}, default="x"),
        field("e", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, default="\u0000"),
        field("f", ["null", {"type": "array", "items": NESTED}], **PERSONAL),
        field("g", {"type": "fixed", "name": "F", "size": 2}, default="ab"),
    )
    assert findings(good) == []


@pytest.mark.parametrize(
    ("bad", "path", "says"),
    [
        (field("a", personnal=True), "a", "'personnal' is no annotation"),
        ({"name": "a", "type": "string", "doc": "d", "title": TITLE}, "a", "'personal' is missing"),
        (field("a", doc=""), "a", "'doc' is missing"),
        (field("a", title={"en": "Name"}), "a", "'title' is missing"),
        (field("a", title={"fa": "Name", "en": "Name"}), "a", "must be Persian"),
        (field("aB"), "aB", "lower-case words"),
        (field("a", legal_basis="x"), "a", "personal fields only"),
        (field("a", personal=True, legal_basis="x"), "a", "nullable with default null"),
        (field("a", ["null", "string"], personal=True, legal_basis="x"), "a", "nullable with default null"),
        (field("a", ["null", "string"], personal=True, default=None), "a", "'legal_basis' is missing"),
        (field("a", NESTED), "a.x", "mark the outer one"),
        (field("a", "double"), "a", "floating numbers"),
        (field("a", "null"), "a", "null alone"),
        (field("a", "strnig"), "a", "'strnig' is no type"),
        (field("a", ["string", "int"]), "a", "null and one other"),
        (field("a", ["null", "string", "int"]), "a", "null and one other"),
        (field("a", {"type": "array", "items": "null"}), "a[]", "null alone"),
        (
            field("a", {"type": "array", "items": {"type": "record", "name": "N", "fields": []}}),
            "a",
            "at least one byte",
        ),
        (field("a", {"type": "enum", "name": "E", "symbols": ["x"]}), "a", "an enum needs a default"),
        (field("a", {"type": "long", "logicalType": "date"}), "a", "'date' on 'long' is not known"),
        (field("a", {"type": "long", "logicalType": "moon"}), "a", "'moon' on 'long' is not known"),
        (
            field("a", {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}),
            "a",
            "scale ≤ precision",
        ),
        (
            field("a", {"type": "record", "name": "N", "fields": [field("x", ["null", "N"])]}),
            "a.x",
            "contains itself",
        ),
        (field("a", "int", default="1"), "a", "its default must be a whole number"),
        (field("a", "int", default=2**31), "a", "32 bits"),
        (field("a", ["null", "int"], default=1), "a", "first branch"),
        (field("a", ["int", "null"], default=None), "a", "first branch"),
        (field("a", "bytes", default="ی"), "a", "does not fit"),
    ],
)
def test_each_rule_on_fields_finds_its_fault(bad, path, says):
    """The finding names the field by its path."""
    assert any(where == path and says in what for where, what in findings(schema(bad))), findings(schema(bad))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "Wrong"}, "name 'ThingHandedOver'"),
        ({"namespace": "peyvand.test.v2"}, "namespace 'peyvand.test.v1'"),
        ({"owner": None}, "'owner' is missing"),
        ({"doc_fa": "english"}, "must be Persian"),
        ({"fields": []}, "must have fields"),
        ({"fields": [field("a"), field("a")]}, "stands once"),
        ({"fields": 5}, "must have fields"),
        ({"fields": [5]}, "no Avro schema"),
        ({"fields": [{"name": "a"}]}, "no Avro schema"),
    ],
)
def test_each_rule_on_the_record_finds_its_fault(change, says):
    """Whatever a file holds is a finding, never an exception."""
    assert any(says in what for _, what in findings(schema(**change)))


def test_all_findings_of_a_file_come_at_once():
    """An author mends a file in one go."""
    assert len(findings(schema(field("a", doc=""), field("b", "float"), owner=""))) == 3


def test_files_that_cannot_be_read_are_findings_beside_the_good_ones(tmp_path):
    """No JSON, no record, no event type's name: each names its file."""
    domain = tmp_path / "test"
    domain.mkdir()
    (domain / "thing.handed-over.v1.avsc").write_text(json.dumps(schema()), encoding="utf-8")
    (domain / "thing.broken.v1.avsc").write_text("{", encoding="utf-8")
    (domain / "thing.listed.v1.avsc").write_text("[]", encoding="utf-8")
    (domain / "thing.avsc").write_text("{}", encoding="utf-8")
    (tmp_path / "thing.placed.v1.avsc").write_text("{}", encoding="utf-8")
    (domain / "thing.bytes.v1.avsc").write_bytes(b"\xff")
    (domain / "thing.deep.v1.avsc").write_text("[" * 100_000, encoding="utf-8")
    (domain / "thing.twice.v1.avsc").write_text('{"name": 1, "name": 2}', encoding="utf-8")
    (domain / "thing.foldered.v1.avsc").mkdir()
    sources, found = read_sources(tmp_path)
    assert [source.event_type for source in sources] == ["test.thing.handed-over.v1"]
    assert sorted(finding.file for finding in found) == [
        "test/thing.avsc",
        "test/thing.broken.v1.avsc",
        "test/thing.bytes.v1.avsc",
        "test/thing.deep.v1.avsc",
        "test/thing.foldered.v1.avsc",
        "test/thing.listed.v1.avsc",
        "test/thing.twice.v1.avsc",
        "thing.placed.v1.avsc",
    ]


def test_the_lint_leaves_the_schema_as_it_is():
    """Judging changes nothing."""
    document = schema()
    before = copy.deepcopy(document)
    findings(document)
    assert document == before
