"""Every contract can be read across its versions, both ways, and can grow, as a second library sees it."""

from __future__ import annotations

import copy
from io import BytesIO
from itertools import product
from pathlib import Path

import fastavro
import pytest

from hub.contracts.compat import Mode, judge
from hub.contracts.names import RECEIPT, SchemaId
from hub.contracts.schemas import Contract, Contracts

CONTRACTS = Contracts.load(Path(__file__).resolve().parents[2] / "schemas")
TYPES = CONTRACTS.event_types()
DEVICE = {"name": "device_used", "type": ["null", "string"], "default": None}


def grown(contract: Contract) -> Contract:
    """Return a next version: a field more at the front, the last field with a default gone, a symbol more."""
    schema = copy.deepcopy(contract.schema)
    with_default = [field for field in schema["fields"] if "default" in field]
    if with_default:
        schema["fields"].remove(with_default[-1])
    schema["fields"].insert(0, DEVICE)
    for field in schema["fields"]:
        if isinstance(field["type"], dict) and field["type"]["type"] == "enum":
            field["type"]["symbols"].append("something_new")
    return Contract(SchemaId(10**6), contract.event_type, contract.version + 1, schema)


def sparse(contract: Contract) -> dict:
    """Return data with nothing but the fields that have no default."""
    fill = {"string": "x", "int": 1, "long": 1}
    out = {}
    for field in contract.schema["fields"]:
        if "default" not in field:
            type_ = field["type"]
            if isinstance(type_, dict):
                out[field["name"]] = type_["symbols"][-1] if type_["type"] == "enum" else fill[type_["type"]]
            else:
                out[field["name"]] = fill[type_]
    return out


def carried(writer: Contract, reader: Contract) -> dict:
    """Return what the reader's schema makes of a sparse event that the writer's schema wrote."""
    out = BytesIO()
    fastavro.schemaless_writer(out, writer.parsed, sparse(writer))
    out.seek(0)
    return fastavro.schemaless_reader(out, writer.parsed, reader.parsed)


@pytest.mark.parametrize("event_type", TYPES)
def test_every_version_reads_what_every_other_version_writes(event_type):
    """New reads old and old reads new, over all locked versions and a next one that grew."""
    versions = [*CONTRACTS.versions(event_type), grown(CONTRACTS.newest(event_type))]
    for writer, reader in product(versions, repeat=2):
        assert carried(writer, reader).keys() == {field["name"] for field in reader.schema["fields"]}


@pytest.mark.parametrize("event_type", TYPES)
def test_every_locked_history_is_full_transitive(event_type):
    """The rule holds for what is locked and for a grown version, and fails for one that shrinks too far."""
    schemas = [contract.schema for contract in CONTRACTS.versions(event_type)]
    for place in range(len(schemas)):
        assert judge(schemas[place], schemas[:place], Mode.FULL_TRANSITIVE) == ()
    newest = CONTRACTS.newest(event_type)
    assert judge(grown(newest).schema, schemas, Mode.FULL_TRANSITIVE) == ()
    shrunk = {**newest.schema, "fields": newest.schema["fields"][1:]}
    assert judge(shrunk, schemas, Mode.FULL_TRANSITIVE) != () or "default" in newest.schema["fields"][0]


@pytest.mark.parametrize("contract", list(CONTRACTS), ids=lambda contract: str(contract.event_type))
def test_every_personal_field_can_be_withheld(contract):
    """A personal field is null when it is masked."""
    for note in contract.fields:
        assert not note.personal or (note.has_default and note.default is None)


def test_the_catalogue_of_event_types_serves_a_real_start():
    """What the first agencies need is there: requests, steps, data, catalogue, feedback, programme, hub."""
    assert set(TYPES) >= {
        "service.request.submitted.v1",
        "service.request.received.v1",
        "service.request.decided.v1",
        "service.request.completed.v1",
        "service.request.withdrawn.v1",
        "service.step.completed.v1",
        "service.case.handed-over.v1",
        "data.record.changed.v1",
        "catalogue.service.declared.v1",
        "catalogue.service.changed.v1",
        "catalogue.dataset.declared.v1",
        "catalogue.dataset.changed.v1",
        "feedback.rating.given.v1",
        "programme.obligation.declared.v1",
        "programme.obligation.progressed.v1",
        "participation.consultation.opened.v1",
        "participation.consultation.contributed.v1",
        "participation.consultation.concluded.v1",
        RECEIPT,
        "hub.delivery.rejected.v1",
        "hub.parked.replayed.v1",
        "hub.parked.discarded.v1",
        "hub.contents.viewed.v1",
        "hub.step.overdue.v1",
        "hub.step.escalated.v1",
    }
