"""The envelope: headers to attributes and back, strictly, without repeating values."""

from __future__ import annotations

import pytest

from hub.contracts import frame, names
from hub.contracts.envelope import REPLAY_OF, is_structured, read_headers, text_headers
from hub.errors import ContractError

GOOD = {
    "ce_specversion": b"1.0",
    "ce_id": b"1",
    "ce_source": b"/agency/civil-registry/births",
    "ce_type": b"service.request.submitted.v1",
    "ce_time": b"2026-03-21T08:30:00+03:30",
    "ce_subject": "شخص".encode(),
    "ce_caseid": b"civil-registry/44",
    "ce_causationid": b"0",
    "ce_channel": b"counter",
    "ce_traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "content-type": b"application/avro",
}


def headers(**change):
    """Return good headers with changes; `_` in a name stands for `-` where the contract has one."""
    whole = GOOD | {name.replace("content_", "content-"): value for name, value in change.items()}
    return [(name, value) for name, value in whole.items() if value is not ...]


def test_headers_are_read_and_written_back():
    """Every attribute survives in a fixed order."""
    envelope = read_headers([*headers(), ("sig-a", b"1"), ("x-unknown", b"dropped")])
    assert dict(envelope.to_headers()) == GOOD | {"sig-a": b"1"}
    assert envelope.agency == "civil-registry"


def test_the_key_is_case_then_subject_then_id():
    """The rule of the wire contract."""
    assert read_headers(headers()).key == "civil-registry/44"
    assert read_headers(headers(ce_caseid=...)).key == "شخص"
    assert read_headers(headers(ce_caseid=..., ce_subject=...)).key == "1"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ce_specversion": ...}, "specversion"),
        ({"ce_id": ...}, "ce_id is missing"),
        ({"ce_id": b""}, "ce_id is missing"),
        ({"ce_id": None}, "ce_id is null"),
        ({"ce_id": b"\xff"}, "not UTF-8"),
        ({"ce_id": b"x" * 513}, "1 to 512"),
        ({"ce_id": b"a\x00"}, "control characters"),
        ({"ce_subject": b""}, "ce_subject must have 1 to"),
        ({"ce_source": b"/agency/Civil"}, "ce_source must be"),
        ({"ce_source": b"/agency/a\n"}, "ce_source must be"),
        ({"ce_type": b"Secret Name"}, "ce_type must be"),
        ({"ce_type": b"hub.receipt.v1"}, "ce_type must be"),
        ({"ce_time": b"2026-03-21"}, "ce_time must be"),
        ({"ce_time": b"2026-03-21T08:30:00"}, "ce_time must be"),
        ({"ce_time": b"2026-02-30T08:30:00Z"}, "ce_time must be"),
        ({"ce_time": "۲۰۲۶-03-21T08:30:00Z".encode()}, "ce_time must be"),
        ({"ce_time": b"2026-03-21T08:30:00+99:00"}, "ce_time must be"),
        ({"ce_caseid": b"44"}, "ce_caseid must be"),
        ({"ce_channel": b"fax"}, "ce_channel must be"),
        ({"ce_traceparent": b"x"}, "ce_traceparent must be"),
        ({"content_type": ...}, "content-type must be"),
        ({"content_type": b"application/json"}, "content-type must be"),
    ],
)
def test_each_fault_is_refused_by_name_and_never_by_value(change, says):
    """The text is safe to send to the source and to log."""
    with pytest.raises(ContractError, match=says) as caught:
        read_headers(headers(**change))
    assert "Secret" not in str(caught.value)


def test_a_known_header_twice_is_refused():
    """Two readers could take two different ones."""
    with pytest.raises(ContractError, match="ce_id stands twice"):
        read_headers([*headers(), ("ce_id", b"2")])


def test_the_hubs_headers_are_refused_on_an_outbox():
    """Except the replay's, on the hub's own; a header's name that is no name is not repeated."""
    for name in ("hub-route", "hub-anything"):
        with pytest.raises(ContractError, match=f"header {name} belongs"):
            read_headers([*headers(), (name, b"1")], may_speak_for_others=True)
    with pytest.raises(ContractError, match="header hub-… belongs"):
        read_headers([*headers(), ("hub-0012345678 Ali", b"1")])
    with pytest.raises(ContractError, match="belongs to the hub"):
        read_headers([*headers(), (REPLAY_OF, b"1")])
    assert read_headers([*headers(), (REPLAY_OF, b"1")], may_speak_for_others=True).id == "1"
    with pytest.raises(ContractError, match="header sig-a is null"):
        read_headers([*headers(), ("sig-a", None)])


def test_structured_mode_is_told_by_its_content_type():
    """Parameters of the media type do not matter."""
    assert is_structured([("content-type", b"application/cloudevents+json; charset=utf-8")])
    assert not is_structured([("content-type", b"application/avro")])
    assert not is_structured([("content-type", None)])


def test_headers_for_people_never_fail():
    """Bad UTF-8 is replaced, null is empty, the last of two wins."""
    assert text_headers([("a", b"\xff"), ("b", None), ("c", b"1"), ("c", b"2")]) == {
        "a": "�",
        "b": "",
        "c": "2",
    }


@pytest.mark.parametrize(
    "text", ["a.b.v1", "a.b.c", "a.b.c.v0", "A.b.c.v1", "a.b.c.d.v1", "a..c.v1", "a.b.c.v1\n"]
)
def test_what_is_no_event_type_is_refused(text):
    """Domain, subject, verb and major, in lower case."""
    with pytest.raises(ContractError, match="no event type"):
        names.event_type(text)


def test_a_subject_and_its_event_type_name_each_other():
    """The schema registry's subject is the event type with a suffix; the receipt has one too."""
    for text in ("a.b.done.v12", "hub.receipt.v1"):
        assert names.subject_type(names.subject_name(names.EventType(text))) == text
    assert names.major(names.EventType("a.b.done.v12")) == 12
    for text in ("a.b.done.v1", "a.b-value"):
        with pytest.raises(ContractError):
            names.subject_type(text)


def test_a_frame_holds_its_schema_id():
    """Any 32-bit id goes in and comes out."""
    for number in (0, 1, 2**32 - 1):
        assert frame.schema_id(frame.join(names.SchemaId(number), b"avro")) == number
