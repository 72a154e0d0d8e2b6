"""`/registry`: the Confluent read API over the locked contracts, for stock deserializers.

Read only: schemas enter by the repository. Errors are that API's own (`error_code`, `message`), not problems.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from hub.api.state import Hub, State
from hub.contracts.names import SchemaId, subject_name, subject_type
from hub.contracts.schemas import Contract
from hub.errors import ContractError

router = APIRouter(prefix="/registry", tags=["schema registry"])

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
COMPATIBILITY = "FULL_TRANSITIVE"
_NO_SUBJECT, _NO_VERSION, _NO_SCHEMA, _BAD_VERSION = 40401, 40402, 40403, 42202


@router.get("/subjects", summary="Subjects")
def subjects(hub: Hub) -> JSONResponse:
    """List every subject."""
    return _answer([subject_name(each) for each in hub.contracts.event_types()])


@router.get("/subjects/{subject}/versions", summary="Versions of a subject")
def versions(hub: Hub, subject: str) -> JSONResponse:
    """List the version numbers of a subject."""
    found = _versions(hub, subject)
    return _answer([each.version for each in found]) if found else _no_subject(subject)


@router.get("/subjects/{subject}/versions/{version}", summary="One version of a subject")
def version(hub: Hub, subject: str, version: str) -> JSONResponse:
    """Give one version; `latest` and -1 mean the newest."""
    found = _one(hub, subject, version)
    return found if isinstance(found, JSONResponse) else _answer(_full(found))


@router.get("/subjects/{subject}/versions/{version}/schema", summary="The schema of one version")
def version_schema(hub: Hub, subject: str, version: str) -> JSONResponse:
    """Give the schema alone."""
    found = _one(hub, subject, version)
    return found if isinstance(found, JSONResponse) else _answer(found.schema)


@router.get("/schemas/types", summary="Kinds of schemas")
def types() -> JSONResponse:
    """List the kinds: Avro only."""
    return _answer(["AVRO"])


@router.get("/schemas/ids/{id}", summary="A schema by its id")
def by_id(hub: Hub, id: int) -> JSONResponse:  # noqa: A002 - the parameter's public name
    """Give the schema with an id, as text."""
    found = _by_id(hub, id)
    return _answer({"schema": _text(found)}) if found else _no_schema()


@router.get("/schemas/ids/{id}/schema", summary="A schema by its id, plain")
def by_id_plain(hub: Hub, id: int) -> JSONResponse:  # noqa: A002 - the parameter's public name
    """Give the schema with an id, as JSON."""
    found = _by_id(hub, id)
    return _answer(found.schema) if found else _no_schema()


@router.get("/schemas/ids/{id}/subjects", summary="Subjects of an id")
def subjects_of(hub: Hub, id: int) -> JSONResponse:  # noqa: A002 - the parameter's public name
    """List the subjects in which an id stands: always one."""
    found = _by_id(hub, id)
    return _answer([found.subject]) if found else _no_schema()


@router.get("/schemas/ids/{id}/versions", summary="Subjects and versions of an id")
def versions_of(hub: Hub, id: int) -> JSONResponse:  # noqa: A002 - the parameter's public name
    """Give the subject and version of an id."""
    found = _by_id(hub, id)
    return _answer([{"subject": found.subject, "version": found.version}]) if found else _no_schema()


@router.get("/config", summary="Compatibility")
def config() -> JSONResponse:
    """Give the rule by which contracts may change."""
    return _answer({"compatibilityLevel": COMPATIBILITY})


@router.get("/config/{subject}", summary="Compatibility of a subject")
def config_of(hub: Hub, subject: str, defaultToGlobal: bool = False) -> JSONResponse:  # noqa: ARG001, N803
    """Give the same rule for every subject."""
    return _answer({"compatibilityLevel": COMPATIBILITY}) if _versions(hub, subject) else _no_subject(subject)


@router.get("/mode", summary="Mode")
def mode() -> JSONResponse:
    """Say that it is read only, always."""
    return _answer({"mode": "READONLY"})


def _versions(hub: State, subject: str) -> tuple[Contract, ...]:
    try:
        return hub.contracts.versions(subject_type(subject))
    except ContractError:
        return ()


def _one(hub: State, subject: str, version: str) -> Contract | JSONResponse:
    found = _versions(hub, subject)
    if not found:
        return _no_subject(subject)
    if version in ("latest", "-1"):
        return found[-1]
    if not version.isdecimal() or not 1 <= int(version) < 2**31:
        return _error(422, _BAD_VERSION, f"The specified version '{version}' is not a valid version id.")
    by_number = {each.version: each for each in found}
    if int(version) not in by_number:
        return _error(404, _NO_VERSION, f"Version {version} not found.")
    return by_number[int(version)]


def _by_id(hub: State, id_: int) -> Contract | None:
    try:
        return hub.contracts.by_id(SchemaId(id_))
    except ContractError:
        return None


def _full(contract: Contract) -> dict[str, Any]:
    return {
        "subject": contract.subject,
        "version": contract.version,
        "id": contract.id,
        "schemaType": "AVRO",
        "schema": _text(contract),
    }


def _text(contract: Contract) -> str:
    return json.dumps(contract.schema, ensure_ascii=False)


def _no_subject(subject: str) -> JSONResponse:
    return _error(404, _NO_SUBJECT, f"Subject '{subject}' not found.")


def _no_schema() -> JSONResponse:
    return _error(404, _NO_SCHEMA, "Schema not found")


def _error(status: int, code: int, message: str) -> JSONResponse:
    return JSONResponse({"error_code": code, "message": message}, status, media_type=MEDIA_TYPE)


def _answer(body: Any) -> JSONResponse:
    return JSONResponse(body, media_type=MEDIA_TYPE)
