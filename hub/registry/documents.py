"""Agencies and agreements as JSON documents, as `hub.registry` holds them and plans compare them.

A document has everything but the version, which stands in its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hub.contracts.names import AgencyCode, AgreementId, EventType
from hub.errors import ContractError
from hub.registry.model import Agency, Agreement, Quota, Subsystem


def encode_agency(agency: Agency) -> dict[str, Any]:
    """Return an agency as a JSON document, without its version (the key holds it)."""
    quota = agency.quota
    return {
        "code": agency.code,
        "title": {"fa": agency.title_fa, "en": agency.title_en},
        "subsystems": [
            {"code": each.code, "title": {"fa": each.title_fa, "en": each.title_en}}
            for each in agency.subsystems
        ],
        "publishes": sorted(agency.grants),
        "partitions": agency.partitions,
        "quota": {
            "produce_bytes_per_second": quota.produce_bytes_per_second,
            "consume_bytes_per_second": quota.consume_bytes_per_second,
            "request_percentage": quota.request_percentage,
        },
    }


def encode_agreement(agreement: Agreement) -> dict[str, Any]:
    """Return an agreement as a JSON document, without its version (the key holds it)."""
    return {
        "id": agreement.id,
        "from": agreement.source,
        "to": agreement.recipient,
        "purpose": {"code": agreement.purpose, "fa": agreement.purpose_fa, "en": agreement.purpose_en},
        "legal_basis": agreement.legal_basis,
        "withhold": _sets(agreement.types),
        "only": _sets(agreement.only),
        "subject": agreement.subject,
        "case_id": agreement.caseid,
        "valid": {
            "from": _time(agreement.valid_from),
            "until": None if agreement.valid_until is None else _time(agreement.valid_until),
        },
    }


def decode_agency(document: Mapping[str, Any], version: int) -> Agency:
    """Return the agency of a document; raise ContractError if the document is none."""
    try:
        return Agency(
            code=AgencyCode(document["code"]),
            version=version,
            title_fa=document["title"]["fa"],
            title_en=document["title"]["en"],
            subsystems=tuple(
                Subsystem(each["code"], each["title"]["fa"], each["title"]["en"])
                for each in document["subsystems"]
            ),
            grants=frozenset(EventType(each) for each in document["publishes"]),
            partitions=document["partitions"],
            quota=Quota(**document["quota"]),
        )
    except (KeyError, TypeError) as error:
        raise ContractError(f"an agency on the registry's topic cannot be read: {error}.") from None


def decode_agreement(document: Mapping[str, Any], version: int) -> Agreement:
    """Return the agreement of a document; raise ContractError if the document is none."""
    try:
        until = document["valid"]["until"]
        return Agreement(
            id=AgreementId(document["id"]),
            version=version,
            source=AgencyCode(document["from"]),
            recipient=AgencyCode(document["to"]),
            purpose=document["purpose"]["code"],
            purpose_fa=document["purpose"]["fa"],
            purpose_en=document["purpose"]["en"],
            legal_basis=document["legal_basis"],
            types={EventType(type_): frozenset(names) for type_, names in document["withhold"].items()},
            only={EventType(type_): frozenset(names) for type_, names in document["only"].items()},
            subject=document["subject"],
            caseid=document["case_id"],
            valid_from=datetime.fromisoformat(document["valid"]["from"]),
            valid_until=None if until is None else datetime.fromisoformat(until),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContractError(f"an agreement on the registry's topic cannot be read: {error}.") from None


def _sets(types: Mapping[EventType, frozenset[str]]) -> dict[str, list[str]]:
    return {type_: sorted(names) for type_, names in sorted(types.items())}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
