"""`/v1/agencies` and `/v1/agreements`: the agency registry in force, with what was measured beside it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from hub.api.problems import ProblemError
from hub.api.state import Hub
from hub.contracts import topics
from hub.contracts.names import AgencyCode, AgreementId
from hub.registry.model import Agency, Agreement

router = APIRouter(tags=["registry"])

Sheet = dict[str, Any]
"""The audit's sheet, as `/v1/ledger` gives it."""

_INTAKE = ("read", "routed", "unclaimed", "duplicate")
_DELIVERIES = ("accepted", "delivered", "pending", "rejected", "expired")


@router.get("/v1/agencies", summary="Agencies")
def agencies(hub: Hub) -> dict[str, Any]:
    """List registered agencies: titles, subsystems, grants; whether it has published, and its counts.

    `published` and `received` are the audit's figures; null until its first complete cut.
    """
    registry = hub.registry()
    return {
        "registry": registry.version,
        "agencies": [_agency(registry.agencies[code], hub.watch.sheet) for code in sorted(registry.agencies)],
    }


@router.get("/v1/agencies/{code}", summary="One agency")
def agency(hub: Hub, code: str) -> dict[str, Any]:
    """Show one registered agency."""
    found = hub.registry().agencies.get(AgencyCode(code))
    if found is None:
        raise ProblemError("not-found", "No agency with this code is registered.")
    return _agency(found, hub.watch.sheet)


@router.get("/v1/agreements", summary="Agreements")
def agreements(hub: Hub) -> dict[str, Any]:
    """List agreements: who receives which event types from whom, for what, without which fields."""
    registry = hub.registry()
    known = [*registry.agreements.values(), *registry.derived.values()]
    return {
        "registry": registry.version,
        "agreements": [_agreement(each) for each in sorted(known, key=lambda each: each.id)],
    }


@router.get("/v1/agreements/{id}", summary="One agreement")
def agreement(hub: Hub, id: str) -> dict[str, Any]:  # noqa: A002 - the parameter's public name
    """Show one agreement."""
    found = hub.registry().agreement(AgreementId(id))
    if found is None:
        raise ProblemError("not-found", "No agreement has this id.")
    return _agreement(found)


def _agency(agency: Agency, sheet: Sheet | None) -> dict[str, Any]:
    published = _published(agency.code, sheet)
    return {
        "code": agency.code,
        "version": agency.version,
        "title": {"fa": agency.title_fa, "en": agency.title_en},
        "subsystems": [
            {"code": each.code, "title": {"fa": each.title_fa, "en": each.title_en}}
            for each in agency.subsystems
        ],
        "publishes": sorted(agency.grants),
        "partitions": agency.partitions,
        "connected": None if published is None else published["read"] > 0,
        "published": published,
        "received": _received(agency.code, sheet),
    }


def _published(code: AgencyCode, sheet: Sheet | None) -> dict[str, int] | None:
    if sheet is None:
        return None
    own = [each for each in sheet["intake"] if each["topic"] == topics.outbox(code)]
    counts = {term: sum(each[term] for each in own) for term in _INTAKE}
    return counts | {"parked": sum(sum(each["parked"].values()) for each in own)}


def _received(code: AgencyCode, sheet: Sheet | None) -> dict[str, int] | None:
    if sheet is None:
        return None
    own = [each for each in sheet["routes"] if each["recipient"] == code]
    counts = {term: sum(each[term] for each in own) for term in _DELIVERIES}
    return counts | {"missing": sum(each["unaccounted"]["missing"] for each in own)}


def _agreement(agreement: Agreement) -> dict[str, Any]:
    until = agreement.valid_until
    return {
        "id": agreement.id,
        "version": agreement.version,
        "source": agreement.source,
        "recipient": agreement.recipient,
        "purpose": {"code": agreement.purpose, "fa": agreement.purpose_fa, "en": agreement.purpose_en},
        "legal_basis": agreement.legal_basis,
        "event_types": {
            type_: {
                "withheld": sorted(masked),
                "only": sorted(agreement.only[type_]) if type_ in agreement.only else None,
            }
            for type_, masked in sorted(agreement.types.items())
        },
        "subject": agreement.subject,
        "case_id": agreement.caseid,
        "valid": {"from": agreement.valid_from.isoformat(), "until": until.isoformat() if until else None},
    }
