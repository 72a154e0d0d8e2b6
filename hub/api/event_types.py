"""`/v1/event-types`: the contracts, as people read them; `/registry` serves them to deserializers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from hub.api.problems import ProblemError
from hub.api.state import Hub
from hub.contracts.names import EventType
from hub.contracts.schemas import Contract
from hub.errors import ContractError

router = APIRouter(tags=["contracts"])


@router.get("/v1/event-types", summary="Event types")
def event_types(hub: Hub) -> dict[str, Any]:
    """List contracts: titles, versions with their schema ids."""
    return {"event_types": [_type(hub.contracts.versions(each)) for each in hub.contracts.event_types()]}


@router.get("/v1/event-types/{type}", summary="One event type")
def event_type(hub: Hub, type: str) -> dict[str, Any]:  # noqa: A002 - the parameter's public name
    """Show one contract with the fields of its newest version: titles, personal or not, legal basis."""
    try:
        versions = hub.contracts.versions(EventType(type))
    except ContractError:
        raise ProblemError("not-found", "No event type has this name.") from None
    return _type(versions) | {"fields": _fields(versions[-1])}


def _type(versions: tuple[Contract, ...]) -> dict[str, Any]:
    newest = versions[-1]
    return {
        "type": newest.event_type,
        "title": {"fa": newest.title_fa, "en": newest.title_en},
        "versions": [{"version": each.version, "schema_id": each.id} for each in versions],
    }


def _fields(contract: Contract) -> list[dict[str, Any]]:
    return [
        {
            "name": note.name,
            "title": {"fa": note.title_fa, "en": note.title_en},
            "required": not note.has_default,
            "personal": note.personal,
            "owner": note.owner,
            "legal_basis": note.legal_basis,
        }
        for note in contract.fields
    ]
