"""Names as types: what an agency, event type, route or schema is called, and the check for each."""

from __future__ import annotations

import re
from typing import NewType

from hub.errors import ContractError

AgencyCode = NewType("AgencyCode", str)
"""An agency's code: lower-case letters, digits, hyphen; starts with a letter; at most 48 characters."""

EventType = NewType("EventType", str)
"""`<domain>.<subject>.<past-verb>.v<major>`, for example `service.request.submitted.v1`."""

AgreementId = NewType("AgreementId", str)
"""The id of an agreement; same alphabet as an agency code."""

RouteId = NewType("RouteId", str)
"""`<agreement>/<event type>`: the ledger's unit."""

JourneyId = NewType("JourneyId", str)
"""The id of a journey; same alphabet as an agency code."""

CalendarId = NewType("CalendarId", str)
"""The id of a calendar of working days; same alphabet as an agency code."""

SchemaId = NewType("SchemaId", int)
"""The number of a schema in the lock; it stands in every value's frame and never changes."""

_CODE = re.compile(r"[a-z][a-z0-9-]{0,47}")
_EVENT_TYPE = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*){2}\.v[1-9][0-9]{0,3}")
_SUBJECT_SUFFIX = "-value"

RECEIPT = EventType("hub.receipt.v1")
"""The one contract that is no event: it stands on receipts topics only and cannot be published."""


def agency_code(text: str) -> AgencyCode:
    """Return `text` as an agency code, or raise ContractError."""
    if not _CODE.fullmatch(text):
        raise ContractError(
            f"{text!r} is no agency code:",
            do="use lower-case letters, digits and hyphens, a letter first, at most 48 characters.",
        )
    return AgencyCode(text)


def agreement_id(text: str) -> AgreementId:
    """Return `text` as an agreement id, or raise ContractError."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,119}", text):
        raise ContractError(
            f"{text!r} is no agreement id:", do="use lower-case letters, digits and hyphens, a letter first."
        )
    return AgreementId(text)


def event_type(text: str) -> EventType:
    """Return `text` as an event type, or raise ContractError."""
    if not _EVENT_TYPE.fullmatch(text):
        raise ContractError(
            f"{text!r} is no event type:", do="write <domain>.<subject>.<past-verb>.v<major>, in lower case."
        )
    return EventType(text)


def contract_name(text: str) -> EventType:
    """Return `text` as the name of a contract: an event type, or the receipt's; raise ContractError."""
    return RECEIPT if text == RECEIPT else event_type(text)


def major(type_: EventType) -> int:
    """Return the major version of an event type: 1 for `service.request.submitted.v1`."""
    return int(type_.rpartition(".v")[2])


def route_id(agreement: AgreementId, type_: EventType) -> RouteId:
    """Return the route of one event type under one agreement."""
    return RouteId(f"{agreement}/{type_}")


def subject_name(type_: EventType) -> str:
    """Return the schema registry's subject of an event type (Confluent's TopicNameStrategy form)."""
    return f"{type_}{_SUBJECT_SUFFIX}"


def subject_type(subject: str) -> EventType:
    """Return the event type of a schema registry's subject; raise ContractError if it is none of ours."""
    if not subject.endswith(_SUBJECT_SUFFIX):
        raise ContractError(f"{subject!r} is no subject:", do=f"write <event type>{_SUBJECT_SUFFIX}.")
    return contract_name(subject.removesuffix(_SUBJECT_SUFFIX))


def source_uri(agency: AgencyCode, subsystem: str | None = None) -> str:
    """Return the `ce_source` of an agency or of one of its subsystems."""
    return f"/agency/{agency}/{subsystem}" if subsystem else f"/agency/{agency}"
