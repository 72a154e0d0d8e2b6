"""An event on its way to the wire, and the connection's configuration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from kafka import errors

from connectors.sdk import Config, Event, events
from connectors.sdk.events import to_record
from connectors.sdk.failures import explain
from hub.contracts import envelope, frame, topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.errors import BrokerError, BrokerUnavailableError, ConfigError, ContractError

CODEC = Codec(Contracts.load())
TYPE = "service.step.completed.v1"


def event(**changes):
    """Make a sound event."""
    return Event(**{"type": TYPE, "data": {"service_id": "loan"}, **changes})


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"caseid": "bank/7", "subject": "p-1", "id": "e-1"}, b"bank/7"),
        ({"subject": "p-1", "id": "e-1"}, b"p-1"),
        ({"id": "e-1"}, b"e-1"),
    ],
)
def test_the_key_is_the_case_else_the_subject_else_the_id(changes, key):
    """The SDK follows the key rule by itself."""
    assert to_record(event(**changes), "bank", CODEC).key == key


def test_headers_and_value_are_what_the_wire_contract_says():
    """Binary-mode CloudEvents headers, Confluent frame, and an envelope that reads back."""
    record = to_record(event(subsystem="loans", channel="online"), "bank", CODEC)
    read = envelope.read_headers(record.headers)
    assert (read.source, read.type, read.channel) == ("/agency/bank/loans", TYPE, "online")
    assert frame.schema_id(record.value) == CODEC.contracts.newest(TYPE).id


def test_times_carry_their_offset():
    """A datetime keeps the offset it was given; one without an offset is refused."""
    tehran = timezone(timedelta(hours=3, minutes=30))
    when = datetime(2026, 3, 21, 8, 30, 0, 250000, tehran)
    assert event(time=when).envelope("bank").time == "2026-03-21T08:30:00.250+03:30"
    with pytest.raises(ContractError, match="time zone"):
        event(time=when.replace(tzinfo=None)).envelope("bank")


def test_each_event_has_an_id_and_a_time_of_its_own():
    """Without an id an event gets a new one, so a repeated attempt repeats the same event object."""
    first, second = event(), event()
    assert first.id != second.id
    assert first.time.tzinfo is UTC


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"type": "nonsense"}, "ce_type"),
        ({"channel": "pigeon"}, "ce_channel"),
        ({"caseid": "no-slash"}, "ce_caseid"),
        ({"data": {"service_id": "x", "colour": "red"}}, "colour"),
        ({"data": {}}, "service_id"),
        ({"version": 99}, "99"),
    ],
)
def test_a_fault_is_named_before_anything_is_sent(changes, named):
    """The error says which attribute or field is wrong."""
    with pytest.raises(ContractError, match=named):
        to_record(event(**changes), "bank", CODEC)


def test_the_size_counts_key_value_and_headers():
    """What is measured is the uncompressed event, exactly up to the limit."""
    empty = to_record(event(id="i", time="2026-01-01T00:00:00Z"), "bank", CODEC).size
    room = topics.EVENT_BYTES - empty
    # The text's length takes two more bytes once it is long.
    fits = event(id="i", time="2026-01-01T00:00:00Z", data={"service_id": "x" * (room + 2)})
    assert to_record(fits, "bank", CODEC).size == topics.EVENT_BYTES
    with pytest.raises(ContractError, match=str(topics.EVENT_BYTES)):
        to_record(
            event(id="i", time="2026-01-01T00:00:00Z", data={"service_id": "x" * (room + 3)}), "bank", CODEC
        )


def test_what_surrounds_a_value_is_never_so_large_that_the_quick_look_misses_it():
    """Attributes at their longest, in the widest characters, stay within what the size check allows."""
    widest = "\U0001f600" * 512
    record = to_record(
        event(
            id=widest,
            subject=widest,
            causationid=widest,
            caseid="a" * 48 + "/" + "\U0001f600" * 255,
            subsystem="b" * 48,
            channel="online",
            traceparent=f"00-{'0' * 32}-{'0' * 16}-01",
        ),
        "c" * 48,
        CODEC,
    )
    assert record.size - len(record.value) < events._AROUND_BYTES / 2


ENVIRONMENT = {"PEYVAND_AGENCY": "bank", "PEYVAND_BOOTSTRAP": "h:1,h:2", "PEYVAND_PASSWORD": "secret"}


def test_the_environment_of_agency_credentials_configures_the_sdk():
    """Three variables are enough; the login is the agency's code."""
    config = Config.from_env(ENVIRONMENT)
    client = config.client()
    assert client["bootstrap_servers"] == ["h:1", "h:2"]
    assert client["sasl_plain_username"] == "bank"
    assert client["allow_auto_create_topics"] is False
    assert "secret" not in repr(config)


def test_every_wrong_variable_is_named_at_once():
    """One ConfigError for all of them."""
    with pytest.raises(ConfigError) as caught:
        Config.from_env(
            {"PEYVAND_AGENCY": "Bank!", "PEYVAND_SASL_MECHANISM": "PLAIN", "PEYVAND_CA_FILE": "/no/such"}
        )
    for name in (
        "PEYVAND_BOOTSTRAP",
        "PEYVAND_PASSWORD",
        "PEYVAND_AGENCY",
        "PEYVAND_SASL_MECHANISM",
        "PEYVAND_CA_FILE",
    ):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (errors.TopicAuthorizationFailedError(), BrokerError, "own outbox"),
        (errors.SaslAuthenticationFailedError(), BrokerError, "login"),
        (errors.MessageSizeTooLargeError(), ContractError, "larger"),
        (errors.KafkaTimeoutError(), BrokerUnavailableError, "same event again"),
        (errors.UnsupportedCodecError(), BrokerError, "lz4"),
        (ConnectionRefusedError(), BrokerUnavailableError, "did not answer"),
        (errors.IllegalStateError("closed"), BrokerError, "closed"),
    ],
)
def test_failures_of_the_client_become_sentences(error, kind, says):
    """What kafka-python raises is told in the hub's words; only what may pass by itself is retriable."""
    told = explain(error, "agency.bank.outbox")
    assert type(told) is kind
    assert says in str(told)
    assert told.retriable is (kind is BrokerUnavailableError)
