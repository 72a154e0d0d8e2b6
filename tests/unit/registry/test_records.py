from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.errors import ContractError
from hub.registry.model import ALWAYS, Registry
from hub.registry.records import RegistryReader, encode_edition, number


def test_an_object_that_comes_back_gets_a_version_never_used_before(folder, publish):
    """A key is written once for ever, so a returning agreement cannot take the number of another content."""
    full, reader = folder.load(), RegistryReader()
    without = Registry(0, full.agencies, {})
    assert [publish(reader, each).version for each in (full, without, full)] == [1, 2, 3]
    assert reader.current.agreements["fees"].version == 2


def test_a_reader_acts_only_on_a_complete_edition(folder):
    """Until the manifest and every object it lists were seen, the edition before stays in force."""
    reader = RegistryReader()
    records = encode_edition(number(folder.load(), reader))
    for record in records[:-1]:
        reader.feed(*record)
        assert reader.current is None
    reader.feed(*records[-1])
    assert reader.current.version == 1


def test_a_manifest_without_its_objects_is_not_in_force(folder):
    """A record lost from the topic cannot lead to half a registry."""
    reader = RegistryReader()
    for record in encode_edition(number(folder.load(), reader))[1:]:
        reader.feed(*record)
    assert reader.current is None
    with pytest.raises(ContractError, match="edition 1"):
        reader.edition(1)


def test_records_may_arrive_twice(folder):
    """Reading a record again changes nothing."""
    reader = RegistryReader()
    for record in encode_edition(number(folder.load(), reader)) * 2:
        reader.feed(*record)
    assert [edition.number for edition in reader.editions()] == [1]


def test_kinds_of_a_later_hub_are_left_out(folder):
    """A reader of today understands what it knows of a topic that holds more, also in editions."""
    reader, records = RegistryReader(), encode_edition(number(folder.load(), RegistryReader()))
    reader.feed("tariff/birth@1", b'{"steps": []}')
    for key, value in records:
        manifest = value.replace(b'"objects":[', b'"objects":["tariff/birth@1",')
        reader.feed(key, manifest if key.startswith("edition/") else value)
    assert "recipient" in reader.current.agencies


def test_an_edition_of_before_journeys_has_none(folder, publish):
    """Manifests that name agencies and agreements only are whole editions still."""
    reader = RegistryReader()
    publish(reader, folder.load())
    assert (reader.current.journeys, reader.current.calendars) == ({}, {})


def test_editions_come_with_the_times_at_which_they_came_into_force(folder):
    """The manifest's time counts; it never falls, though the broker's clock may; without one: ever since."""
    reader, full = RegistryReader(), folder.load()
    without = Registry(0, full.agencies, {})
    for hour, desired in ((None, full), (9, without), (8, full)):
        at = hour and datetime(2026, 3, 21, hour, tzinfo=UTC)
        *objects, manifest = encode_edition(number(desired, reader), reader.keys)
        for record in objects:
            reader.feed(*record, datetime(2026, 3, 21, 7, tzinfo=UTC))
        reader.feed(*manifest, at)
    nine = datetime(2026, 3, 21, 9, tzinfo=UTC)
    assert [(each.number, each.appended_at) for each in reader.editions()] == [
        (1, ALWAYS), (2, nine), (3, nine),
    ]  # fmt: skip
    assert "fees" not in reader.editions()[1].registry.agreements


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b"{}"),
        ("agency/tax", b"{}"),
        ("agency/tax@0", b"{}"),
        ("agency/tax@1", b"[1]"),
        (b"\xff", b"{}"),
    ],
)
def test_a_record_that_is_none_of_ours_is_refused_by_name(key, value):
    """A foreign or damaged record is an error, never a silent gap in who may receive what."""
    with pytest.raises(ContractError, match="registry"):
        RegistryReader().feed(key, value)


def test_an_object_without_its_fields_is_refused_when_read():
    """JSON that is no agreement does not become one."""
    reader = RegistryReader()
    reader.feed("agreement/fees@1", b'{"id": "fees"}')
    reader.feed("edition/registry@1", b'{"edition": 1, "objects": ["agreement/fees@1"]}')
    with pytest.raises(ContractError, match="agreement"):
        _ = reader.current
